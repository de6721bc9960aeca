//! Owns a delivery's way through the ledger, from its admission to its leaves.

use contract::ids::DeliveryId;
use contract::time::Timestamp;
use diesel::sql_types::{BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::delivery::{self, DeliveryRow};
use crate::error::StoreError;
use crate::push::{self, PushRow};

/// Everything that the ledger has of a delivery.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timeline {
    /// The delivery.
    pub delivery: DeliveryRow,
    /// The pushes in it.
    pub pushes: Vec<PushRow>,
    /// The attempts that it brought, or had verified.
    pub attempts: Vec<TimelineAttempt>,
    /// The tries to verify them, oldest first.
    pub verifications: Vec<TimelineVerification>,
    /// The audit entries with its trace, oldest first.
    pub entries: Vec<TimelineEntry>,
}

/// An attempt with its snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, QueryableByName)]
pub struct TimelineAttempt {
    /// The attempt.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// The commit.
    #[diesel(sql_type = Text)]
    pub commit_sha: String,
    /// The branch.
    #[diesel(sql_type = Text)]
    pub branch: String,
    /// Who named the commit: `payload` or `git`.
    #[diesel(sql_type = Text)]
    pub listed: String,
    /// When it was recorded.
    #[diesel(sql_type = Timestamptz)]
    pub recorded_at: Timestamp,
    /// The repository.
    #[diesel(sql_type = Text)]
    pub repository: String,
    /// The lab.
    #[diesel(sql_type = Text)]
    pub lab: String,
    /// Number of the lab version.
    #[diesel(sql_type = Integer)]
    pub lab_version: i32,
    /// Digest of the preserved tree.
    #[diesel(sql_type = Nullable<Text>)]
    pub snapshot_digest: Option<String>,
    /// Files in it.
    #[diesel(sql_type = Nullable<Integer>)]
    pub snapshot_files: Option<i32>,
    /// Their bytes.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub snapshot_bytes: Option<i64>,
    /// When it was preserved.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub snapshot_at: Option<Timestamp>,
    /// When its person was erased.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub erased_at: Option<Timestamp>,
    /// When its tree was removed, by an erasure or by a rule of retention.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub snapshot_removed_at: Option<Timestamp>,
}

/// One try to verify an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, QueryableByName)]
pub struct TimelineVerification {
    /// The try.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// The attempt.
    #[diesel(sql_type = SqlUuid)]
    pub lab_attempt_id: Uuid,
    /// Which try of its request.
    #[diesel(sql_type = Integer)]
    pub try_number: i32,
    /// `pass`, `fail`, `error`, `superseded` or `unchecked`.
    #[diesel(sql_type = Text)]
    pub result: String,
    /// Why an `error` is one.
    #[diesel(sql_type = Nullable<Text>)]
    pub cause: Option<String>,
    /// The same for people.
    #[diesel(sql_type = Nullable<Text>)]
    pub detail: Option<String>,
    /// Points earned.
    #[diesel(sql_type = Integer)]
    pub points: i32,
    /// Points to be had.
    #[diesel(sql_type = Integer)]
    pub points_max: i32,
    /// The steps with their tests, as `contract::result::StepResult` has them.
    #[diesel(sql_type = Jsonb)]
    pub steps: Value,
    /// What each step might use.
    #[diesel(sql_type = Jsonb)]
    pub limits: Value,
    /// What each step used at most, as it was measured; an empty object where nothing ran.
    #[diesel(sql_type = Jsonb)]
    pub peaks: Value,
    /// Who ran it.
    #[diesel(sql_type = Text)]
    pub worker: String,
    /// When an `error` is tried again.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub retry_at: Option<Timestamp>,
    /// When it was asked for.
    #[diesel(sql_type = Timestamptz)]
    pub requested_at: Timestamp,
    /// The command that asked for it, where one did.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub command_id: Option<Uuid>,
    /// Who gave that command.
    #[diesel(sql_type = Nullable<Text>)]
    pub ordered_by: Option<String>,
    /// Why.
    #[diesel(sql_type = Nullable<Text>)]
    pub order_reason: Option<String>,
    /// When a worker took it; `None` of what nothing is run for.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub claimed_at: Option<Timestamp>,
    /// When it began.
    #[diesel(sql_type = Timestamptz)]
    pub started_at: Timestamp,
    /// When it ended.
    #[diesel(sql_type = Timestamptz)]
    pub finished_at: Timestamp,
    /// When its result was recorded.
    #[diesel(sql_type = Timestamptz)]
    pub recorded_at: Timestamp,
}

/// An audit entry with its leaf and the first checkpoint that covers it.
#[derive(Clone, Debug, PartialEq, Serialize, QueryableByName)]
pub struct TimelineEntry {
    /// The entry.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// What happened.
    #[diesel(sql_type = Text)]
    pub action: String,
    /// When it was written.
    #[diesel(sql_type = Timestamptz)]
    pub recorded_at: Timestamp,
    /// Its place in the log.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub leaf_index: Option<i64>,
    /// When it got it.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub leaf_at: Option<Timestamp>,
    /// Size of the first checkpoint that covers it.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub checkpoint_size: Option<i64>,
    /// When that was signed.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub checkpoint_at: Option<Timestamp>,
}

/// A delivery's way, if the delivery is recorded.
///
/// # Errors
/// What the database answers.
pub async fn of_delivery(
    conn: &mut AsyncPgConnection,
    id: DeliveryId,
) -> Result<Option<Timeline>, StoreError> {
    let Some(delivery) = delivery::find(conn, id).await? else {
        return Ok(None);
    };
    let pushes = push::of_deliveries(conn, &[id.as_uuid()]).await?;
    let attempts = sql_query(include_str!("timeline_attempts.sql"))
        .bind::<SqlUuid, _>(id.as_uuid())
        .load(conn)
        .await?;
    let verifications = sql_query(include_str!("timeline_verifications.sql"))
        .bind::<SqlUuid, _>(id.as_uuid())
        .load(conn)
        .await?;
    let entries = sql_query(include_str!("timeline_entries.sql"))
        .bind::<Text, _>(id.trace_id().to_string())
        .load(conn)
        .await?;
    Ok(Some(Timeline {
        delivery,
        pushes,
        attempts,
        verifications,
        entries,
    }))
}

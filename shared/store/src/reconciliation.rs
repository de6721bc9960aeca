//! Owns `reconciliation` (a comparison of a source's forge with the ledger) and
//! `reconciliation_gap` (what the ledger lacked), and what such a comparison reads.

use contract::name::SourceName;
use contract::time::Timestamp;
use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::ledger_row;

ledger_row! {
    /// One comparison of one source.
    "reconciliation" ReconciliationRow [id] {
        /// The comparison.
        id: Uuid => SqlUuid,
        /// The source.
        source: String => Text,
        /// `schedule` or `command:<id>`.
        cause: String => Text,
        /// The one repository that was looked at; `None` for all.
        repository: Option<String> => Nullable<Text>,
        /// Deliveries from then on were looked at.
        since_at: Timestamp => Timestamptz,
        /// When it began.
        began_at: Timestamp => Timestamptz,
        /// Hooks that were asked for their deliveries.
        hooks: i32 => Integer,
        /// Deliveries that the forge says it made.
        deliveries: i64 => BigInt,
        /// Repositories whose refs were asked for.
        repositories: i64 => BigInt,
        /// Branches that were compared.
        refs: i64 => BigInt,
        /// Deliveries that the ledger lacked.
        delivery_gaps: i64 => BigInt,
        /// Refs that were elsewhere than the ledger last saw them.
        ref_gaps: i64 => BigInt,
        /// Whether the forge told of every delivery of the window.
        deliveries_complete: bool => Bool,
        /// First try of the oldest delivery that the ledger lacked.
        oldest_gap_at: Option<Timestamp> => Nullable<Timestamptz>,
        /// `complete` or `incomplete`.
        outcome: String => Text,
        /// Why it is incomplete.
        reason: Option<String> => Nullable<Text>,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

ledger_row! {
    /// Something that the ledger lacked.
    "reconciliation_gap" GapRow [id] {
        /// The gap: computed from source and subject.
        id: Uuid => SqlUuid,
        /// The comparison that found it first.
        reconciliation_id: Uuid => SqlUuid,
        /// The source.
        source: String => Text,
        /// `delivery-failed`, `delivery-lost` or `ref`.
        kind: String => Text,
        /// The forge's id of the delivery, or the id under which a ref's push was recorded.
        subject: String => Text,
        /// The repository, where it is known.
        repository: Option<String> => Nullable<Text>,
        /// The whole ref.
        ref_name: Option<String> => Nullable<Text>,
        /// Where the ledger last saw the ref.
        before_sha: Option<String> => Nullable<Text>,
        /// Where it was found.
        after_sha: Option<String> => Nullable<Text>,
        /// The forge's name of the event.
        event: Option<String> => Nullable<Text>,
        /// When the forge says that it first tried to deliver.
        first_attempt_at: Option<Timestamp> => Nullable<Timestamptz>,
        /// The status that the forge got last.
        last_status: Option<i32> => Nullable<Integer>,
        /// What was decided: `redelivery`, `record` or `none`.
        action: String => Text,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// The newest comparison of a source to which the forge told of every delivery, of those that began
/// by `until`. One that seems to have begun later was made by a clock that was wrong: it saw nothing
/// of what came after its real beginning.
///
/// # Errors
/// What the database answers.
pub async fn last_complete(
    conn: &mut AsyncPgConnection,
    source: &SourceName,
    until: Timestamp,
) -> Result<Option<ReconciliationRow>, StoreError> {
    let text = "SELECT * FROM reconciliation WHERE source = $1 AND began_at <= $2 \
                AND deliveries_complete AND repository IS NULL ORDER BY began_at DESC LIMIT 1";
    Ok(sql_query(text)
        .bind::<Text, _>(source.as_str())
        .bind::<Timestamptz, _>(until)
        .get_result(conn)
        .await
        .optional()?)
}

/// The newest comparison of each whole source, of those that began by `until`: after a clock that
/// was wrong the ledger may have later ones.
///
/// # Errors
/// What the database answers.
pub async fn newest(
    conn: &mut AsyncPgConnection,
    until: Timestamp,
) -> Result<Vec<ReconciliationRow>, StoreError> {
    let text = "SELECT DISTINCT ON (source) * FROM reconciliation \
                WHERE repository IS NULL AND began_at <= $1 ORDER BY source, began_at DESC";
    Ok(sql_query(text)
        .bind::<Timestamptz, _>(until)
        .load(conn)
        .await?)
}

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = Text)]
    forge_delivery: String,
}

/// Which of these deliveries of a source have a receipt, by the forge's ids.
///
/// # Errors
/// What the database answers.
pub async fn received(
    conn: &mut AsyncPgConnection,
    source: &SourceName,
    forge_deliveries: &[&str],
) -> Result<Vec<String>, StoreError> {
    let text = "SELECT forge_delivery FROM delivery_receipt \
                WHERE source = $1 AND forge_delivery = ANY($2)";
    let known: Vec<Known> = sql_query(text)
        .bind::<Text, _>(source.as_str())
        .bind::<Array<Text>, _>(forge_deliveries)
        .load(conn)
        .await?;
    Ok(known.into_iter().map(|row| row.forge_delivery).collect())
}

/// A repository with an open session.
#[derive(Clone, Debug, PartialEq, QueryableByName)]
pub struct OpenRepository {
    /// `source:owner/name`.
    #[diesel(sql_type = Text)]
    pub repository: String,
    /// The commits that its sessions started from.
    #[diesel(sql_type = Array<Text>)]
    pub starting: Vec<String>,
}

/// The repositories of a source with a session that was not closed at `open_at`, by name, at most
/// `limit` of those after `after`.
///
/// # Errors
/// What the database answers.
pub async fn open_repositories(
    conn: &mut AsyncPgConnection,
    source: &SourceName,
    after: &str,
    open_at: Timestamp,
    limit: i64,
) -> Result<Vec<OpenRepository>, StoreError> {
    Ok(sql_query(include_str!("reconciliation_repositories.sql"))
        .bind::<Text, _>(format!("{source}:"))
        .bind::<Text, _>(after)
        .bind::<Timestamptz, _>(open_at)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}

/// Where the ledger last saw a branch or a tag.
#[derive(Clone, Debug, PartialEq, QueryableByName)]
pub struct KnownRef {
    /// `source:owner/name`.
    #[diesel(sql_type = Text)]
    pub repository: String,
    /// The whole ref.
    #[diesel(sql_type = Text)]
    pub ref_name: String,
    /// Where it is by the linkage of its pushes; `None` where it is gone.
    #[diesel(sql_type = Nullable<Text>)]
    pub head_sha: Option<String>,
    /// The push that was received last.
    #[diesel(sql_type = SqlUuid)]
    pub newest_push: Uuid,
    /// Where that one led; `None` where it deleted the ref.
    #[diesel(sql_type = Nullable<Text>)]
    pub newest_sha: Option<String>,
}

/// Where the ledger last saw the branches and tags of these repositories.
///
/// # Errors
/// What the database answers.
pub async fn known_refs(
    conn: &mut AsyncPgConnection,
    repositories: &[&str],
) -> Result<Vec<KnownRef>, StoreError> {
    Ok(sql_query(include_str!("reconciliation_refs.sql"))
        .bind::<Array<Text>, _>(repositories)
        .load(conn)
        .await?)
}

#[derive(QueryableByName)]
struct Pushed {
    #[diesel(sql_type = Text)]
    commit_sha: String,
}

/// Which of these commits a push of a repository led to.
///
/// # Errors
/// What the database answers.
pub async fn pushed(
    conn: &mut AsyncPgConnection,
    repository: &str,
    commits: &[&str],
) -> Result<Vec<String>, StoreError> {
    let text = "SELECT DISTINCT after_sha AS commit_sha FROM push \
                WHERE repository = $1 AND after_sha = ANY($2)";
    let pushed: Vec<Pushed> = sql_query(text)
        .bind::<Text, _>(repository)
        .bind::<Array<Text>, _>(commits)
        .load(conn)
        .await?;
    Ok(pushed.into_iter().map(|row| row.commit_sha).collect())
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// Tries to be the one that compares this source, for as long as the connection lives: that one
/// belongs to no pool.
///
/// # Errors
/// What the database answers.
pub async fn try_lock(
    conn: &mut AsyncPgConnection,
    source: &SourceName,
) -> Result<bool, StoreError> {
    let text = "SELECT pg_try_advisory_lock(hashtextextended('reconcile:' || $1, 0)) AS yes";
    let answer: Answer = sql_query(text)
        .bind::<Text, _>(source.as_str())
        .get_result(conn)
        .await?;
    Ok(answer.yes)
}

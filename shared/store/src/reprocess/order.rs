//! Owns orders to reprocess: which there are, how far each has come, whether it is over.

use std::collections::HashSet;

use contract::ids::{AttemptId, AuditEntryId, CommandId};
use contract::reprocess::{Looked, ReprocessRequested, ReprocessStopRequested};
use contract::time::Timestamp;
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::audit_entry;
use crate::command::CommandRow;
use crate::error::StoreError;

/// The action of the audit entry that ends a command: everything is asked for, or it was stopped.
pub const FINISHED: &str = "reprocess-finished";

/// How far a command has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, QueryableByName)]
pub struct Progress {
    /// Requests that it caused.
    #[diesel(sql_type = BigInt)]
    pub requests: i64,
    /// Those that passed.
    #[diesel(sql_type = BigInt)]
    pub passed: i64,
    /// Those that failed.
    #[diesel(sql_type = BigInt)]
    pub failed: i64,
    /// Those whose newest try could not be judged, was superseded, or was not
    /// checked.
    #[diesel(sql_type = BigInt)]
    pub errors: i64,
    /// Those without a result.
    #[diesel(sql_type = BigInt)]
    pub waiting: i64,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Reached {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    received_at: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    recorded_at: Timestamp,
}

/// How far an order has asked, as its requests have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The last attempt that it asked for, in the order of reception.
    pub last: Looked,
    /// When that request was written.
    pub recorded_at: Timestamp,
}

#[derive(QueryableByName)]
struct Entry {
    #[diesel(sql_type = Text)]
    entry: String,
}

/// How far a command has come.
///
/// # Errors
/// What the database answers.
pub async fn progress(
    conn: &mut AsyncPgConnection,
    command: CommandId,
) -> Result<Progress, StoreError> {
    Ok(sql_query(include_str!("../reprocess_progress.sql"))
        .bind::<Text, _>(ReprocessRequested::cause_of(command))
        .get_result(conn)
        .await?)
}

/// Whether a command has asked for anything yet.
///
/// # Errors
/// What the database answers.
pub async fn has_begun(
    conn: &mut AsyncPgConnection,
    command: CommandId,
) -> Result<bool, StoreError> {
    let text = "SELECT count(*) AS count FROM \
                (SELECT FROM verification_request WHERE cause = $1 LIMIT 1) AS first";
    let counted: Counted = sql_query(text)
        .bind::<Text, _>(ReprocessRequested::cause_of(command))
        .get_result(conn)
        .await?;
    Ok(counted.count > 0)
}

/// Whether a command was stopped.
///
/// # Errors
/// What the database answers.
pub async fn is_stopped(
    conn: &mut AsyncPgConnection,
    command: CommandId,
) -> Result<bool, StoreError> {
    let text = format!(
        "SELECT count(*) AS count FROM command \
         WHERE kind = '{}' AND body ->> 'stops' = $1 AND outcome = 'accepted'",
        ReprocessStopRequested::TOKEN
    );
    let counted: Counted = sql_query(text)
        .bind::<Text, _>(command.to_string())
        .get_result(conn)
        .await?;
    Ok(counted.count > 0)
}

/// The audit entry that ends a command, once everything is asked for or it was stopped: its text.
///
/// # Errors
/// What the database answers.
pub async fn finished(
    conn: &mut AsyncPgConnection,
    command: CommandId,
) -> Result<Option<String>, StoreError> {
    let found: Option<Entry> = sql_query("SELECT entry FROM audit_entry WHERE id = $1")
        .bind::<SqlUuid, _>(end_of(command))
        .get_result(conn)
        .await
        .optional()?;
    Ok(found.map(|found| found.entry))
}

/// The newest orders that were accepted and are not over, at most `limit` looked at, the newest
/// first.
///
/// # Errors
/// What the database answers.
pub async fn under_way(
    conn: &mut AsyncPgConnection,
    limit: i64,
) -> Result<Vec<CommandRow>, StoreError> {
    let text = format!(
        "SELECT * FROM command WHERE kind = '{}' AND outcome = 'accepted' \
         ORDER BY recorded_at DESC LIMIT $1",
        ReprocessRequested::TOKEN
    );
    let mut orders: Vec<CommandRow> = sql_query(text)
        .bind::<BigInt, _>(limit)
        .load(&mut *conn)
        .await?;
    let ids: Vec<Uuid> = orders
        .iter()
        .map(|order| end_of(CommandId::from_uuid(order.id)))
        .collect();
    let ended = audit_entry::find(conn, &ids).await?;
    let ended: HashSet<Uuid> = ended.into_iter().map(|entry| entry.id).collect();
    orders.retain(|order| !ended.contains(&end_of(CommandId::from_uuid(order.id))));
    Ok(orders)
}

/// How far an order has asked; `None` where it has asked for nothing yet.
///
/// # Errors
/// What the database answers.
pub async fn asked(
    conn: &mut AsyncPgConnection,
    command: CommandId,
) -> Result<Option<Asked>, StoreError> {
    let text = "SELECT attempt.id, attempt.received_at, request.recorded_at \
                FROM verification_request AS request \
                JOIN lab_attempt AS attempt ON attempt.id = request.lab_attempt_id \
                WHERE request.cause = $1 \
                ORDER BY attempt.received_at DESC, attempt.id DESC LIMIT 1";
    let reached: Option<Reached> = sql_query(text)
        .bind::<Text, _>(ReprocessRequested::cause_of(command))
        .get_result(conn)
        .await
        .optional()?;
    Ok(reached.map(|reached| Asked {
        last: Looked {
            received_at: reached.received_at,
            attempt: AttemptId::from_uuid(reached.id),
        },
        recorded_at: reached.recorded_at,
    }))
}

/// The id of the audit entry that ends an order.
fn end_of(command: CommandId) -> Uuid {
    AuditEntryId::compute(FINISHED, &command.to_string()).as_uuid()
}

//! Owns `audit_entry` and the outbox `ledger_pending`: what every writer adds in its effect's own
//! transaction.

use contract::audit::AuditEntry;
use contract::digest::Digest;
use contract::time::Timestamp;
use diesel::sql_types::{Array, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::AsyncPgConnection;
use uuid::Uuid;

use crate::error::StoreError;
use crate::prepared::RunPrepared;

/// An entry with the W3C `traceparent` of the span that wrote it, so that the leaf's span joins
/// the push's trace.
#[derive(Clone, Debug)]
pub struct PendingEntry {
    /// The entry.
    pub entry: AuditEntry,
    /// The writer's span, if it is traced.
    pub traceparent: Option<String>,
}

/// An entry, or a part of one.
struct Part<'a> {
    entry: &'a AuditEntry,
    traceparent: Option<&'a str>,
}

impl<'a> Part<'a> {
    fn all(pending: &'a PendingEntry) -> impl Iterator<Item = Self> {
        let traceparent = pending.traceparent.as_deref();
        let all = std::iter::once(&pending.entry).chain(&pending.entry.more);
        all.map(move |entry| Part { entry, traceparent })
    }
}

/// An entry as it is kept: what its leaf is computed from.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct EntryRow {
    /// The entry.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// The canonical text.
    #[diesel(sql_type = Text)]
    pub entry: String,
    /// SHA-256 of the text, in hex.
    #[diesel(sql_type = Text)]
    pub digest: String,
    /// When it was written.
    #[diesel(sql_type = Timestamptz)]
    pub recorded_at: Timestamp,
}

/// The entries with these ids; those that are there, in any order.
///
/// # Errors
/// What the database answers.
pub async fn find(conn: &mut AsyncPgConnection, ids: &[Uuid]) -> Result<Vec<EntryRow>, StoreError> {
    let text = "SELECT id, entry, digest, recorded_at FROM audit_entry WHERE id = ANY($1)";
    Ok(sql_query(text)
        .bind::<Array<SqlUuid>, _>(ids)
        .load(conn)
        .await?)
}

/// Adds entries and their pending rows; those that are there already are passed over.
///
/// # Errors
/// What the database answers.
pub async fn append(
    conn: &mut AsyncPgConnection,
    entries: &[PendingEntry],
) -> Result<(), StoreError> {
    add(conn, include_str!("audit_entry_append.sql"), entries)
        .await
        .map_err(StoreError::from)
}

/// Adds entries that are not there, and their pending rows: of rows that this transaction has found
/// not to be there.
///
/// # Errors
/// What the database answers; [`StoreError::Overtaken`] where somebody was faster.
pub async fn append_new(
    conn: &mut AsyncPgConnection,
    entries: &[PendingEntry],
) -> Result<(), StoreError> {
    add(conn, include_str!("audit_entry_append_new.sql"), entries)
        .await
        .map_err(StoreError::of_new)
}

async fn add(
    conn: &mut AsyncPgConnection,
    text: &str,
    entries: &[PendingEntry],
) -> QueryResult<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut sorted: Vec<Part<'_>> = entries.iter().flat_map(Part::all).collect();
    // Two writers that insert the same keys in different orders would deadlock.
    sorted.sort_by_key(|part| part.entry.id);
    // One given twice would be joined to two pending rows of one key.
    sorted.dedup_by_key(|part| part.entry.id);
    let column = |of: fn(&Part<'_>) -> String| sorted.iter().map(of).collect::<Vec<_>>();
    sql_query(text)
        .bind::<Array<SqlUuid>, _>(
            sorted
                .iter()
                .map(|p| p.entry.id.as_uuid())
                .collect::<Vec<_>>(),
        )
        .bind::<Array<Text>, _>(column(|p| p.entry.action.to_owned()))
        .bind::<Array<Text>, _>(
            sorted
                .iter()
                .map(|p| p.entry.text.as_str())
                .collect::<Vec<_>>(),
        )
        .bind::<Array<Text>, _>(column(|p| Digest::of(p.entry.text.as_bytes()).to_string()))
        .bind::<Array<Nullable<Text>>, _>(
            sorted
                .iter()
                .map(|p| p.entry.trace_id.map(|id| id.to_string()))
                .collect::<Vec<_>>(),
        )
        .bind::<Array<Timestamptz>, _>(sorted.iter().map(|p| p.entry.at).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(sorted.iter().map(|p| p.traceparent).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    Ok(())
}

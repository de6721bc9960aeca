//! Owns the search for what can be proven: rows by their id or its beginning, and the entries of the
//! delivery that they are of.

use diesel::sql_types::{Text, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;

/// Rows that are named when a beginning is of several.
const NAMED_MAX: usize = 5;

/// A row that can be proven.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct ProvableRow {
    /// Its table.
    #[diesel(sql_type = Text)]
    pub table_name: String,
    /// Its id.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// The delivery that it is of.
    #[diesel(sql_type = SqlUuid)]
    pub delivery_id: Uuid,
}

/// An entry that may cover it.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct EntryOfTraceRow {
    /// The entry.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// The canonical text.
    #[diesel(sql_type = Text)]
    pub entry: String,
}

/// Attempts, verifications and deliveries whose id lies between these, some of them.
///
/// # Errors
/// What the database answers.
pub async fn between(
    conn: &mut AsyncPgConnection,
    first: Uuid,
    last: Uuid,
) -> Result<Vec<ProvableRow>, StoreError> {
    let text = format!(
        "SELECT 'lab_attempt' AS table_name, id, delivery_id FROM lab_attempt \
         WHERE id BETWEEN $1 AND $2 \
         UNION ALL SELECT 'delivery', id, id FROM delivery WHERE id BETWEEN $1 AND $2 \
         UNION ALL SELECT 'verification_attempt', verification.id, attempt.delivery_id \
         FROM verification_attempt AS verification \
         JOIN verification_request AS request ON request.id = verification.request_id \
         JOIN lab_attempt AS attempt ON attempt.id = request.lab_attempt_id \
         WHERE verification.id BETWEEN $1 AND $2 LIMIT {NAMED_MAX}"
    );
    Ok(sql_query(text)
        .bind::<SqlUuid, _>(first)
        .bind::<SqlUuid, _>(last)
        .load(conn)
        .await?)
}

/// The entries with this trace, oldest first.
///
/// # Errors
/// What the database answers.
pub async fn entries_of_trace(
    conn: &mut AsyncPgConnection,
    trace: &str,
) -> Result<Vec<EntryOfTraceRow>, StoreError> {
    let text = "SELECT id, entry FROM audit_entry WHERE trace_id = $1 ORDER BY recorded_at, id";
    Ok(sql_query(text).bind::<Text, _>(trace).load(conn).await?)
}

/// The entries that hold these words, oldest first: every entry is read for it.
///
/// # Errors
/// What the database answers.
pub async fn entries_with(
    conn: &mut AsyncPgConnection,
    words: &str,
) -> Result<Vec<EntryOfTraceRow>, StoreError> {
    let text = "SELECT id, entry FROM audit_entry WHERE position($1 IN entry) > 0 \
                ORDER BY recorded_at, id";
    Ok(sql_query(text).bind::<Text, _>(words).load(conn).await?)
}

//! Owns reading and emptying the outbox `ledger_pending`; `audit_entry` fills it.

use contract::time::Timestamp;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;

/// How many pending rows are counted at most: beyond it the exact number says nothing more.
pub const COUNT_MAX: i64 = 100_000;

/// An entry that waits for its leaf.
#[derive(Clone, Debug, QueryableByName)]
pub struct PendingRow {
    /// The entry.
    #[diesel(sql_type = SqlUuid)]
    pub audit_entry_id: Uuid,
    /// The span that wrote it, if it was traced.
    #[diesel(sql_type = Nullable<Text>)]
    pub traceparent: Option<String>,
}

/// How far the log is behind the ledger.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct LagRow {
    /// How many entries wait, at most [`COUNT_MAX`].
    #[diesel(sql_type = BigInt)]
    pub pending: i64,
    /// When the one that waits longest was written.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub oldest: Option<Timestamp>,
}

/// The entries that wait, in the order they were queued.
///
/// # Errors
/// What the database answers.
pub async fn oldest(
    conn: &mut AsyncPgConnection,
    limit: i64,
) -> Result<Vec<PendingRow>, StoreError> {
    // The entries themselves are read by their ids afterwards: a join here would be planned from
    // statistics that a table which is empty most of the time does not have.
    let text = "SELECT audit_entry_id, traceparent FROM ledger_pending ORDER BY queued LIMIT $1";
    Ok(sql_query(text).bind::<BigInt, _>(limit).load(conn).await?)
}

/// Queues again the entries whose leaves in this epoch are from a place on, in their order: no
/// checkpoint covers them, and none of that epoch ever will. Says how many there are.
///
/// # Errors
/// What the database answers.
pub async fn queue_again(
    conn: &mut AsyncPgConnection,
    epoch: i64,
    from: i64,
) -> Result<usize, StoreError> {
    let text = "INSERT INTO ledger_pending (audit_entry_id) \
                SELECT audit_entry_id FROM ledger_leaf \
                WHERE epoch = $1 AND leaf_index >= $2 ORDER BY leaf_index \
                ON CONFLICT DO NOTHING";
    Ok(sql_query(text)
        .bind::<BigInt, _>(epoch)
        .bind::<BigInt, _>(from)
        .execute(conn)
        .await?)
}

/// Takes entries out of the outbox: in the transaction that gives them their leaves.
///
/// # Errors
/// What the database answers.
pub async fn remove(conn: &mut AsyncPgConnection, entries: &[Uuid]) -> Result<usize, StoreError> {
    Ok(
        sql_query("DELETE FROM ledger_pending WHERE audit_entry_id = ANY($1)")
            .bind::<Array<SqlUuid>, _>(entries)
            .execute(conn)
            .await?,
    )
}

/// How many entries wait, and since when.
///
/// # Errors
/// What the database answers.
pub async fn lag(conn: &mut AsyncPgConnection) -> Result<LagRow, StoreError> {
    let text = "SELECT (SELECT count(*) FROM (SELECT 1 FROM ledger_pending LIMIT $1) AS counted) \
                           AS pending, \
                       (SELECT recorded_at FROM audit_entry WHERE id = \
                           (SELECT audit_entry_id FROM ledger_pending ORDER BY queued LIMIT 1)) \
                           AS oldest";
    Ok(sql_query(text)
        .bind::<BigInt, _>(COUNT_MAX)
        .get_result(conn)
        .await?)
}

//! Owns the two statements of a step of the log: which entries wait, with their texts; and their
//! leaves, the head and the checkpoint, all written or none.

use contract::time::Timestamp;
use diesel::sql_types::{Array, BigInt, Bool, Bytea, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::AsyncPgConnection;
use uuid::Uuid;

use crate::error::StoreError;
use crate::log_head::HeadRow;
use crate::prepared::RunPrepared;

/// An entry that waits for its leaf, with all that is kept of it.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct WaitingRow {
    /// The entry.
    #[diesel(sql_type = SqlUuid)]
    pub audit_entry_id: Uuid,
    /// The span that wrote it, if it was traced.
    #[diesel(sql_type = Nullable<Text>)]
    pub traceparent: Option<String>,
    /// What happened.
    #[diesel(sql_type = Text)]
    pub action: String,
    /// The canonical text.
    #[diesel(sql_type = Text)]
    pub entry: String,
    /// SHA-256 of the text, in hex.
    #[diesel(sql_type = Text)]
    pub digest: String,
    /// The trace.
    #[diesel(sql_type = Nullable<Text>)]
    pub trace_id: Option<String>,
    /// When it was written.
    #[diesel(sql_type = Timestamptz)]
    pub recorded_at: Timestamp,
}

/// What a step writes.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The head as the leader knows it.
    pub old: &'a HeadRow,
    /// The head after the step: of the same epoch.
    pub new: &'a HeadRow,
    /// The entries that become the next leaves, in their order.
    pub entries: &'a [Uuid],
    /// Their leaf hashes, 32 bytes each.
    pub hashes: &'a [&'a [u8]],
    /// The signed note of a checkpoint of the new head, if there is one.
    pub note: Option<&'a str>,
    /// The size of the largest checkpoint that the leader knows; 0 before the first.
    pub signed: i64,
    /// When it is.
    pub at: Timestamp,
}

/// What became of a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug, QueryableByName)]
pub struct TakenRow {
    /// Whether it was taken; otherwise nothing was written.
    #[diesel(sql_type = Bool)]
    pub moved: bool,
    /// How many leaves were added.
    #[diesel(sql_type = BigInt)]
    pub leaves: i64,
    /// The size of the largest checkpoint that there was before; 0 where there was none.
    #[diesel(sql_type = BigInt)]
    pub newest: i64,
}

/// The entries that wait, in the order they were queued.
///
/// # Errors
/// What the database answers.
pub async fn waiting(
    conn: &mut AsyncPgConnection,
    limit: i64,
) -> Result<Vec<WaitingRow>, StoreError> {
    Ok(sql_query(include_str!("log_step_waiting.sql"))
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}

/// Takes a step, if the head is where the leader knows it and, where something is signed, no other
/// checkpoint appeared: moves the head, adds the leaves, empties the outbox of them and adds the
/// checkpoint. It is a transaction of its own.
///
/// # Errors
/// What the database answers; a leaf or a checkpoint in whose place there is one already is an
/// error and not passed over.
pub async fn take(conn: &mut AsyncPgConnection, step: &Step<'_>) -> Result<TakenRow, StoreError> {
    let Step { old, new, .. } = step;
    Ok(sql_query(include_str!("log_step_take.sql"))
        .bind::<BigInt, _>(new.epoch)
        .bind::<Text, _>(&new.origin)
        .bind::<BigInt, _>(new.tree_size)
        .bind::<Bytea, _>(&new.root_hash)
        .bind::<Bytea, _>(&new.frontier)
        .bind::<Timestamptz, _>(step.at)
        .bind::<BigInt, _>(old.tree_size)
        .bind::<Bytea, _>(&old.root_hash)
        .bind::<Nullable<Text>, _>(step.note)
        .bind::<BigInt, _>(step.signed)
        .bind::<Array<SqlUuid>, _>(step.entries)
        .bind::<Array<Bytea>, _>(step.hashes)
        .get_result(conn)
        .await?)
}

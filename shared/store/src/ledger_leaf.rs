//! Owns `ledger_leaf`: which place in the log each audit entry has.

use contract::time::Timestamp;
use diesel::sql_types::{Array, BigInt, Bytea, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;

/// A leaf of the log.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct LeafRow {
    /// Which epoch of the log it is in.
    #[diesel(sql_type = BigInt)]
    pub epoch: i64,
    /// Its place there, from 0, without gaps.
    #[diesel(sql_type = BigInt)]
    pub leaf_index: i64,
    /// The entry.
    #[diesel(sql_type = SqlUuid)]
    pub audit_entry_id: Uuid,
    /// The leaf hash of the entry's text: 32 bytes.
    #[diesel(sql_type = Bytea)]
    pub leaf_hash: Vec<u8>,
    /// When it was given its place.
    #[diesel(sql_type = Timestamptz)]
    pub recorded_at: Timestamp,
}

/// A leaf beside all that is kept of its entry; the entry's columns are `None` where the entry is
/// gone.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct LeafOfEntryRow {
    /// The leaf.
    #[diesel(embed)]
    pub leaf: LeafRow,
    /// What happened.
    #[diesel(sql_type = Nullable<Text>)]
    pub action: Option<String>,
    /// The canonical text.
    #[diesel(sql_type = Nullable<Text>)]
    pub entry: Option<String>,
    /// SHA-256 of the text, in hex.
    #[diesel(sql_type = Nullable<Text>)]
    pub digest: Option<String>,
    /// The trace.
    #[diesel(sql_type = Nullable<Text>)]
    pub trace_id: Option<String>,
    /// When the entry was written.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub entry_recorded_at: Option<Timestamp>,
}

/// An entry that is in the ledger and neither in the log nor on its way there.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct UnloggedRow {
    /// The entry.
    #[diesel(sql_type = SqlUuid)]
    pub audit_entry_id: Uuid,
    /// How many there are in all.
    #[diesel(sql_type = BigInt)]
    pub total: i64,
}

#[derive(QueryableByName)]
struct HashRow {
    #[diesel(sql_type = Bytea)]
    leaf_hash: Vec<u8>,
}

/// Adds leaves. One whose place is taken, or whose entry has a place, is an error and not passed
/// over: it would be a second truth.
///
/// # Errors
/// What the database answers.
pub async fn append(conn: &mut AsyncPgConnection, leaves: &[LeafRow]) -> Result<(), StoreError> {
    let text = "INSERT INTO ledger_leaf (epoch, leaf_index, audit_entry_id, leaf_hash, recorded_at) \
                SELECT UNNEST($1), UNNEST($2), UNNEST($3), UNNEST($4), UNNEST($5)";
    sql_query(text)
        .bind::<Array<BigInt>, _>(leaves.iter().map(|l| l.epoch).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(leaves.iter().map(|l| l.leaf_index).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(leaves.iter().map(|l| l.audit_entry_id).collect::<Vec<_>>())
        .bind::<Array<Bytea>, _>(
            leaves
                .iter()
                .map(|l| l.leaf_hash.as_slice())
                .collect::<Vec<_>>(),
        )
        .bind::<Array<Timestamptz>, _>(leaves.iter().map(|l| l.recorded_at).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    Ok(())
}

/// The leaf of an entry, if it has one; the newest of an entry that has one in several epochs.
///
/// # Errors
/// What the database answers.
pub async fn of_entry(
    conn: &mut AsyncPgConnection,
    entry: Uuid,
) -> Result<Option<LeafOfEntryRow>, StoreError> {
    let text = concat!(
        include_str!("ledger_leaf_of_entry.sql"),
        "WHERE leaf.audit_entry_id = $1 ORDER BY leaf.epoch DESC LIMIT 1"
    );
    Ok(sql_query(text)
        .bind::<SqlUuid, _>(entry)
        .get_result(conn)
        .await
        .optional()?)
}

/// The leaves of an epoch from a place on, each with its entry.
///
/// # Errors
/// What the database answers.
pub async fn page(
    conn: &mut AsyncPgConnection,
    epoch: i64,
    from: i64,
    limit: i64,
) -> Result<Vec<LeafOfEntryRow>, StoreError> {
    let text = concat!(
        include_str!("ledger_leaf_of_entry.sql"),
        "WHERE leaf.epoch = $1 AND leaf.leaf_index >= $2 ORDER BY leaf.leaf_index LIMIT $3"
    );
    Ok(sql_query(text)
        .bind::<BigInt, _>(epoch)
        .bind::<BigInt, _>(from)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}

/// The leaf hashes of an epoch from a place on.
///
/// # Errors
/// What the database answers.
pub async fn hashes(
    conn: &mut AsyncPgConnection,
    epoch: i64,
    from: i64,
    limit: i64,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let text = "SELECT leaf_hash FROM ledger_leaf \
                WHERE epoch = $1 AND leaf_index >= $2 ORDER BY leaf_index LIMIT $3";
    let rows: Vec<HashRow> = sql_query(text)
        .bind::<BigInt, _>(epoch)
        .bind::<BigInt, _>(from)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|row| row.leaf_hash).collect())
}

/// Entries whose leaf in this epoch is from a place on, and which have none in a later one and wait
/// for none; with how many there are in all.
///
/// # Errors
/// What the database answers.
pub async fn left_behind(
    conn: &mut AsyncPgConnection,
    epoch: i64,
    from: i64,
    limit: i64,
) -> Result<Vec<UnloggedRow>, StoreError> {
    let text = "SELECT audit_entry_id, count(*) OVER () AS total FROM ledger_leaf AS leaf \
                WHERE epoch = $1 AND leaf_index >= $2 \
                AND NOT EXISTS (SELECT 1 FROM ledger_leaf AS later \
                    WHERE later.audit_entry_id = leaf.audit_entry_id AND later.epoch > $1) \
                AND NOT EXISTS (SELECT 1 FROM ledger_pending AS pending \
                    WHERE pending.audit_entry_id = leaf.audit_entry_id) \
                ORDER BY leaf_index LIMIT $3";
    Ok(sql_query(text)
        .bind::<BigInt, _>(epoch)
        .bind::<BigInt, _>(from)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}

/// Entries that have neither a leaf nor a pending row, with how many there are in all.
///
/// # Errors
/// What the database answers.
pub async fn unlogged(
    conn: &mut AsyncPgConnection,
    limit: i64,
) -> Result<Vec<UnloggedRow>, StoreError> {
    // One statement, so that an entry on its way from the one to the other is in one of them.
    let text = "SELECT id AS audit_entry_id, count(*) OVER () AS total FROM audit_entry \
                WHERE NOT EXISTS (SELECT 1 FROM ledger_leaf WHERE audit_entry_id = audit_entry.id) \
                AND NOT EXISTS (SELECT 1 FROM ledger_pending WHERE audit_entry_id = audit_entry.id) \
                ORDER BY id LIMIT $1";
    Ok(sql_query(text).bind::<BigInt, _>(limit).load(conn).await?)
}

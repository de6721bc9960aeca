//! Owns `log_checkpoint`: the signed sizes and roots of the log.

use contract::time::Timestamp;
use diesel::sql_types::{BigInt, Bytea, Text, Timestamptz};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::error::StoreError;

/// A signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct CheckpointRow {
    /// The log's name.
    #[diesel(sql_type = Text)]
    pub origin: String,
    /// How many leaves it covers.
    #[diesel(sql_type = BigInt)]
    pub tree_size: i64,
    /// The root over them: 32 bytes.
    #[diesel(sql_type = Bytea)]
    pub root_hash: Vec<u8>,
    /// The signed note, which says the same.
    #[diesel(sql_type = Text)]
    pub note: String,
    /// When it was signed.
    #[diesel(sql_type = Timestamptz)]
    pub recorded_at: Timestamp,
}

/// Adds a checkpoint. One of that size that is there already is an error and not passed over.
///
/// # Errors
/// What the database answers.
pub async fn append(conn: &mut AsyncPgConnection, row: &CheckpointRow) -> Result<(), StoreError> {
    let text = "INSERT INTO log_checkpoint (origin, tree_size, root_hash, note, recorded_at) \
                VALUES ($1, $2, $3, $4, $5)";
    sql_query(text)
        .bind::<Text, _>(&row.origin)
        .bind::<BigInt, _>(row.tree_size)
        .bind::<Bytea, _>(&row.root_hash)
        .bind::<Text, _>(&row.note)
        .bind::<Timestamptz, _>(row.recorded_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// The largest checkpoint of a log, if there is one.
///
/// # Errors
/// What the database answers.
pub async fn newest(
    conn: &mut AsyncPgConnection,
    origin: &str,
) -> Result<Option<CheckpointRow>, StoreError> {
    let text = "SELECT origin, tree_size, root_hash, note, recorded_at FROM log_checkpoint \
                WHERE origin = $1 ORDER BY tree_size DESC LIMIT 1";
    Ok(sql_query(text)
        .bind::<Text, _>(origin)
        .get_result(conn)
        .await
        .optional()?)
}

/// The checkpoint of a log that has this size, if there is one.
///
/// # Errors
/// What the database answers.
pub async fn at(
    conn: &mut AsyncPgConnection,
    origin: &str,
    size: i64,
) -> Result<Option<CheckpointRow>, StoreError> {
    let text = "SELECT origin, tree_size, root_hash, note, recorded_at FROM log_checkpoint \
                WHERE origin = $1 AND tree_size = $2";
    Ok(sql_query(text)
        .bind::<Text, _>(origin)
        .bind::<BigInt, _>(size)
        .get_result(conn)
        .await
        .optional()?)
}

/// The checkpoints of a log that are larger than a size, the smallest first.
///
/// # Errors
/// What the database answers.
pub async fn page(
    conn: &mut AsyncPgConnection,
    origin: &str,
    above: i64,
    limit: i64,
) -> Result<Vec<CheckpointRow>, StoreError> {
    let text = "SELECT origin, tree_size, root_hash, note, recorded_at FROM log_checkpoint \
                WHERE origin = $1 AND tree_size > $2 ORDER BY tree_size LIMIT $3";
    Ok(sql_query(text)
        .bind::<Text, _>(origin)
        .bind::<BigInt, _>(above)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}

//! Owns `log_epoch`: the logs that one after the other are the log, each with its own origin.

use contract::time::Timestamp;
use diesel::sql_types::{BigInt, Bytea, Nullable, Text, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::error::StoreError;

/// An epoch of the log.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct EpochRow {
    /// Its number, from 1. Numbers grow, and may leave some out.
    #[diesel(sql_type = BigInt)]
    pub epoch: i64,
    /// Its name in checkpoints.
    #[diesel(sql_type = Text)]
    pub origin: String,
    /// The origin of the last checkpoint that was known when it was opened.
    #[diesel(sql_type = Nullable<Text>)]
    pub previous_origin: Option<String>,
    /// That checkpoint's size.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub previous_size: Option<i64>,
    /// Its root: 32 bytes.
    #[diesel(sql_type = Nullable<Bytea>)]
    pub previous_root: Option<Vec<u8>>,
    /// Its signed note.
    #[diesel(sql_type = Nullable<Text>)]
    pub previous_note: Option<String>,
    /// Why it was opened.
    #[diesel(sql_type = Text)]
    pub reason: String,
    /// When.
    #[diesel(sql_type = Timestamptz)]
    pub recorded_at: Timestamp,
}

/// Adds an epoch. One of that number or origin that is there already is an error.
///
/// # Errors
/// What the database answers.
pub async fn append(conn: &mut AsyncPgConnection, row: &EpochRow) -> Result<(), StoreError> {
    insert(conn, row, "").await.map(drop)
}

/// Adds an epoch, unless there is one of that number or origin.
///
/// # Errors
/// What the database answers.
pub async fn begin(conn: &mut AsyncPgConnection, row: &EpochRow) -> Result<(), StoreError> {
    insert(conn, row, " ON CONFLICT DO NOTHING").await.map(drop)
}

async fn insert(
    conn: &mut AsyncPgConnection,
    row: &EpochRow,
    conflict: &str,
) -> Result<usize, StoreError> {
    let text = format!(
        "INSERT INTO log_epoch (epoch, origin, previous_origin, previous_size, previous_root, \
         previous_note, reason, recorded_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8){conflict}"
    );
    let inserted = sql_query(text)
        .bind::<BigInt, _>(row.epoch)
        .bind::<Text, _>(&row.origin)
        .bind::<Nullable<Text>, _>(&row.previous_origin)
        .bind::<Nullable<BigInt>, _>(row.previous_size)
        .bind::<Nullable<Bytea>, _>(&row.previous_root)
        .bind::<Nullable<Text>, _>(&row.previous_note)
        .bind::<Text, _>(&row.reason)
        .bind::<Timestamptz, _>(row.recorded_at)
        .execute(conn)
        .await?;
    Ok(inserted)
}

/// All epochs, the first first.
///
/// # Errors
/// What the database answers.
pub async fn all(conn: &mut AsyncPgConnection) -> Result<Vec<EpochRow>, StoreError> {
    let text = "SELECT epoch, origin, previous_origin, previous_size, previous_root, \
                previous_note, reason, recorded_at FROM log_epoch ORDER BY epoch";
    Ok(sql_query(text).load(conn).await?)
}

//! Owns `lane_hole`: numbers that were promised and are not in the ledger, and what became of them.

use contract::time::Timestamp;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;
use crate::lane::{CountRow, NumberRow};
use crate::row::ledger_row;

/// A hole that is an alarm.
pub const MISSING: &str = "missing";
/// A hole whose message was published anew.
pub const HANDED_AGAIN: &str = "handed-again";
/// A hole whose delivery is in the ledger after all.
pub const FOUND: &str = "found";

ledger_row! {
    /// A number that was promised and is not in the ledger, or what became of it.
    "lane_hole" HoleRow [id] {
        /// Computed from the lane, the number and what this row says.
        id: Uuid => SqlUuid,
        /// The run of the ingest process.
        lane_id: Uuid => SqlUuid,
        /// The number.
        number: i64 => BigInt,
        /// Its delivery.
        delivery_id: Uuid => SqlUuid,
        /// `missing`, `handed-again` or `found`.
        what: String => Text,
        /// Its message's place in the stream, where it was found there.
        sequence: Option<i64> => Nullable<BigInt>,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// The numbers of a lane beyond `from` up to `through` that are named as holes, whatever became of
/// them.
///
/// # Errors
/// What the database answers.
pub async fn holes_of(
    conn: &mut AsyncPgConnection,
    lane: Uuid,
    from: i64,
    through: i64,
) -> Result<Vec<i64>, StoreError> {
    let rows: Vec<NumberRow> = sql_query(
        "SELECT number FROM lane_hole \
         WHERE lane_id = $1 AND number > $2 AND number <= $3 AND what = 'missing'",
    )
    .bind::<SqlUuid, _>(lane)
    .bind::<BigInt, _>(from)
    .bind::<BigInt, _>(through)
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.number).collect())
}

/// The numbers that were handed again last, newest first. At most `limit`.
///
/// # Errors
/// What the database answers.
pub async fn handed_again(
    conn: &mut AsyncPgConnection,
    limit: i64,
) -> Result<Vec<HoleRow>, StoreError> {
    Ok(sql_query(
        "SELECT * FROM lane_hole WHERE what = 'handed-again' ORDER BY recorded_at DESC LIMIT $1",
    )
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await?)
}

/// The holes that are still open: missing, not found since, and accepted by nobody. At most `limit`,
/// oldest first.
///
/// # Errors
/// What the database answers.
pub async fn open_holes(
    conn: &mut AsyncPgConnection,
    limit: i64,
) -> Result<Vec<HoleRow>, StoreError> {
    Ok(sql_query(include_str!("lane_hole_open.sql"))
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}

/// How many holes are open.
///
/// # Errors
/// What the database answers.
pub async fn open_holes_count(conn: &mut AsyncPgConnection) -> Result<i64, StoreError> {
    let row: CountRow = sql_query(
        "SELECT count(*) FROM lane_hole h WHERE h.what = 'missing' AND NOT EXISTS ( \
         SELECT FROM lane_hole f WHERE f.lane_id = h.lane_id AND f.number = h.number \
         AND f.what = 'found') AND NOT EXISTS (SELECT FROM lane_hole_accepted a \
         WHERE a.lane_id = h.lane_id AND a.number = h.number)",
    )
    .get_result(conn)
    .await?;
    Ok(row.count)
}

#[derive(QueryableByName)]
struct DeliveryIdRow {
    #[diesel(sql_type = SqlUuid)]
    delivery_id: Uuid,
}

/// Which of these deliveries the ledger has, by whatever message.
///
/// # Errors
/// What the database answers.
pub async fn received(
    conn: &mut AsyncPgConnection,
    deliveries: &[Uuid],
) -> Result<Vec<Uuid>, StoreError> {
    let rows: Vec<DeliveryIdRow> =
        sql_query("SELECT delivery_id FROM delivery_receipt WHERE delivery_id = ANY($1)")
            .bind::<Array<SqlUuid>, _>(deliveries)
            .load(conn)
            .await?;
    Ok(rows.into_iter().map(|row| row.delivery_id).collect())
}

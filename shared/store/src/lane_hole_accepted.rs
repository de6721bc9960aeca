//! Owns `lane_hole_accepted`: holes that an operator has accepted, since nothing can fill them.

use contract::time::Timestamp;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;
use crate::lane::CountRow;
use crate::lane_hole::HoleRow;
use crate::row::ledger_row;

ledger_row! {
    /// A hole was accepted: no alarm any more, and never complete.
    "lane_hole_accepted" AcceptedRow [lane_id, number] {
        /// The run of the ingest process.
        lane_id: Uuid => SqlUuid,
        /// The number.
        number: i64 => BigInt,
        /// The delivery that is missing.
        delivery_id: Uuid => SqlUuid,
        /// The order.
        command_id: Uuid => SqlUuid,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// An accepted hole, with who accepted it and why.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Accepted {
    /// The run of the ingest process.
    #[diesel(sql_type = SqlUuid)]
    pub lane_id: Uuid,
    /// The number.
    #[diesel(sql_type = BigInt)]
    pub number: i64,
    /// The delivery that is missing.
    #[diesel(sql_type = SqlUuid)]
    pub delivery_id: Uuid,
    /// When it was accepted.
    #[diesel(sql_type = Timestamptz)]
    pub recorded_at: Timestamp,
    /// By whom.
    #[diesel(sql_type = Text)]
    pub actor: String,
    /// Why.
    #[diesel(sql_type = Nullable<Text>)]
    pub reason: Option<String>,
    /// Whether its delivery reached the ledger after that.
    #[diesel(sql_type = Bool)]
    pub found: bool,
}

/// The holes that were accepted, the newest first. At most `limit`.
///
/// # Errors
/// What the database answers.
pub async fn list(conn: &mut AsyncPgConnection, limit: i64) -> Result<Vec<Accepted>, StoreError> {
    Ok(sql_query(include_str!("lane_hole_accepted.sql"))
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}

/// How many were accepted.
///
/// # Errors
/// What the database answers.
pub async fn count(conn: &mut AsyncPgConnection) -> Result<i64, StoreError> {
    let text = "SELECT count(*) FROM lane_hole_accepted";
    let row: CountRow = sql_query(text).get_result(conn).await?;
    Ok(row.count)
}

/// Accepted holes whose delivery was not found since. At most `limit`, the newest first.
///
/// # Errors
/// What the database answers.
pub async fn unfound(conn: &mut AsyncPgConnection, limit: i64) -> Result<Vec<HoleRow>, StoreError> {
    let text = "SELECT hole.* FROM lane_hole AS hole JOIN lane_hole_accepted AS accepted \
                ON accepted.lane_id = hole.lane_id AND accepted.number = hole.number \
                WHERE hole.what = 'missing' AND NOT EXISTS ( \
                SELECT FROM lane_hole AS found WHERE found.lane_id = hole.lane_id \
                AND found.number = hole.number AND found.what = 'found') \
                ORDER BY accepted.recorded_at DESC LIMIT $1";
    Ok(sql_query(text).bind::<BigInt, _>(limit).load(conn).await?)
}

/// The holes that a word names: a delivery's id, or a lane's with a number. With them whether each
/// is accepted already, or its delivery was found.
///
/// # Errors
/// What the database answers.
pub async fn named(
    conn: &mut AsyncPgConnection,
    id: Uuid,
    number: Option<i64>,
) -> Result<Vec<Named>, StoreError> {
    let text = "SELECT hole.lane_id, hole.number, hole.delivery_id, EXISTS ( \
                SELECT FROM lane_hole_accepted AS accepted WHERE accepted.lane_id = hole.lane_id \
                AND accepted.number = hole.number) AS accepted, EXISTS ( \
                SELECT FROM lane_hole AS found WHERE found.lane_id = hole.lane_id \
                AND found.number = hole.number AND found.what = 'found') AS found \
                FROM lane_hole AS hole WHERE hole.what = 'missing' AND CASE \
                WHEN $2 IS NULL THEN hole.delivery_id = $1 \
                ELSE hole.lane_id = $1 AND hole.number = $2 END \
                ORDER BY hole.lane_id, hole.number";
    Ok(sql_query(text)
        .bind::<SqlUuid, _>(id)
        .bind::<Nullable<BigInt>, _>(number)
        .load(conn)
        .await?)
}

/// A hole that was named.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Named {
    /// The run of the ingest process.
    #[diesel(sql_type = SqlUuid)]
    pub lane_id: Uuid,
    /// The number.
    #[diesel(sql_type = BigInt)]
    pub number: i64,
    /// Its delivery.
    #[diesel(sql_type = SqlUuid)]
    pub delivery_id: Uuid,
    /// Whether it is accepted already.
    #[diesel(sql_type = Bool)]
    pub accepted: bool,
    /// Whether its delivery reached the ledger after all.
    #[diesel(sql_type = Bool)]
    pub found: bool,
}

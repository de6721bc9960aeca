//! Owns `lane_message` (numbers that reached the ledger), `lane_manifest` (what lanes said of the
//! numbers they gave) and `work.lane` (where each stands).

use contract::time::Timestamp;
use diesel::sql_types::{
    BigInt, Binary, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::ledger_row;

/// How a number reached the ledger that attempt-writer took.
pub const TAKEN: &str = "taken";
/// How a number reached the ledger whose message died.
pub const DEAD: &str = "dead";

ledger_row! {
    /// A number that reached the ledger.
    "lane_message" LaneMessageRow [lane_id, number, how] {
        /// The run of the ingest process.
        lane_id: Uuid => SqlUuid,
        /// The message's number in it.
        number: i64 => BigInt,
        /// `taken` or `dead`.
        how: String => Text,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

ledger_row! {
    /// What a lane said of the numbers beyond `from_number` up to `through_number`.
    "lane_manifest" ManifestRow [id] {
        /// Computed from the lane and what it tells.
        id: Uuid => SqlUuid,
        /// The run of the ingest process.
        lane_id: Uuid => SqlUuid,
        /// What was told before.
        from_number: i64 => BigInt,
        /// How far this tells.
        through_number: i64 => BigInt,
        /// The last number that was given.
        given_number: i64 => BigInt,
        /// Ranges of numbers that promise nothing.
        void: Value => Jsonb,
        /// Ranges of numbers whose deliveries lay in the spool when the lane ended.
        spooled: Value => Jsonb,
        /// Names of sources.
        sources: Value => Jsonb,
        /// Ids of deliveries, 16 bytes each, of the numbers that are not void, in their order.
        #[serde(serialize_with = "crate::row::as_postgres_writes_bytes")]
        deliveries: Vec<u8> => Binary,
        /// First place in the stream where to look for them.
        sequence_first: Option<i64> => Nullable<BigInt>,
        /// Last place.
        sequence_last: Option<i64> => Nullable<BigInt>,
        /// Whether the lane ended with this.
        closing: bool => Bool,
        /// When it was said.
        said_at: Timestamp => Timestamptz,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// Where a lane stands.
#[derive(Clone, PartialEq, Eq, Debug, QueryableByName)]
pub struct LaneRow {
    /// The run of the ingest process.
    #[diesel(sql_type = SqlUuid)]
    pub lane_id: Uuid,
    /// The last number that it gave, as far as it said.
    #[diesel(sql_type = BigInt)]
    pub given_number: i64,
    /// How far it told.
    #[diesel(sql_type = BigInt)]
    pub through_number: i64,
    /// Deliveries in its spool.
    #[diesel(sql_type = BigInt)]
    pub spool_records: i64,
    /// Whether it said that it ended.
    #[diesel(sql_type = Bool)]
    pub closed: bool,
    /// When it was first heard.
    #[diesel(sql_type = Timestamptz)]
    pub opened_at: Timestamp,
    /// When it was last heard.
    #[diesel(sql_type = Timestamptz)]
    pub heard_at: Timestamp,
    /// Every number up to here is in the ledger, void, or a named hole.
    #[diesel(sql_type = BigInt)]
    pub judged_number: i64,
}

/// Notes a sign of life of a lane. One that comes late takes nothing back.
///
/// # Errors
/// What the database answers.
pub async fn hear(conn: &mut AsyncPgConnection, lane: &LaneRow) -> Result<(), StoreError> {
    sql_query(include_str!("lane_hear.sql"))
        .bind::<SqlUuid, _>(lane.lane_id)
        .bind::<BigInt, _>(lane.given_number)
        .bind::<BigInt, _>(lane.through_number)
        .bind::<BigInt, _>(lane.spool_records)
        .bind::<Bool, _>(lane.closed)
        .bind::<Timestamptz, _>(lane.heard_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// The lanes that are not judged as far as they told, the one heard last first. At most `limit`.
///
/// # Errors
/// What the database answers.
pub async fn unsettled(
    conn: &mut AsyncPgConnection,
    limit: i64,
) -> Result<Vec<LaneRow>, StoreError> {
    Ok(sql_query(
        "SELECT * FROM work.lane WHERE judged_number < through_number \
         ORDER BY heard_at DESC LIMIT $1",
    )
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await?)
}

/// How many lanes that were heard since `since` and not since `silent` did not say that they ended:
/// what they gave after their last word is unknown.
///
/// # Errors
/// What the database answers.
pub async fn unknown_tails(
    conn: &mut AsyncPgConnection,
    since: Timestamp,
    silent: Timestamp,
) -> Result<i64, StoreError> {
    let row: CountRow = sql_query(
        "SELECT count(*) FROM work.lane \
         WHERE NOT closed AND heard_at >= $1 AND heard_at < $2",
    )
    .bind::<Timestamptz, _>(since)
    .bind::<Timestamptz, _>(silent)
    .get_result(conn)
    .await?;
    Ok(row.count)
}

/// Lanes whose deliveries the ledger has, received since `since`, and which were never heard: they
/// ended before they could say a word.
///
/// # Errors
/// What the database answers.
pub async fn unheard(
    conn: &mut AsyncPgConnection,
    since: Timestamp,
    reconciler_key: &str,
) -> Result<Vec<Uuid>, StoreError> {
    let rows: Vec<LaneIdRow> = sql_query(include_str!("lane_unheard.sql"))
        .bind::<Timestamptz, _>(since)
        .bind::<Text, _>(reconciler_key)
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|row| row.lane_id).collect())
}

#[derive(QueryableByName)]
struct LaneIdRow {
    #[diesel(sql_type = SqlUuid)]
    lane_id: Uuid,
}

/// Every lane, the one heard last first. At most `limit`.
///
/// # Errors
/// What the database answers.
pub async fn newest(conn: &mut AsyncPgConnection, limit: i64) -> Result<Vec<LaneRow>, StoreError> {
    Ok(
        sql_query("SELECT * FROM work.lane ORDER BY heard_at DESC LIMIT $1")
            .bind::<BigInt, _>(limit)
            .load(conn)
            .await?,
    )
}

/// What a lane said beyond `judged`, in the numbers' order. At most `limit`.
///
/// # Errors
/// What the database answers.
pub async fn manifests_beyond(
    conn: &mut AsyncPgConnection,
    lane: Uuid,
    judged: i64,
    limit: i64,
) -> Result<Vec<ManifestRow>, StoreError> {
    Ok(sql_query(
        "SELECT * FROM lane_manifest WHERE lane_id = $1 AND through_number > $2 \
         ORDER BY through_number, from_number LIMIT $3",
    )
    .bind::<SqlUuid, _>(lane)
    .bind::<BigInt, _>(judged)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await?)
}

#[derive(QueryableByName)]
pub(crate) struct NumberRow {
    #[diesel(sql_type = BigInt)]
    pub(crate) number: i64,
}

/// The numbers of a lane beyond `from` up to `through` that reached the ledger, in any order.
///
/// # Errors
/// What the database answers.
pub async fn reached(
    conn: &mut AsyncPgConnection,
    lane: Uuid,
    from: i64,
    through: i64,
) -> Result<Vec<i64>, StoreError> {
    let rows: Vec<NumberRow> = sql_query(
        "SELECT DISTINCT number FROM lane_message \
         WHERE lane_id = $1 AND number > $2 AND number <= $3",
    )
    .bind::<SqlUuid, _>(lane)
    .bind::<BigInt, _>(from)
    .bind::<BigInt, _>(through)
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.number).collect())
}

/// Notes how far a lane is judged.
///
/// # Errors
/// What the database answers.
pub async fn judged(
    conn: &mut AsyncPgConnection,
    lane: Uuid,
    number: i64,
) -> Result<(), StoreError> {
    sql_query("UPDATE work.lane SET judged_number = $2 WHERE lane_id = $1 AND judged_number < $2")
        .bind::<SqlUuid, _>(lane)
        .bind::<BigInt, _>(number)
        .execute(conn)
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
pub(crate) struct CountRow {
    #[diesel(sql_type = BigInt)]
    pub(crate) count: i64,
}

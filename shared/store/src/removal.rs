//! Owns `removal`: what was removed, written before it was, whether by an erasure or by a rule.

use contract::time::Timestamp;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::delivery_body::BodyName;
use crate::error::StoreError;
use crate::row::ledger_row;

/// A removal because a person was erased.
pub const ERASURE: &str = "erasure";
/// A removal because a rule says so.
pub const RETENTION: &str = "retention";
/// A raw body went.
pub const RAW_BODY: &str = "raw-body";
/// What a verification's steps printed went.
pub const LOG: &str = "log";
/// A preserved tree went.
pub const SNAPSHOT: &str = "snapshot";

ledger_row! {
    /// Something was removed.
    "removal" RemovalRow [id] {
        /// The row.
        id: Uuid => SqlUuid,
        /// The command, or the run of retention.
        cause_id: Uuid => SqlUuid,
        /// [`ERASURE`] or [`RETENTION`].
        cause: String => Text,
        /// [`RAW_BODY`], [`LOG`] or [`SNAPSHOT`].
        kind: String => Text,
        /// The delivery, the verification attempt, or the snapshot.
        subject_id: Uuid => SqlUuid,
        /// Of the bytes that went.
        digest: String => Text,
        /// The session whose objects they were; `None` for a raw body.
        lab_session_id: Option<Uuid> => Nullable<SqlUuid>,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// A log or a snapshot that is to be removed.
#[derive(Clone, PartialEq, Eq, Debug, QueryableByName)]
pub struct Due {
    /// [`LOG`] or [`SNAPSHOT`].
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// The verification attempt, or the snapshot.
    #[diesel(sql_type = SqlUuid)]
    pub subject_id: Uuid,
    /// Of the bytes.
    #[diesel(sql_type = Text)]
    pub digest: String,
    /// The session whose objects they are.
    #[diesel(sql_type = SqlUuid)]
    pub lab_session_id: Uuid,
}

/// The rules of retention where a lab has none of its own, in days; `None` keeps for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rules {
    /// Of raw bodies.
    pub raw_bodies_days: Option<i64>,
    /// Of logs.
    pub logs_days: Option<i64>,
    /// Of snapshots.
    pub snapshots_days: Option<i64>,
}

/// Logs and snapshots of erased attempts that no removal tells of, at most `limit`.
///
/// # Errors
/// What the database answers.
pub async fn of_erased(conn: &mut AsyncPgConnection, limit: i64) -> Result<Vec<Due>, StoreError> {
    Ok(sql_query(include_str!("removal_of_erased.sql"))
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}

/// Logs and snapshots whose time is over at `now`, but for what a hold keeps, at most `limit`.
///
/// # Errors
/// What the database answers.
pub async fn due(
    conn: &mut AsyncPgConnection,
    rules: Rules,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Due>, StoreError> {
    Ok(sql_query(include_str!("removal_due.sql"))
        .bind::<Timestamptz, _>(now)
        .bind::<Nullable<BigInt>, _>(rules.logs_days)
        .bind::<Nullable<BigInt>, _>(rules.snapshots_days)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}

/// Raw bodies whose time is over at `now`, but for what a hold keeps, at most `limit`.
///
/// # Errors
/// What the database answers.
pub async fn bodies_due(
    conn: &mut AsyncPgConnection,
    rules: Rules,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<BodyName>, StoreError> {
    Ok(sql_query(include_str!("removal_bodies_due.sql"))
        .bind::<Timestamptz, _>(now)
        .bind::<Nullable<BigInt>, _>(rules.raw_bodies_days)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}

/// The removals of one cause, in the order of their ids, at most `limit` beyond one.
///
/// # Errors
/// What the database answers.
pub async fn of_cause(
    conn: &mut AsyncPgConnection,
    cause: Uuid,
    beyond: Uuid,
    limit: i64,
) -> Result<Vec<RemovalRow>, StoreError> {
    let text = "SELECT * FROM removal WHERE cause_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    Ok(sql_query(text)
        .bind::<SqlUuid, _>(cause)
        .bind::<SqlUuid, _>(beyond)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}

/// The newest removal of something, if it was removed.
///
/// # Errors
/// What the database answers.
pub async fn of_subject(
    conn: &mut AsyncPgConnection,
    kind: &str,
    subject: Uuid,
) -> Result<Option<RemovalRow>, StoreError> {
    let text = "SELECT * FROM removal WHERE kind = $1 AND subject_id = $2 \
                ORDER BY recorded_at DESC LIMIT 1";
    let found: Vec<RemovalRow> = sql_query(text)
        .bind::<Text, _>(kind)
        .bind::<SqlUuid, _>(subject)
        .load(conn)
        .await?;
    Ok(found.into_iter().next())
}

/// The digests of a session's logs and snapshots, and whether each was removed.
#[derive(Clone, PartialEq, Eq, Debug, QueryableByName)]
pub struct Holding {
    /// [`LOG`] or [`SNAPSHOT`].
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// Of the bytes.
    #[diesel(sql_type = Text)]
    pub digest: String,
    /// Whether a row says that it goes.
    #[diesel(sql_type = diesel::sql_types::Bool)]
    pub removed: bool,
}

/// What a session has, and had.
///
/// # Errors
/// What the database answers.
pub async fn holdings(
    conn: &mut AsyncPgConnection,
    session: Uuid,
) -> Result<Vec<Holding>, StoreError> {
    Ok(sql_query(include_str!("removal_holdings.sql"))
        .bind::<SqlUuid, _>(session)
        .load(conn)
        .await?)
}

#[derive(QueryableByName)]
struct Attempt {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Of these attempts, those whose tree was removed, or whose person was erased: nothing of them is
/// fetched again. In a transaction [by keys](crate::transaction::by_keys).
///
/// # Errors
/// What the database answers.
pub async fn gone(
    conn: &mut AsyncPgConnection,
    attempts: &[Uuid],
) -> Result<Vec<Uuid>, StoreError> {
    // Each asked by itself, by the indexes of keys: a plan that joins could read whole tables.
    let text = "SELECT id FROM ( \
                    SELECT wanted.id, coalesce( \
                        (SELECT true FROM attempt_erased \
                            WHERE lab_attempt_id = wanted.id LIMIT 1), \
                        (SELECT true FROM removal WHERE kind = 'snapshot' AND subject_id = ( \
                            SELECT snapshot_id FROM attempt_snapshot \
                            WHERE lab_attempt_id = wanted.id) LIMIT 1), \
                        false) AS is_gone \
                    FROM UNNEST($1) AS wanted (id) \
                ) AS asked WHERE is_gone";
    let query = sql_query(text).bind::<Array<SqlUuid>, _>(attempts);
    let found: Vec<Attempt> = crate::prepared::RunPrepared::load(query, conn).await?;
    Ok(found.into_iter().map(|attempt| attempt.id).collect())
}

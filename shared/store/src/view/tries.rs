//! Owns what is known of an attempt's verifications: every try, the newest request's first.

use contract::ids::AttemptId;
use contract::time::Timestamp;
use diesel::sql_types::{BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;

/// A request to verify an attempt, with one of its tries, if there is any.
#[derive(Clone, Debug, PartialEq, Serialize, QueryableByName)]
pub struct Tried {
    /// The attempt.
    #[diesel(sql_type = SqlUuid)]
    pub attempt_id: Uuid,
    /// Its session.
    #[diesel(sql_type = SqlUuid)]
    pub session_id: Uuid,
    /// The request.
    #[diesel(sql_type = SqlUuid)]
    pub request_id: Uuid,
    /// The try itself.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub verification_id: Option<Uuid>,
    /// Counts the request's tries, from 1.
    #[diesel(sql_type = Nullable<Integer>)]
    pub try_number: Option<i32>,
    /// How it came out.
    #[diesel(sql_type = Nullable<Text>)]
    pub result: Option<String>,
    /// Why it is an error.
    #[diesel(sql_type = Nullable<Text>)]
    pub cause: Option<String>,
    /// The same for people, or the first reason of a fail.
    #[diesel(sql_type = Nullable<Text>)]
    pub detail: Option<String>,
    /// Points earned.
    #[diesel(sql_type = Nullable<Integer>)]
    pub points: Option<i32>,
    /// Points to be had.
    #[diesel(sql_type = Nullable<Integer>)]
    pub points_max: Option<i32>,
    /// Each step with its tests.
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub steps: Option<Value>,
    /// What each step used.
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub peaks: Option<Value>,
    /// The output's object, kept under the session.
    #[diesel(sql_type = Nullable<Text>)]
    pub log_digest: Option<String>,
    /// Its length.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub log_bytes: Option<i64>,
    /// When the next try may begin, where there is one.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub retry_at: Option<Timestamp>,
    /// When it ended.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub finished_at: Option<Timestamp>,
}

/// An attempt's tries: the newest request's first, and of each request the newest try's; at most
/// `limit`.
///
/// # Errors
/// What the database answers.
pub async fn of_attempt(
    conn: &mut AsyncPgConnection,
    attempt: AttemptId,
    limit: i64,
) -> Result<Vec<Tried>, StoreError> {
    Ok(sql_query(include_str!("tries.sql"))
        .bind::<SqlUuid, _>(attempt.as_uuid())
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}

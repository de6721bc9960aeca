//! Owns each session's counting result.

use contract::name::Slug;
use contract::time::Timestamp;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;

/// A session with the result that counts, by the lab's rule (`best` or `latest`).
#[derive(Clone, Debug, PartialEq, serde::Serialize, QueryableByName)]
pub struct SessionResult {
    /// The session.
    #[diesel(sql_type = SqlUuid)]
    pub session: Uuid,
    /// The repository.
    #[diesel(sql_type = Text)]
    pub repository: String,
    /// Number of the lab version that the session is pinned to.
    #[diesel(sql_type = Integer)]
    pub lab_version: i32,
    /// `pass` or `fail`; `None` while nothing counts yet.
    #[diesel(sql_type = Nullable<Text>)]
    pub result: Option<String>,
    /// Points earned.
    #[diesel(sql_type = Nullable<Integer>)]
    pub points: Option<i32>,
    /// Points to be had; 0 while nothing counts yet.
    #[diesel(sql_type = Integer)]
    pub points_max: i32,
    /// The commit that the result is of.
    #[diesel(sql_type = Nullable<Text>)]
    pub commit_sha: Option<String>,
    /// When its push was admitted.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub received_at: Option<Timestamp>,
    /// Why that verification was asked for: `push:<id>` or `command:<id>`.
    #[diesel(sql_type = Nullable<Text>)]
    pub cause: Option<String>,
    /// Who ordered it, where a command did.
    #[diesel(sql_type = Nullable<Text>)]
    pub ordered_by: Option<String>,
    /// Why.
    #[diesel(sql_type = Nullable<Text>)]
    pub order_reason: Option<String>,
    /// `erased`, where who pushed it was; `removed`, where its tree or log went by a rule. The result
    /// and its proof stay.
    #[diesel(sql_type = Nullable<Text>)]
    pub gone: Option<String>,
    /// Attempts of the session.
    #[diesel(sql_type = BigInt)]
    pub attempts: i64,
    /// Of those, the ones received after the deadline.
    #[diesel(sql_type = BigInt)]
    pub late: i64,
    /// Verifications that could not be judged.
    #[diesel(sql_type = BigInt)]
    pub errors: i64,
    /// Verifications without a result yet.
    #[diesel(sql_type = BigInt)]
    pub waiting: i64,
}

/// The counting result of each session of a lab.
///
/// # Errors
/// What the database answers.
pub async fn of_lab(
    conn: &mut AsyncPgConnection,
    lab: &Slug,
) -> Result<Vec<SessionResult>, StoreError> {
    Ok(sql_query(include_str!("results.sql"))
        .bind::<Text, _>(lab.as_str())
        .load(conn)
        .await?)
}

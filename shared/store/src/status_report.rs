//! Owns `status_report`: what the forges were told of an attempt, and what there is to tell.

use contract::ids::AttemptId;
use contract::time::Timestamp;
use diesel::sql_types::{Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::ledger_row;

ledger_row! {
    /// What a forge was told of an attempt.
    "status_report" StatusReportRow [id] {
        /// The report.
        id: Uuid => SqlUuid,
        /// The attempt.
        lab_attempt_id: Uuid => SqlUuid,
        /// Counts the attempt's reports, from 1.
        number: i32 => Integer,
        /// The request that was told of.
        request_id: Uuid => SqlUuid,
        /// Its newest try then; `None` while it had no result.
        try_number: Option<i32> => Nullable<Integer>,
        /// `pending`, `success`, `failure` or `error`.
        state: String => Text,
        /// Digest of what was sent.
        digest: String => Text,
        /// `accepted` or `refused`.
        outcome: String => Text,
        /// Why it was refused.
        reason: Option<String> => Nullable<Text>,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// How an attempt stands, by its newest request, and what was told of it last.
#[derive(Clone, Debug, PartialEq, QueryableByName)]
pub struct Standing {
    /// The session.
    #[diesel(sql_type = SqlUuid)]
    pub session_id: Uuid,
    /// `source:owner/name`.
    #[diesel(sql_type = Text)]
    pub repository: String,
    /// The commit.
    #[diesel(sql_type = Text)]
    pub commit_sha: String,
    /// The lab's short name.
    #[diesel(sql_type = Text)]
    pub lab: String,
    /// Whether it was received after the deadline.
    #[diesel(sql_type = Bool)]
    pub late: bool,
    /// Whether a later session of the same lab has the same commit.
    #[diesel(sql_type = Bool)]
    pub outdone: bool,
    /// The newest request.
    #[diesel(sql_type = SqlUuid)]
    pub request_id: Uuid,
    /// Its lane: `live`, or `bulk` for what can wait.
    #[diesel(sql_type = Text)]
    pub lane: String,
    /// Its newest try that has a result.
    #[diesel(sql_type = Nullable<Integer>)]
    pub try_number: Option<i32>,
    /// How that came out.
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
    /// When the next try may begin, where there is one.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub retry_at: Option<Timestamp>,
    /// Number of the last report; 0 for none.
    #[diesel(sql_type = Integer)]
    pub told_number: i32,
    /// The request that it told of.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub told_request_id: Option<Uuid>,
    /// The try that it told of.
    #[diesel(sql_type = Nullable<Integer>)]
    pub told_try_number: Option<i32>,
}

impl Standing {
    /// Whether the forge is to be told of this. What is verified again in bulk keeps the mark that it
    /// has until it is judged again.
    pub fn is_news(&self) -> bool {
        let is_told = self.told_request_id == Some(self.request_id)
            && self.told_try_number == self.try_number;
        let keeps_its_mark =
            self.lane == "bulk" && self.try_number.is_none() && self.told_number > 0;
        !is_told && !keeps_its_mark && !self.outdone
    }
}

/// How an attempt stands; `None` where nobody asked for it to be verified.
///
/// # Errors
/// What the database answers.
pub async fn standing(
    conn: &mut AsyncPgConnection,
    attempt: AttemptId,
) -> Result<Option<Standing>, StoreError> {
    Ok(sql_query(include_str!("status_report_standing.sql"))
        .bind::<SqlUuid, _>(attempt.as_uuid())
        .get_result(conn)
        .await
        .optional()?)
}

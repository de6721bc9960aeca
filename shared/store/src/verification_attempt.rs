//! Owns `verification_attempt`: one try of a request, with its result.

use contract::ids::{RequestId, VerificationId};
use contract::time::Timestamp;
use diesel::sql_types::{BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::lab_version::LabVersionRow;
use crate::row::{ledger_row, select_text};

ledger_row! {
    /// One try of a request, with its result and what makes it reproducible (promise P4).
    "verification_attempt" VerificationRow [id] {
        /// The verification.
        id: Uuid => SqlUuid,
        /// The request.
        request_id: Uuid => SqlUuid,
        /// Counts the request's tries, from 1.
        try_number: i32 => Integer,
        /// The claim that it was worked on under.
        token: i64 => BigInt,
        /// `pass`, `fail`, `error`, `superseded` or `unchecked`.
        result: String => Text,
        /// Why it is an error.
        cause: Option<String> => Nullable<Text>,
        /// The same for people, or the first reason of a fail.
        detail: Option<String> => Nullable<Text>,
        /// Points earned.
        points: i32 => Integer,
        /// Points to be had.
        points_max: i32 => Integer,
        /// Each step with its tests.
        steps: Value => Jsonb,
        /// The limits it ran under.
        limits: Value => Jsonb,
        /// What each step used.
        peaks: Value => Jsonb,
        /// Digest of the snapshot's manifest.
        snapshot_digest: Option<String> => Nullable<Text>,
        /// Digest of the lab version's manifest.
        lab_version_digest: String => Text,
        /// The output's object, kept under the session.
        log_digest: Option<String> => Nullable<Text>,
        /// Its length.
        log_bytes: Option<i64> => Nullable<BigInt>,
        /// What ran it, with its version.
        runner: String => Text,
        /// Who ran it.
        worker: String => Text,
        /// When the next try may begin, where there is one.
        retry_at: Option<Timestamp> => Nullable<Timestamptz>,
        /// When the run began.
        started_at: Timestamp => Timestamptz,
        /// When it ended.
        finished_at: Timestamp => Timestamptz,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// A request's try, if it has a result. In a transaction [by keys](crate::transaction::by_keys).
///
/// # Errors
/// What the database answers.
pub async fn find(
    conn: &mut AsyncPgConnection,
    request: RequestId,
    try_number: i32,
) -> Result<Option<VerificationRow>, StoreError> {
    let text = select_text::<VerificationRow>("WHERE request_id = $1 AND try_number = $2");
    let query = sql_query(text)
        .bind::<SqlUuid, _>(request.as_uuid())
        .bind::<Integer, _>(try_number);
    Ok(crate::prepared::RunPrepared::get_result(query, conn)
        .await
        .optional()?)
}

/// The lab version that a request is to be verified with, if there is such a request.
///
/// # Errors
/// What the database answers.
pub async fn version_of(
    conn: &mut AsyncPgConnection,
    request: RequestId,
) -> Result<Option<LabVersionRow>, StoreError> {
    let text = "SELECT lab_version.* FROM verification_request \
                JOIN lab_version ON lab_version.id = lab_version_id \
                WHERE verification_request.id = $1";
    Ok(sql_query(text)
        .bind::<SqlUuid, _>(request.as_uuid())
        .get_result(conn)
        .await
        .optional()?)
}

/// A verification with what it is run again from.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayable {
    /// The verification.
    pub verification: VerificationRow,
    /// Its lab version.
    pub version: LabVersionRow,
    /// The session of its attempt.
    pub session_id: Uuid,
}

#[derive(diesel::QueryableByName)]
struct SessionOf {
    #[diesel(sql_type = SqlUuid)]
    lab_session_id: Uuid,
}

/// A verification by its id, with what it is run again from, if there is such a verification.
///
/// # Errors
/// What the database answers.
pub async fn replayable(
    conn: &mut AsyncPgConnection,
    verification: VerificationId,
) -> Result<Option<Replayable>, StoreError> {
    let verification: Option<VerificationRow> =
        sql_query("SELECT * FROM verification_attempt WHERE id = $1")
            .bind::<SqlUuid, _>(verification.as_uuid())
            .get_result(conn)
            .await
            .optional()?;
    let Some(verification) = verification else {
        return Ok(None);
    };
    let request = RequestId::from_uuid(verification.request_id);
    let text = "SELECT lab_session_id FROM verification_request \
                JOIN lab_attempt ON lab_attempt.id = lab_attempt_id \
                WHERE verification_request.id = $1";
    let session: Option<SessionOf> = sql_query(text)
        .bind::<SqlUuid, _>(verification.request_id)
        .get_result(conn)
        .await
        .optional()?;
    let version = version_of(conn, request).await?;
    Ok(version.zip(session).map(|(version, session)| Replayable {
        verification,
        version,
        session_id: session.lab_session_id,
    }))
}

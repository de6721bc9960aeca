//! Owns `verification_request`: a reason to verify an attempt with a lab version.

use contract::time::Timestamp;
use diesel::sql_query;
use diesel::sql_types::{Array, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::ledger_row;

ledger_row! {
    /// A reason to verify an attempt with a lab version.
    "verification_request" RequestRow [id] {
        /// The request.
        id: Uuid => SqlUuid,
        /// `push:<id>`, `command:<id>` and the like.
        cause: String => Text,
        /// The attempt.
        lab_attempt_id: Uuid => SqlUuid,
        /// The lab version whose checks are run.
        lab_version_id: Uuid => SqlUuid,
        /// `live` or `bulk`.
        lane: String => Text,
        /// The trace of the cause.
        trace_id: String => Text,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// The requests with these causes and attempts, pair by pair; those that are there.
///
/// # Errors
/// What the database answers.
pub async fn find(
    conn: &mut AsyncPgConnection,
    causes: &[String],
    attempts: &[Uuid],
) -> Result<Vec<RequestRow>, StoreError> {
    let text = "SELECT verification_request.* FROM verification_request \
                JOIN UNNEST($1, $2) AS wanted (cause, attempt) \
                ON verification_request.cause = wanted.cause AND lab_attempt_id = wanted.attempt";
    Ok(sql_query(text)
        .bind::<Array<Text>, _>(causes)
        .bind::<Array<SqlUuid>, _>(attempts)
        .load(conn)
        .await?)
}

/// Of these requests, the ones that have a result of some try.
///
/// # Errors
/// What the database answers.
pub async fn answered(
    conn: &mut AsyncPgConnection,
    requests: &[Uuid],
) -> Result<Vec<Uuid>, StoreError> {
    let text = "SELECT DISTINCT request_id AS key FROM verification_attempt \
                WHERE request_id = ANY($1)";
    let found: Vec<crate::row::NewKey> = sql_query(text)
        .bind::<Array<SqlUuid>, _>(requests)
        .load(conn)
        .await?;
    Ok(found.into_iter().map(|row| row.key).collect())
}

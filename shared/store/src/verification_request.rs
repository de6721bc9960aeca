//! Owns `verification_request`: a reason to verify an attempt with a lab version.

use contract::ids::{PushId, RequestId};
use contract::time::Timestamp;
use diesel::sql_types::{Array, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, sql_query};
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

/// The requests with these causes.
///
/// # Errors
/// What the database answers.
pub async fn of_causes(
    conn: &mut AsyncPgConnection,
    causes: &[String],
) -> Result<Vec<RequestRow>, StoreError> {
    if causes.is_empty() {
        return Ok(Vec::new());
    }
    Ok(
        sql_query("SELECT * FROM verification_request WHERE cause = ANY($1)")
            .bind::<Array<Text>, _>(causes)
            .load(conn)
            .await?,
    )
}

/// The requests with this cause for these attempts.
///
/// # Errors
/// What the database answers.
pub async fn of_attempts(
    conn: &mut AsyncPgConnection,
    cause: &str,
    attempts: &[Uuid],
) -> Result<Vec<RequestRow>, StoreError> {
    let text = "SELECT * FROM verification_request WHERE cause = $1 AND lab_attempt_id = ANY($2)";
    Ok(sql_query(text)
        .bind::<Text, _>(cause)
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
    let found: Vec<crate::row::Key> = sql_query(text)
        .bind::<Array<SqlUuid>, _>(requests)
        .load(conn)
        .await?;
    Ok(found.into_iter().map(|row| row.key).collect())
}

#[derive(diesel::QueryableByName)]
struct Followed {
    #[diesel(sql_type = Nullable<SqlUuid>)]
    id: Option<Uuid>,
}

#[derive(diesel::QueryableByName)]
struct Newer {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// The push that has taken the place of the one that caused this request, by the links of before
/// and after: the ref was led away from where that push left it, and is not back there. `None` for
/// a request that no push of a branch caused, and for a branch that was deleted. In a transaction
/// [by keys](crate::transaction::by_keys).
///
/// # Errors
/// What the database answers.
pub async fn superseded_by(
    conn: &mut AsyncPgConnection,
    request: RequestId,
) -> Result<Option<PushId>, StoreError> {
    // Nearly always nothing has followed: then the ref's whole history need not be asked, and what
    // asks it need not be planned.
    let query = sql_query(include_str!("verification_request_followed.sql"))
        .bind::<SqlUuid, _>(request.as_uuid());
    let followed: Option<Followed> = crate::prepared::RunPrepared::get_result(query, conn)
        .await
        .optional()?;
    if followed.is_none_or(|followed| followed.id.is_none()) {
        return Ok(None);
    }
    let newer: Option<Newer> = sql_query(include_str!("verification_request_superseded_by.sql"))
        .bind::<SqlUuid, _>(request.as_uuid())
        .get_result(conn)
        .await
        .optional()?;
    Ok(newer.map(|newer| PushId::from_uuid(newer.id)))
}

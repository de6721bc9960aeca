//! Owns `verification_origin`: what made a result, beside what its own row says.

use contract::time::Timestamp;
use diesel::sql_types::{Jsonb, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::ledger_row;

ledger_row! {
    /// What made a result.
    "verification_origin" OriginRow [verification_attempt_id] {
        /// The verification.
        verification_attempt_id: Uuid => SqlUuid,
        /// The lane that it was run in: `live` or `bulk`.
        lane: String => Text,
        /// What bounds and closes the boxes.
        box_of: Value => Jsonb,
        /// The digest of that.
        box_digest: String => Text,
        /// The tools that the lab names, each with its digest.
        tools: Value => Jsonb,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// What made a verification's result, where it is known.
///
/// # Errors
/// What the database answers.
pub async fn find(
    conn: &mut AsyncPgConnection,
    verification: Uuid,
) -> Result<Option<OriginRow>, StoreError> {
    Ok(
        sql_query("SELECT * FROM verification_origin WHERE verification_attempt_id = $1")
            .bind::<SqlUuid, _>(verification)
            .get_result(conn)
            .await
            .optional()?,
    )
}

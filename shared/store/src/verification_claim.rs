//! Owns `verification_claim`: who works on a request's try. The newest token holds it.

use contract::ids::RequestId;
use contract::time::Timestamp;
use diesel::sql_types::{BigInt, Integer, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, sql_query};
use diesel_async::AsyncPgConnection;
use uuid::Uuid;

use crate::error::StoreError;
use crate::prepared::RunPrepared;
use crate::row::{LedgerRow as _, ledger_row, select_text};

/// How often a claim is tried again that lost against another one's.
const CLAIMS_MAX: u32 = 10;

ledger_row! {
    /// Who works on a request's try.
    "verification_claim" ClaimRow [request_id, try_number, token] {
        /// The request.
        request_id: Uuid => SqlUuid,
        /// The try.
        try_number: i32 => Integer,
        /// Greater than that of every claim before.
        token: i64 => BigInt,
        /// The worker, by a name that it minted when it started.
        worker: String => Text,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// Claims a request's try for a worker, and takes it from whoever claimed it before. In a
/// transaction [by keys](crate::transaction::by_keys).
///
/// # Errors
/// What the database answers.
pub async fn claim(
    conn: &mut AsyncPgConnection,
    request: RequestId,
    try_number: i32,
    worker: &str,
    now: Timestamp,
) -> Result<ClaimRow, StoreError> {
    let columns = ClaimRow::COLUMNS.join(", ");
    let text = format!(
        "INSERT INTO verification_claim ({columns}) \
         SELECT $1, $2, coalesce(max(token), 0) + 1, $3, $4 FROM verification_claim \
         WHERE request_id = $1 AND try_number = $2 \
         ON CONFLICT DO NOTHING RETURNING {columns}"
    );
    for _ in 0..CLAIMS_MAX {
        let claimed = sql_query(&text)
            .bind::<SqlUuid, _>(request.as_uuid())
            .bind::<Integer, _>(try_number)
            .bind::<Text, _>(worker)
            .bind::<Timestamptz, _>(now)
            .get_result(conn)
            .await
            .optional()?;
        if let Some(claimed) = claimed {
            return Ok(claimed);
        }
        // Another one took the same token in this moment.
    }
    Err(StoreError::Unreadable {
        table: "verification_claim",
        column: "token",
        reason: format!("lost {CLAIMS_MAX} claims in a row"),
    })
}

/// Every claim of a request's try, the oldest first. In a transaction
/// [by keys](crate::transaction::by_keys).
///
/// # Errors
/// What the database answers.
pub async fn list(
    conn: &mut AsyncPgConnection,
    request: RequestId,
    try_number: i32,
) -> Result<Vec<ClaimRow>, StoreError> {
    let text = select_text::<ClaimRow>("WHERE request_id = $1 AND try_number = $2 ORDER BY token");
    Ok(sql_query(text)
        .bind::<SqlUuid, _>(request.as_uuid())
        .bind::<Integer, _>(try_number)
        .load(conn)
        .await?)
}

//! Owns `delivery_receipt` (a delivery id ever seen), `delivery` and `delivery_conflict`.

use std::collections::HashSet;

use contract::time::Timestamp;
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::{ledger_row, select_text};

ledger_row! {
    /// A delivery id ever seen, with the message that first brought it.
    "delivery_receipt" ReceiptRow [delivery_id] {
        /// The delivery.
        delivery_id: Uuid => SqlUuid,
        /// The source that received it.
        source: String => Text,
        /// The forge's id.
        forge_delivery: String => Text,
        /// SHA-256 of the raw body.
        body_digest: String => Text,
        /// The run of the ingest process that published the message.
        lane_id: Uuid => SqlUuid,
        /// The message's number in its lane.
        lane_number: i64 => BigInt,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

ledger_row! {
    /// A received webhook.
    "delivery" DeliveryRow [id] {
        /// The delivery.
        id: Uuid => SqlUuid,
        /// The source that received it.
        source: String => Text,
        /// The forge's name of the event.
        event: String => Text,
        /// SHA-256 of the raw body.
        body_digest: String => Text,
        /// Length of the raw body, in bytes.
        body_bytes: i64 => BigInt,
        /// Name of the secret that verified it.
        key: String => Text,
        /// The trace that follows it.
        trace_id: String => Text,
        /// The run of the ingest process that published the message.
        lane_id: Uuid => SqlUuid,
        /// The message's number in its lane.
        lane_number: i64 => BigInt,
        /// When it was admitted.
        received_at: Timestamp => Timestamptz,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

ledger_row! {
    /// The same delivery id came with another body.
    "delivery_conflict" ConflictRow [id] {
        /// The conflict.
        id: Uuid => SqlUuid,
        /// The delivery.
        delivery_id: Uuid => SqlUuid,
        /// SHA-256 of the later body.
        body_digest: String => Text,
        /// SHA-256 of the body that came first.
        first_body_digest: String => Text,
        /// When the later one was admitted.
        received_at: Timestamp => Timestamptz,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// The receipts of these deliveries, those that are there.
///
/// # Errors
/// What the database answers.
pub async fn receipts_of(
    conn: &mut AsyncPgConnection,
    deliveries: &[Uuid],
) -> Result<Vec<ReceiptRow>, StoreError> {
    if deliveries.is_empty() {
        return Ok(Vec::new());
    }
    let query = sql_query(select_text::<ReceiptRow>("WHERE delivery_id = ANY($1)"))
        .bind::<Array<SqlUuid>, _>(deliveries);
    Ok(crate::prepared::RunPrepared::load(query, conn).await?)
}

/// The delivery with this id, if it is recorded.
///
/// # Errors
/// What the database answers.
pub async fn find(
    conn: &mut AsyncPgConnection,
    delivery: contract::ids::DeliveryId,
) -> Result<Option<DeliveryRow>, StoreError> {
    Ok(sql_query("SELECT * FROM delivery WHERE id = $1")
        .bind::<SqlUuid, _>(delivery.as_uuid())
        .get_result(conn)
        .await
        .optional()?)
}

/// A recorded delivery that no session took, with what taking it in again needs.
#[derive(Clone, Debug, QueryableByName)]
pub struct UnmatchedDelivery {
    /// The delivery.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// The source that received it.
    #[diesel(sql_type = Text)]
    pub source: String,
    /// The forge's id.
    #[diesel(sql_type = Text)]
    pub forge_delivery: String,
    /// The forge's name of the event.
    #[diesel(sql_type = Text)]
    pub event: String,
    /// SHA-256 of the raw body.
    #[diesel(sql_type = Text)]
    pub body_digest: String,
    /// Length of the raw body, in bytes, where it is known: not of a later body of the same id.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub body_bytes: Option<i64>,
    /// Name of the secret that verified it.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// Whose key seals the headers.
    #[diesel(sql_type = SqlUuid)]
    pub owner_id: Uuid,
    /// The headers that identify and sign it, sealed.
    #[diesel(sql_type = Binary)]
    pub sealed_headers: Vec<u8>,
    /// The run of the ingest process that published the message.
    #[diesel(sql_type = SqlUuid)]
    pub lane_id: Uuid,
    /// The message's number in its lane.
    #[diesel(sql_type = BigInt)]
    pub lane_number: i64,
    /// When it was admitted.
    #[diesel(sql_type = Timestamptz)]
    pub received_at: Timestamp,
}

/// Where a page of waiting deliveries ends.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitingUpTo {
    /// When the last of them was admitted.
    pub received_at: Timestamp,
    /// The last of them.
    pub delivery: Uuid,
    /// SHA-256 of its raw body.
    pub body_digest: String,
}

impl WaitingUpTo {
    /// Before every delivery.
    pub fn nothing() -> Self {
        Self {
            received_at: Timestamp::UNIX_EPOCH,
            delivery: Uuid::nil(),
            body_digest: String::new(),
        }
    }
}

impl UnmatchedDelivery {
    /// Where a page ends that ends with this one.
    pub fn place(&self) -> WaitingUpTo {
        WaitingUpTo {
            received_at: self.received_at,
            delivery: self.id,
            body_digest: self.body_digest.clone(),
        }
    }
}

/// A repository that a query gives.
#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = Text)]
    repository: String,
}

/// Of these repositories, those with a push of which some session of it has no attempt: those that
/// [`unmatched`] may give something of. Asked in a transaction [by keys](crate::transaction::by_keys).
///
/// # Errors
/// What the database answers.
pub async fn unmatched_repositories(
    conn: &mut AsyncPgConnection,
    repositories: &[&str],
) -> Result<HashSet<String>, StoreError> {
    let query = sql_query(include_str!("delivery_unmatched_repositories.sql"))
        .bind::<Array<Text>, _>(repositories);
    let waiting: Vec<Waiting> = crate::prepared::RunPrepared::load(query, conn).await?;
    Ok(waiting.into_iter().map(|row| row.repository).collect())
}

/// The deliveries of pushes to a repository of which some session of it has no attempt, oldest
/// first, at most `limit` beyond `after`: each body of a delivery id that has several. A push that
/// brought none to any session (a deleted ref) is among them, and taking it in again is harmless.
///
/// # Errors
/// What the database answers.
pub async fn unmatched(
    conn: &mut AsyncPgConnection,
    repository: &str,
    after: &WaitingUpTo,
    limit: i64,
) -> Result<Vec<UnmatchedDelivery>, StoreError> {
    Ok(sql_query(include_str!("delivery_unmatched.sql"))
        .bind::<Text, _>(repository)
        .bind::<Timestamptz, _>(after.received_at)
        .bind::<SqlUuid, _>(after.delivery)
        .bind::<Text, _>(&after.body_digest)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}

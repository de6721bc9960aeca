//! Owns `privacy.delivery_body`, raw bodies sealed by whoever pushed them, and
//! `privacy.named_in_body`, whom each names.

use contract::time::Timestamp;
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::ledger_row;

ledger_row! {
    /// A raw body with what signed it, sealed. Not part of the ledger: it can be erased.
    "privacy.delivery_body" BodyRow [delivery_id, body_digest] {
        /// The delivery.
        delivery_id: Uuid => SqlUuid,
        /// SHA-256 of the raw body.
        body_digest: String => Text,
        /// Whose key seals it.
        owner_id: Uuid => SqlUuid,
        /// The sealed zstd frame; `None` where it is a sealed object, named by delivery and digest.
        sealed_body: Option<Vec<u8>> => Nullable<Binary>,
        /// The headers that identify and sign it, as sealed JSON.
        sealed_headers: Vec<u8> => Binary,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

ledger_row! {
    /// Somebody whom a body names.
    "privacy.named_in_body" NamedRow [principal_id, delivery_id, body_digest] {
        /// Whom.
        principal_id: Uuid => SqlUuid,
        /// The body's delivery.
        delivery_id: Uuid => SqlUuid,
        /// The body's digest.
        body_digest: String => Text,
    }
}

/// Which body: its delivery, its digest, and whether it is an object.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, QueryableByName)]
pub struct BodyName {
    /// The delivery.
    #[diesel(sql_type = SqlUuid)]
    pub delivery_id: Uuid,
    /// SHA-256 of the raw body.
    #[diesel(sql_type = Text)]
    pub body_digest: String,
}

/// The body of a delivery, if it is still kept.
///
/// # Errors
/// What the database answers.
pub async fn find(
    conn: &mut AsyncPgConnection,
    delivery: contract::ids::DeliveryId,
    body_digest: &str,
) -> Result<Option<BodyRow>, StoreError> {
    let text = "SELECT * FROM privacy.delivery_body WHERE delivery_id = $1 AND body_digest = $2";
    Ok(sql_query(text)
        .bind::<SqlUuid, _>(delivery.as_uuid())
        .bind::<Text, _>(body_digest)
        .get_result(conn)
        .await
        .optional()?)
}

/// A kept body of this digest, of whichever delivery.
///
/// # Errors
/// What the database answers.
pub async fn with_digest(
    conn: &mut AsyncPgConnection,
    body_digest: &str,
) -> Result<Option<BodyRow>, StoreError> {
    let text = "SELECT * FROM privacy.delivery_body WHERE body_digest = $1 LIMIT 1";
    Ok(sql_query(text)
        .bind::<Text, _>(body_digest)
        .get_result(conn)
        .await
        .optional()?)
}

/// The bodies that name any of these people.
///
/// # Errors
/// What the database answers.
pub async fn naming(
    conn: &mut AsyncPgConnection,
    people: &[Uuid],
) -> Result<Vec<BodyName>, StoreError> {
    let text = "SELECT DISTINCT delivery_id, body_digest FROM privacy.named_in_body \
                WHERE principal_id = ANY($1) ORDER BY delivery_id, body_digest";
    Ok(sql_query(text)
        .bind::<Array<SqlUuid>, _>(people)
        .load(conn)
        .await?)
}

/// The bodies that name somebody and were received up to a moment.
///
/// # Errors
/// What the database answers.
pub async fn naming_until(
    conn: &mut AsyncPgConnection,
    person: Uuid,
    until: Timestamp,
) -> Result<Vec<BodyName>, StoreError> {
    let text = "SELECT named.delivery_id, named.body_digest FROM privacy.named_in_body AS named \
                JOIN delivery ON delivery.id = named.delivery_id \
                WHERE named.principal_id = $1 AND delivery.received_at <= $2 \
                ORDER BY named.delivery_id, named.body_digest";
    Ok(sql_query(text)
        .bind::<SqlUuid, _>(person)
        .bind::<Timestamptz, _>(until)
        .load(conn)
        .await?)
}

/// The rows of the bodies that name any of these people, at most `limit` beyond one.
///
/// # Errors
/// What the database answers.
pub async fn rows_naming(
    conn: &mut AsyncPgConnection,
    people: &[Uuid],
    beyond: &BodyName,
    limit: i64,
) -> Result<Vec<BodyRow>, StoreError> {
    let text = "SELECT body.* FROM privacy.delivery_body AS body \
                WHERE (delivery_id, body_digest) > ($2, $3) AND EXISTS ( \
                    SELECT FROM privacy.named_in_body AS named \
                    WHERE named.principal_id = ANY($1) \
                        AND named.delivery_id = body.delivery_id \
                        AND named.body_digest = body.body_digest) \
                ORDER BY delivery_id, body_digest LIMIT $4";
    Ok(sql_query(text)
        .bind::<Array<SqlUuid>, _>(people)
        .bind::<SqlUuid, _>(beyond.delivery_id)
        .bind::<Text, _>(&beyond.body_digest)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?)
}

/// Removes bodies, and whom they name.
///
/// # Errors
/// What the database answers.
pub async fn remove(conn: &mut AsyncPgConnection, bodies: &[BodyName]) -> Result<(), StoreError> {
    let deliveries: Vec<Uuid> = bodies.iter().map(|body| body.delivery_id).collect();
    let digests: Vec<&str> = bodies
        .iter()
        .map(|body| body.body_digest.as_str())
        .collect();
    for table in ["privacy.named_in_body", "privacy.delivery_body"] {
        let text = format!(
            "DELETE FROM {table} AS kept USING UNNEST($1, $2) AS gone (delivery_id, body_digest) \
             WHERE kept.delivery_id = gone.delivery_id AND kept.body_digest = gone.body_digest"
        );
        sql_query(text)
            .bind::<Array<SqlUuid>, _>(&deliveries)
            .bind::<Array<Text>, _>(&digests)
            .execute(conn)
            .await?;
    }
    Ok(())
}

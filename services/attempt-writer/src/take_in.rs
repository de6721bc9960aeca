//! Owns taking recorded deliveries in again: those of a repository that no session took before one
//! was opened.

use bus::consume::Outcome;
use bus::outgoing::Outgoing;
use bytes::Bytes;
use contract::delivery::{BodyPlace, DELIVERY_HEADER, DELIVERY_RECEIVED, DeliveryReceived};
use contract::ids::{DeliveryId, LaneId};
use contract::name::Repository;
use process::settings::work::BODY_BYTES;
use service::ground::Ground;
use store::delivery::{self, UnmatchedDelivery, WaitingUpTo};
use store::error::StoreError;

use crate::person::{BodyHeaders, body_name};
use crate::seal::MasterKeys;
use crate::{audit, bodies};

/// Deliveries of a repository that are read, and queued, at one time: however many wait, no more
/// are held.
const PAGE_MAX: usize = 500;

/// Queues the repository's deliveries again that some session of it has nothing of. `cause` is
/// what opened the session: once for each cause, however often this runs.
///
/// # Errors
/// What becomes of the message that asked for it, where it cannot be done now.
pub(crate) async fn unmatched(
    ground: &Ground,
    masters: &MasterKeys,
    repository: &Repository,
    cause: &str,
) -> Result<(), Outcome> {
    let mut after = WaitingUpTo::nothing();
    // Ends: each page begins beyond the one before it.
    loop {
        let page = page(ground, repository, &after).await;
        let page = page.map_err(|error| ground.ledger_refused(&error))?;
        let (read, last) = (page.len(), page.last().map(UnmatchedDelivery::place));
        let headers = headers(ground, masters, &page).await;
        let headers = headers.map_err(|error| ground.ledger_refused(&error))?;
        let both = page.into_iter().zip(headers);
        // Whose key is gone was erased since the page was read.
        let messages = both.filter_map(|(row, headers)| Some(again(cause, row, headers?)));
        let messages = messages.collect::<Result<Vec<_>, _>>();
        let messages = messages.map_err(Outcome::Never)?;
        let published = ground.bus.publish_all(&messages).await;
        published.map_err(|error| ground.bus_refused(&error))?;
        match last {
            Some(last) if read == PAGE_MAX => after = last,
            _ => return Ok(()),
        }
    }
}

async fn page(
    ground: &Ground,
    repository: &Repository,
    after: &WaitingUpTo,
) -> Result<Vec<UnmatchedDelivery>, StoreError> {
    let mut conn = ground.store.connection().await?;
    delivery::unmatched(&mut conn, repository.as_str(), after, PAGE_MAX as i64).await
}

async fn headers(
    ground: &Ground,
    masters: &MasterKeys,
    page: &[UnmatchedDelivery],
) -> Result<Vec<Option<BodyHeaders>>, StoreError> {
    let mut conn = ground.store.connection().await?;
    let sealed = page.iter().map(|row| {
        let name = body_name(row.id, &row.body_digest);
        (row.owner_id, name, row.sealed_headers.as_slice())
    });
    bodies::headers(&mut conn, masters, sealed).await
}

/// The message that takes a recorded delivery in again. The lane and number are those of the
/// message that recorded it: it is the same delivery, not a repeat by the forge.
fn again(cause: &str, row: UnmatchedDelivery, headers: BodyHeaders) -> Result<Outgoing, String> {
    let bad = |error: &dyn std::fmt::Display| format!("read the delivery {}: {error}", row.id);
    let received = DeliveryReceived {
        delivery: DeliveryId::from_uuid(row.id),
        source: row.source.parse().map_err(|error| bad(&error))?,
        forge_delivery: row.forge_delivery.clone(),
        event: row.event.clone(),
        body_digest: row.body_digest.parse().map_err(|error| bad(&error))?,
        // The length of a later body is not kept. What is read is held against its digest.
        body_bytes: row
            .body_bytes
            .map_or(Ok(BODY_BYTES.1 as u64), u64::try_from)
            .map_err(|error| bad(&error))?,
        body: BodyPlace::Ledger,
        headers,
        key: row.key.clone(),
        received_at: row.received_at,
        lane: LaneId::from_uuid(row.lane_id),
        number: u64::try_from(row.lane_number).map_err(|error| bad(&error))?,
    };
    let header = serde_json::to_string(&received).map_err(|error| bad(&error))?;
    let id = format!(
        "again:{}:{}:{cause}",
        received.delivery, received.body_digest
    );
    let made = Outgoing::raw(
        audit::SERVICE,
        DELIVERY_RECEIVED,
        received.subject(),
        &id,
        Bytes::new(),
    );
    let mut made = made.map_err(|error| bad(&error))?;
    made.set(DELIVERY_HEADER, &header)
        .map_err(|error| bad(&error))?;
    Ok(made)
}

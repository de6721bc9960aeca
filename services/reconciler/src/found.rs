//! Owns the delivery that stands for a push which no forge told us of. It goes the way of every
//! delivery, so that receipts, pushes, attempts, audit and traces are what they are for any push.

use std::collections::BTreeMap;

use bus::error::PublishError;
use bus::outgoing::Outgoing;
use bytes::Bytes;
use contract::canonical::canonical_json;
use contract::delivery::{
    BodyPlace, DELIVERY_HEADER, DELIVERY_RECEIVED, DeliveryReceived, RECONCILER_KEY, REF_FOUND,
};
use contract::digest::Digest;
use contract::ids::DeliveryId;
use contract::name::SourceName;
use tracing::{Instrument, info_span};

use crate::audit::SERVICE;
use crate::desk::Desk;
use crate::refs::Found;

/// How hard a body is compressed: it is a few hundred bytes.
const ZSTD_LEVEL: i32 = 1;

/// Publishes the delivery. Whoever finds the same publishes the same delivery.
pub(crate) async fn publish(
    desk: &Desk,
    source: &SourceName,
    found: &Found,
) -> Result<(), PublishError> {
    let forge_delivery = found.what.forge_delivery();
    let id = DeliveryId::compute(source.as_str(), &forge_delivery);
    let span = info_span!(
        parent: None,
        "reconcile",
        otel.name = "reconciler found a ref",
        assay.source = %source,
        assay.delivery.id = %id,
    );
    process::trace::root_span_with_trace_id(&span, id.trace_id());
    let sending = async {
        let message = message(desk, source, found, forge_delivery, id)?;
        desk.ground.bus.publish_raw(message).await
    };
    sending.instrument(span).await.map(drop)
}

fn message(
    desk: &Desk,
    source: &SourceName,
    found: &Found,
    forge_delivery: String,
    id: DeliveryId,
) -> Result<Outgoing, PublishError> {
    let raw = canonical_json(&found.what);
    let frame = zstd::bulk::compress(raw.as_bytes(), ZSTD_LEVEL)
        .expect("a few hundred bytes can be compressed into memory");
    let received = DeliveryReceived {
        delivery: id,
        source: source.clone(),
        forge_delivery,
        event: REF_FOUND.to_owned(),
        body_digest: Digest::of(raw.as_bytes()),
        body_bytes: raw.len() as u64,
        body: BodyPlace::Inline,
        headers: BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]),
        key: RECONCILER_KEY.to_owned(),
        received_at: found.at,
        lane: desk.lane,
        number: desk.next_number(),
    };
    let mut message = Outgoing::raw(
        SERVICE,
        DELIVERY_RECEIVED,
        received.subject(),
        &received.message_id(),
        Bytes::from(frame),
    )?;
    let header = serde_json::to_string(&received).map_err(PublishError::Encode)?;
    message.set(DELIVERY_HEADER, &header)?;
    Ok(message)
}

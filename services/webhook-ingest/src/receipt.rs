//! Owns the receipt: what the sender of an accepted delivery is told.

use contract::digest::Digest;
use contract::ids::DeliveryId;
use contract::time::{Timestamp, to_text};
use serde_json::{Value, json};

/// The receipt's JSON.
pub(crate) fn of(delivery: DeliveryId, digest: Digest, at: Timestamp) -> Value {
    json!({
        "delivery": delivery,
        "digest": digest,
        "trace_id": delivery.trace_id().to_string(),
        "received_at": to_text(at),
        "duplicate": false,
    })
}

/// The receipt of a delivery that came again. It names the first one: `delivery` and `trace_id` are
/// computed from the forge's id, so they are the first one's whoever answers. When that one was
/// received, `first_received_at`, is null where another process received it, or this one forgot.
/// That it is a duplicate is best effort; the ledger decides.
pub(crate) fn of_repeat(
    delivery: DeliveryId,
    digest: Digest,
    at: Timestamp,
    first: Option<Timestamp>,
) -> Value {
    let mut receipt = of(delivery, digest, at);
    receipt["duplicate"] = true.into();
    receipt["first_received_at"] = first.map(to_text).into();
    receipt
}

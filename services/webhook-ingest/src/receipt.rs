//! Owns the receipt: what the sender of an accepted delivery is told.

use contract::digest::Digest;
use contract::ids::DeliveryId;
use contract::time::{Timestamp, to_text};
use serde_json::{Value, json};

/// The receipt's JSON. `duplicate` is best effort; the ledger decides.
pub(crate) fn of(delivery: DeliveryId, digest: Digest, at: Timestamp, duplicate: bool) -> Value {
    json!({
        "delivery": delivery,
        "digest": digest,
        "trace_id": delivery.trace_id().to_string(),
        "received_at": to_text(at),
        "duplicate": duplicate,
    })
}

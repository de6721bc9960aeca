//! Owns what Bitbucket Cloud says: its headers, its signature.

pub(crate) mod push;
#[cfg(test)]
mod push_tests;

use crate::headers::Headers;
use crate::identity::{
    DELIVERY_BYTES_MAX, EVENT_BYTES_MAX, EventKind, Identity, IdentityError, name_in,
};
use crate::signature::{Proof, SignatureError, hex_mac};

/// The delivery's UUID. `x-hook-uuid` is the hook's.
const DELIVERY: &str = "x-request-uuid";
/// The event.
const EVENT: &str = "x-event-key";
/// The signature. It has the name of GitHub's SHA-1, and is SHA-256.
const SIGNATURE: &str = "x-hub-signature";
/// What stands before the hex digits.
const SIGNATURE_PREFIX: &str = "sha256=";

/// Headers that are kept with a delivery.
pub(crate) const KEPT_HEADERS: [&str; 6] = [
    DELIVERY,
    EVENT,
    SIGNATURE,
    "x-hook-uuid",
    "x-attempt-number",
    "x-event-time",
];

pub(crate) fn identify(headers: &Headers) -> Result<Identity, IdentityError> {
    let delivery = name_in(headers, DELIVERY, DELIVERY_BYTES_MAX)?;
    let event = name_in(headers, EVENT, EVENT_BYTES_MAX)?;
    let kind = match event.as_str() {
        "repo:push" => EventKind::Push,
        "diagnostics:ping" => EventKind::Ping,
        _ => EventKind::Other,
    };
    Ok(Identity {
        delivery,
        event,
        kind,
    })
}

pub(crate) fn proof(headers: &Headers) -> Result<Proof<'_>, SignatureError> {
    let value = headers.get(SIGNATURE).ok_or(SignatureError::Missing)?;
    hex_mac(value, SIGNATURE_PREFIX).map(Proof::OfBody)
}

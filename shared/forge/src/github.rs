//! Owns what GitHub says, hosted or own: its headers, its signature.

pub(crate) mod push;
#[cfg(test)]
mod push_tests;

use crate::headers::Headers;
use crate::identity::{
    DELIVERY_BYTES_MAX, EVENT_BYTES_MAX, EventKind, Identity, IdentityError, name_in,
};
use crate::signature::{Proof, SignatureError, hex_mac};

/// The delivery's GUID; a redelivery has the same.
const DELIVERY: &str = "x-github-delivery";
/// The event.
const EVENT: &str = "x-github-event";
/// The signature. Its older sister without `-256` is SHA-1 and is never read.
const SIGNATURE: &str = "x-hub-signature-256";
/// What stands before the hex digits.
const SIGNATURE_PREFIX: &str = "sha256=";

/// Headers that are kept with a delivery.
pub(crate) const KEPT_HEADERS: [&str; 8] = [
    DELIVERY,
    EVENT,
    SIGNATURE,
    "x-github-hook-id",
    "x-github-hook-installation-target-id",
    "x-github-hook-installation-target-type",
    "x-github-enterprise-host",
    "x-github-enterprise-version",
];

pub(crate) fn identify(headers: &Headers) -> Result<Identity, IdentityError> {
    let delivery = name_in(headers, DELIVERY, DELIVERY_BYTES_MAX)?;
    let event = name_in(headers, EVENT, EVENT_BYTES_MAX)?;
    let kind = match event.as_str() {
        "ping" => EventKind::Ping,
        "push" => EventKind::Push,
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

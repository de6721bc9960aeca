//! Owns what Gitea says: its headers, its signature. It sends the headers of GitHub and Gogs too,
//! and an empty signature where its hook has no secret.

pub(crate) mod push;
#[cfg(test)]
mod push_tests;

use crate::headers::Headers;
use crate::identity::{
    DELIVERY_BYTES_MAX, EVENT_BYTES_MAX, EventKind, Identity, IdentityError, name_in,
};
use crate::signature::{Proof, SignatureError, hex_mac};

/// The delivery's UUID.
const DELIVERY: &str = "x-gitea-delivery";
/// The event.
const EVENT: &str = "x-gitea-event";
/// The signature, in bare hex.
pub(crate) const SIGNATURE: &str = "x-gitea-signature";

/// Headers that are kept with a delivery.
pub(crate) const KEPT_HEADERS: [&str; 4] = [DELIVERY, EVENT, SIGNATURE, "x-gitea-event-type"];

pub(crate) fn identify(headers: &Headers) -> Result<Identity, IdentityError> {
    identity(headers, DELIVERY, EVENT)
}

/// The name of a delivery, of which a branch's deletion is an event of its own.
pub(crate) fn identity(
    headers: &Headers,
    delivery: &'static str,
    event: &'static str,
) -> Result<Identity, IdentityError> {
    let delivery = name_in(headers, delivery, DELIVERY_BYTES_MAX)?;
    let event = name_in(headers, event, EVENT_BYTES_MAX)?;
    let kind = match event.as_str() {
        "push" | "delete" => EventKind::Push,
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
    hex_mac(value, "").map(Proof::OfBody)
}

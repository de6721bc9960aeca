//! Owns what GitLab says, 17.4 and newer: its headers, its token, its signature. A request that has
//! any header of a signature is judged by the signature, whatever token comes with it.

pub(crate) mod push;
#[cfg(test)]
mod push_tests;

use crate::headers::Headers;
use crate::identity::{DELIVERY_BYTES_MAX, EventKind, Identity, IdentityError, event_in, name_in};
use crate::signature::{Proof, SignatureError, hex_mac};
use crate::signed;

/// The delivery's id, where it is not signed. The headers that end in `-uuid` are none: one is new
/// with every retry, the other is shared by hooks that set each other going.
const DELIVERY: &str = "idempotency-key";
/// The event.
const EVENT: &str = "x-gitlab-event";
/// The secret itself.
pub(crate) const TOKEN: &str = "x-gitlab-token";
/// What is kept instead of it; no header of GitLab's, and never read from a request.
pub(crate) const KEPT_TOKEN: &str = "x-gitlab-token-hmac-sha256";

/// Headers that are kept with a delivery; the token only as its proof.
pub(crate) const KEPT_HEADERS: [&str; 9] = [
    DELIVERY,
    EVENT,
    TOKEN,
    signed::ID,
    signed::TIMESTAMP,
    signed::SIGNATURE,
    "x-gitlab-event-uuid",
    "x-gitlab-webhook-uuid",
    "x-gitlab-instance",
];

pub(crate) fn identify(headers: &Headers) -> Result<Identity, IdentityError> {
    // Where both are there they are the same; the one that is signed is believed.
    let header = if headers.get(signed::SIGNATURE).is_some() {
        signed::ID
    } else {
        DELIVERY
    };
    let delivery = name_in(headers, header, DELIVERY_BYTES_MAX)?;
    let event = event_in(headers, EVENT)?;
    let kind = match event.as_str() {
        "Push Hook" | "Tag Push Hook" => EventKind::Push,
        _ => EventKind::Other,
    };
    Ok(Identity {
        delivery,
        event,
        kind,
    })
}

pub(crate) fn proof(headers: &Headers) -> Result<Proof<'_>, SignatureError> {
    if signed::has_any(headers) {
        return signed::of(headers).map(Proof::Signed);
    }
    match (headers.get(TOKEN), headers.get(KEPT_TOKEN)) {
        (Some(""), _) => Err(SignatureError::Malformed),
        (Some(token), _) => Ok(Proof::Token(token)),
        (None, Some(kept)) => hex_mac(kept, "").map(Proof::KeptToken),
        (None, None) => Err(SignatureError::Missing),
    }
}

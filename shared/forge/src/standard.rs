//! Owns what a forge of one's own says that follows the Standard Webhooks specification: its
//! signature is the specification's, the body of a push is described in this crate's README.

pub(crate) mod push;
#[cfg(test)]
mod push_tests;

use crate::body::json_of;
use crate::fields::Fields;
use crate::headers::Headers;
use crate::identity::{DELIVERY_BYTES_MAX, EventKind, Identity, IdentityError, is_event, name_in};
use crate::signed;

/// The field of the body that says the event.
const TYPE: &str = "type";

/// Headers that are kept with a delivery.
pub(crate) const KEPT_HEADERS: [&str; 3] = [signed::ID, signed::TIMESTAMP, signed::SIGNATURE];

pub(crate) fn identify(headers: &Headers, body: &[u8]) -> Result<Identity, IdentityError> {
    let delivery = name_in(headers, signed::ID, DELIVERY_BYTES_MAX)?;
    let json = json_of(headers.content_type(), body)?;
    let event = Fields::of(&json, String::new())
        .ok()
        .and_then(|fields| fields.exact_text(TYPE))
        .filter(|event| is_event(event))
        .ok_or(IdentityError::NoType)?;
    let kind = match event.as_str() {
        "push" => EventKind::Push,
        "ping" => EventKind::Ping,
        _ => EventKind::Other,
    };
    Ok(Identity {
        delivery,
        event,
        kind,
    })
}

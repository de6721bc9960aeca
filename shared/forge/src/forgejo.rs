//! Owns what Forgejo says: its headers, its signature. Its pushes are Gitea's.

use crate::gitea;
use crate::headers::Headers;
use crate::identity::{Identity, IdentityError};
use crate::signature::{Proof, SignatureError, hex_mac};

/// The delivery's UUID.
const DELIVERY: &str = "x-forgejo-delivery";
/// The event.
const EVENT: &str = "x-forgejo-event";
/// The signature, in bare hex; the same as Gitea's, which comes with it.
const SIGNATURE: &str = "x-forgejo-signature";

/// Headers that are kept with a delivery.
pub(crate) const KEPT_HEADERS: [&str; 5] = [
    DELIVERY,
    EVENT,
    SIGNATURE,
    gitea::SIGNATURE,
    "x-forgejo-event-type",
];

pub(crate) fn identify(headers: &Headers) -> Result<Identity, IdentityError> {
    gitea::identity(headers, DELIVERY, EVENT)
}

pub(crate) fn proof(headers: &Headers) -> Result<Proof<'_>, SignatureError> {
    match headers.get(SIGNATURE) {
        Some(value) => hex_mac(value, "").map(Proof::OfBody),
        None => gitea::proof(headers),
    }
}

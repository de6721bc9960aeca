//! Owns what names a delivery: the forge's own id of it, and its event.

use thiserror::Error;

use crate::body::BodyError;
use crate::headers::Headers;
use crate::provider::Provider;
use crate::{bitbucket, forgejo, gitea, github, gitlab, standard};

/// Longest delivery id, in bytes; GitHub's has 36.
pub const DELIVERY_BYTES_MAX: usize = 128;
/// Longest name of an event, in bytes.
pub const EVENT_BYTES_MAX: usize = 64;

/// What names a delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The forge's own id: 1 to 128 visible ASCII characters. It is not signed, so whoever has a
    /// signed body can send it under another one.
    pub delivery: String,
    /// The forge's name of the event, `push` for instance.
    pub event: String,
    /// What the event is to us.
    pub kind: EventKind,
}

/// What an event is to us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventKind {
    /// The forge asks whether somebody is here.
    Ping,
    /// Refs have changed.
    Push,
    /// Anything else.
    Other,
}

/// Why a delivery has no usable name.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum IdentityError {
    /// The header is not there.
    #[error("the header {header} is missing")]
    Missing {
        /// Which one.
        header: &'static str,
    },
    /// The header's value is no name.
    #[error("the header {header} is not 1 to {bytes_max} visible ASCII characters")]
    Malformed {
        /// Which one.
        header: &'static str,
        /// Its greatest length.
        bytes_max: usize,
    },
    /// The header's value is no event.
    #[error("the header {header} is not 1 to 64 ASCII characters")]
    MalformedEvent {
        /// Which one.
        header: &'static str,
    },
    /// The event is said by the body, and cannot be read there.
    #[error("the body has no type of 1 to 64 ASCII characters")]
    NoType,
    /// The event is said by the body, which carries no JSON.
    #[error(transparent)]
    Body(#[from] BodyError),
}

/// Finds what names a delivery: its headers, and of Standard Webhooks its body.
///
/// # Errors
/// [`IdentityError`].
pub fn identify(
    provider: Provider,
    headers: &Headers,
    body: &[u8],
) -> Result<Identity, IdentityError> {
    match provider {
        Provider::Github => github::identify(headers),
        Provider::Gitlab => gitlab::identify(headers),
        Provider::Gitea => gitea::identify(headers),
        Provider::Forgejo => forgejo::identify(headers),
        Provider::Bitbucket => bitbucket::identify(headers),
        Provider::StandardWebhooks => standard::identify(headers, body),
    }
}

/// The value of a header that names something.
pub(crate) fn name_in(
    headers: &Headers,
    header: &'static str,
    bytes_max: usize,
) -> Result<String, IdentityError> {
    let value = headers
        .get(header)
        .ok_or(IdentityError::Missing { header })?;
    let visible = value.bytes().all(|byte| byte.is_ascii_graphic());
    if visible && (1..=bytes_max).contains(&value.len()) {
        Ok(value.to_owned())
    } else {
        Err(IdentityError::Malformed { header, bytes_max })
    }
}

/// The value of a header that says the event, where it may have spaces between its words.
pub(crate) fn event_in(headers: &Headers, header: &'static str) -> Result<String, IdentityError> {
    let value = headers
        .get(header)
        .ok_or(IdentityError::Missing { header })?;
    if is_event(value) {
        Ok(value.to_owned())
    } else {
        Err(IdentityError::MalformedEvent { header })
    }
}

/// Whether a text is an event's name: printable ASCII, with spaces between words alone.
pub(crate) fn is_event(text: &str) -> bool {
    let printable = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    printable && text.trim() == text && (1..=EVENT_BYTES_MAX).contains(&text.len())
}

#[cfg(test)]
mod tests;

//! Owns the thought of admission: whether a request that arrived whole is a delivery, and whose.

use contract::time::Timestamp;
use forge::body::json_of;
use forge::headers::Headers;
use forge::identity::{EventKind, Identity, identify};
use forge::signature;

use crate::problem::Problem;
use crate::source::Source;

/// What a signed request is.
#[derive(Debug)]
pub(crate) enum Admitted {
    /// The forge asks whether we are here.
    Ping,
    /// An event that this source does not take.
    Ignored(Identity),
    /// A delivery, with the name of the secret that verified it.
    Delivery {
        /// The forge's id and event.
        identity: Identity,
        /// The secret's name.
        key: String,
    },
}

/// Judges a request. The signature comes first: nothing else is said to whoever has no secret.
pub(crate) fn admit(
    source: &Source,
    headers: &Headers,
    body: &[u8],
    now: Timestamp,
) -> Result<Admitted, Problem> {
    let keys = source.keys(now);
    let key = signature::verify(source.provider, headers, body, &keys)
        .map_err(|error| Problem::Unsigned(error.to_string()))?;
    let identity = identify(source.provider, headers)
        .map_err(|error| Problem::Malformed(error.to_string()))?;
    if identity.kind == EventKind::Ping {
        return Ok(Admitted::Ping);
    }
    if !source.wants(&identity.event) {
        return Ok(Admitted::Ignored(identity));
    }
    json_of(headers.content_type(), body).map_err(|error| Problem::Malformed(error.to_string()))?;
    Ok(Admitted::Delivery {
        identity,
        key: key.to_owned(),
    })
}

#[cfg(test)]
mod tests;

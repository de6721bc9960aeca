//! Owns the thought of admission: whether a request that arrived whole is a delivery, and whose.

use contract::delivery::REF_FOUND;
use contract::time::Timestamp;
use forge::body::json_of;
use forge::headers::Headers;
use forge::identity::{EventKind, Identity, identify};
use forge::signature;

use crate::problem::Problem;
use crate::source::Source;

/// A request whose signature holds.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// The name of the secret that verified it.
    pub(crate) key: String,
    /// What it is.
    pub(crate) what: What,
}

/// What a signed request is.
#[derive(Debug)]
pub(crate) enum What {
    /// The forge asks whether we are here.
    Ping,
    /// An event that this source does not take.
    Ignored(Identity),
    /// A delivery: the forge's id and event.
    Delivery(Identity),
}

/// Judges a request, in the order of admission: the signature, the rate, the event, the body.
/// Nothing else is said to whoever has no secret, and whoever has none takes no token. `count` is
/// told the name of the secret that signed; `take_token` gives the seconds to wait when there is
/// none.
pub(crate) fn admit(
    source: &Source,
    headers: &Headers,
    body: &[u8],
    now: Timestamp,
    count: impl FnOnce(&str),
    take_token: impl FnOnce() -> Result<(), u64>,
) -> Result<Admitted, Problem> {
    let keys = source.keys(now);
    let key = signature::verify(source.provider, headers, body, &keys, source.window(now))
        .map_err(|error| Problem::Unsigned(error.to_string()))?;
    count(key);
    take_token().map_err(Problem::TooMany)?;
    let identity = identify(source.provider, headers, body)
        .map_err(|error| Problem::Malformed(error.to_string()))?;
    if identity.event == REF_FOUND {
        // What reconciler alone may say: whoever signs webhooks is not reconciler.
        let reason = "the event is none of a forge's".to_owned();
        return Err(Problem::Malformed(reason));
    }
    let what = if identity.kind == EventKind::Ping {
        What::Ping
    } else if !source.wants(&identity.event) {
        What::Ignored(identity)
    } else {
        json_of(headers.content_type(), body)
            .map_err(|error| Problem::Malformed(error.to_string()))?;
        What::Delivery(identity)
    };
    Ok(Admitted {
        key: key.to_owned(),
        what,
    })
}

#[cfg(test)]
mod tests;

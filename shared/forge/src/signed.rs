//! Owns signatures as the Standard Webhooks specification has them, which GitLab's newer ones are
//! too: over `{webhook-id}.{webhook-timestamp}.{body}`, so that a request cannot be sent again
//! under another id, nor much later. Of the schemes it reads `v1` (HMAC-SHA256) alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use hmac::Mac as _;
use subtle::{Choice, ConstantTimeEq as _};

use crate::headers::Headers;
use crate::identity::DELIVERY_BYTES_MAX;
use crate::signature::{SignatureError, Window, hmac_sha256};

/// The delivery's id, which is signed; a retry has the same.
pub(crate) const ID: &str = "webhook-id";
/// Seconds since 1970, signed as well.
pub(crate) const TIMESTAMP: &str = "webhook-timestamp";
/// Signatures with spaces between them, each `<scheme>,<base64>`.
pub(crate) const SIGNATURE: &str = "webhook-signature";

/// What stands before the base64 of a secret that signs.
const SECRET_PREFIX: &[u8] = b"whsec_";
/// What stands before the keys of ed25519, which the scheme `v1a` is.
const ASYMMETRIC_PREFIXES: [&[u8]; 2] = [b"whpk_", b"whsk_"];
/// A secret's length without its prefix and base64, in bytes.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Most signatures of one request: one for each secret that its sender rotates.
const SIGNATURES_MAX: usize = 16;
/// Most digits of a timestamp: more than any second until the year 5000 needs.
const TIMESTAMP_DIGITS_MAX: usize = 11;

/// What a signed request says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Signed<'a> {
    id: &'a str,
    timestamp: &'a str,
    seconds: i64,
    /// Those of the scheme `v1`; not empty.
    signatures: Vec<[u8; 32]>,
}

/// Whether a request has any of the headers of a signature, be they empty: then it is judged by
/// that alone.
pub(crate) fn has_any(headers: &Headers) -> bool {
    [ID, TIMESTAMP, SIGNATURE]
        .into_iter()
        .any(|name| headers.get(name).is_some())
}

/// Whether a secret is one that signs, and no token.
pub(crate) fn is_signing_secret(secret: &[u8]) -> bool {
    secret.starts_with(SECRET_PREFIX)
}

/// Reads the headers.
pub(crate) fn of(headers: &Headers) -> Result<Signed<'_>, SignatureError> {
    let header = |name| headers.get(name).ok_or(SignatureError::Missing);
    let (id, timestamp) = (header(ID)?, header(TIMESTAMP)?);
    let signatures = header(SIGNATURE)?;
    if id.is_empty() || id.len() > DELIVERY_BYTES_MAX {
        return Err(SignatureError::Malformed);
    }
    let is_number = timestamp.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || timestamp.len() > TIMESTAMP_DIGITS_MAX {
        return Err(SignatureError::Malformed);
    }
    let seconds = timestamp.parse().map_err(|_| SignatureError::Malformed)?;
    Ok(Signed {
        id,
        timestamp,
        seconds,
        signatures: signatures_in(signatures)?,
    })
}

fn signatures_in(value: &str) -> Result<Vec<[u8; 32]>, SignatureError> {
    let mut of_v1 = Vec::new();
    let mut others = false;
    for (number, one) in value.split_ascii_whitespace().enumerate() {
        let (scheme, text) = one.split_once(',').ok_or(SignatureError::Malformed)?;
        if number == SIGNATURES_MAX {
            return Err(SignatureError::Malformed);
        }
        if scheme == "v1" {
            let bytes = STANDARD.decode(text).ok();
            let mac = bytes.and_then(|bytes| bytes.try_into().ok());
            of_v1.push(mac.ok_or(SignatureError::Malformed)?);
        } else {
            others = true;
        }
    }
    match (of_v1.is_empty(), others) {
        (false, _) => Ok(of_v1),
        (true, true) => Err(SignatureError::UnknownScheme),
        (true, false) => Err(SignatureError::Malformed),
    }
}

/// The key that a secret is: the bytes behind `whsec_`.
fn key_of(secret: &[u8]) -> Option<Vec<u8>> {
    let key = STANDARD.decode(secret.strip_prefix(SECRET_PREFIX)?).ok()?;
    SECRET_BYTES.contains(&key.len()).then_some(key)
}

/// What is wrong with a secret that has to sign; nothing of the secret itself.
pub(crate) fn check(secret: &[u8]) -> Result<(), &'static str> {
    if ASYMMETRIC_PREFIXES
        .iter()
        .any(|prefix| secret.starts_with(prefix))
    {
        return Err("is a key of ed25519 (v1a), which is not understood; expected whsec_");
    }
    match key_of(secret) {
        Some(_) => Ok(()),
        None => Err("expected whsec_ and the base64 of 24 to 64 bytes"),
    }
}

impl Signed<'_> {
    /// Whether any of the signatures is by `secret`. Each is compared, also after one has matched.
    pub(crate) fn is_by(&self, secret: &[u8], body: &[u8]) -> bool {
        let Some(key) = key_of(secret) else {
            return false;
        };
        let parts = [
            self.id.as_bytes(),
            b".",
            self.timestamp.as_bytes(),
            b".",
            body,
        ];
        let mac = hmac_sha256(&key, &parts).finalize().into_bytes();
        let none = Choice::from(0);
        let any = self.signatures.iter().fold(none, |any, signature| {
            any | mac.as_slice().ct_eq(signature.as_slice())
        });
        any.into()
    }

    /// Whether its time is within the tolerance, the borders included.
    pub(crate) fn is_within(&self, window: Window) -> bool {
        DateTime::from_timestamp(self.seconds, 0).is_some_and(|signed_at| {
            let apart = window.received_at - signed_at;
            apart.abs() <= window.tolerance
        })
    }
}

#[cfg(test)]
mod tests;

//! Owns the check that a live secret signed a body, in constant time. What exactly is signed, and
//! where it says so, is each provider's own.

use chrono::TimeDelta;
use contract::time::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

use crate::headers::Headers;
use crate::provider::Provider;
use crate::signed::Signed;
use crate::{bitbucket, forgejo, gitea, github, gitlab, signed};

/// A secret that may have signed, and its name.
#[derive(Clone, Copy)]
pub struct Key<'a> {
    /// The name, which receipts and the ledger say.
    pub name: &'a str,
    /// The secret's bytes, as the forge shows them: with `whsec_` where it writes that.
    pub secret: &'a [u8],
}

/// When a request came, and how far its own time may be from that, where it has one that is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// When it came.
    pub received_at: Timestamp,
    /// How far its time may be before or after that.
    pub tolerance: TimeDelta,
}

/// Why a body is not believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum SignatureError {
    /// There is no signature.
    #[error("the signature is missing")]
    Missing,
    /// There is a header for it that holds none: empty, of another form, or of an algorithm that
    /// is not accepted.
    #[error("the signature is empty or malformed")]
    Malformed,
    /// There are signatures, and none of a scheme that is understood.
    #[error("there is no signature of the scheme v1; v1a (ed25519) is not understood")]
    UnknownScheme,
    /// No live secret gives this signature.
    #[error("the signature is not that of any live secret")]
    Mismatch,
    /// The signature holds, and its time is too far from ours: perhaps a replay.
    #[error("the signed timestamp is further from this clock than the tolerance")]
    OutsideTolerance,
}

/// How a request shows that its sender has a secret.
#[derive(Clone, Debug)]
pub(crate) enum Proof<'a> {
    /// HMAC-SHA256 of the body.
    OfBody([u8; 32]),
    /// The secret itself.
    Token(&'a str),
    /// What is kept of such a secret: see [`token_mac`].
    KeptToken([u8; 32]),
    /// HMAC-SHA256 of an id, a time and the body.
    Signed(Signed<'a>),
}

/// Checks that one of `keys` signed `body`, and gives the name of the one that did.
///
/// # Errors
/// [`SignatureError`]; without any key it is a mismatch.
pub fn verify<'k>(
    provider: Provider,
    headers: &Headers,
    body: &[u8],
    keys: &[Key<'k>],
    window: Window,
) -> Result<&'k str, SignatureError> {
    let proof = match provider {
        Provider::Github => github::proof(headers)?,
        Provider::Gitlab => gitlab::proof(headers)?,
        Provider::Gitea => gitea::proof(headers)?,
        Provider::Forgejo => forgejo::proof(headers)?,
        Provider::Bitbucket => bitbucket::proof(headers)?,
        Provider::StandardWebhooks => Proof::Signed(signed::of(headers)?),
    };
    // Every key is tried, also after one has matched: the time says nothing of which it was.
    let mut matched = None;
    for key in keys {
        if proof.is_by(key.secret, body) && matched.is_none() {
            matched = Some(key.name);
        }
    }
    let name = matched.ok_or(SignatureError::Mismatch)?;
    match proof {
        // Said only to whoever has a secret.
        Proof::Signed(signed) if !signed.is_within(window) => Err(SignatureError::OutsideTolerance),
        _ => Ok(name),
    }
}

impl Proof<'_> {
    fn is_by(&self, secret: &[u8], body: &[u8]) -> bool {
        // A signing secret never stands for a token: whoever can only show it has not signed.
        let is_token = || !signed::is_signing_secret(secret);
        match self {
            Self::OfBody(mac) => is_hmac_sha256(secret, &[body], mac),
            Self::Token(token) => is_token() && is_same(secret, token.as_bytes()),
            Self::KeptToken(mac) => is_token() && token_mac(secret, body).verify_slice(mac).is_ok(),
            Self::Signed(signed) => signed.is_by(secret, body),
        }
    }
}

/// Whether two secrets are the same; the time says nothing of either, not even of its length.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    Sha256::digest(one).ct_eq(&Sha256::digest(other)).into()
}

/// What is kept of a token beside the body that came with it: the HMAC-SHA256 of the body, keyed by
/// the token's digest. (HMAC takes a key with zeros behind it for the same key, a digest not.)
pub(crate) fn token_mac(token: &[u8], body: &[u8]) -> Hmac<Sha256> {
    hmac_sha256(&Sha256::digest(token), &[body])
}

/// The HMAC-SHA256 of `parts`, one after the other, under `secret`.
pub(crate) fn hmac_sha256(secret: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of every length");
    for part in parts {
        mac.update(part);
    }
    mac
}

/// Whether `signature` is the HMAC-SHA256 of `parts` under `secret`; in constant time.
fn is_hmac_sha256(secret: &[u8], parts: &[&[u8]], signature: &[u8; 32]) -> bool {
    hmac_sha256(secret, parts).verify_slice(signature).is_ok()
}

/// The 32 bytes that 64 hex digits behind `prefix` say. Without any digit there are none: an empty
/// signature is what some forges send that have no secret.
pub(crate) fn hex_mac(value: &str, prefix: &str) -> Result<[u8; 32], SignatureError> {
    let digits = value
        .strip_prefix(prefix)
        .ok_or(SignatureError::Malformed)?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| SignatureError::Malformed)?;
    Ok(bytes)
}

impl std::fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;

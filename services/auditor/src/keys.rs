//! Owns the keys of the log as the auditor holds them: what it signs with, and the check that what
//! it signed can be checked by those who pinned the verifying key.

use serde::Deserialize;
use store::log_key::KeyChangeRow;
use thiserror::Error;
use tlog::checkpoint::{self, Checkpoint, CheckpointError};
use tlog::key::{KeyError, SigningKey, VerifyingKey};
use tlog::key_change::KeyChangeError;
use tlog::tree::Frontier;

/// The keys of a log, all that is needed to sign.
#[derive(Clone, Debug)]
pub struct Keys {
    signing: SigningKey,
    next: Option<SigningKey>,
}

/// Why nothing can be signed.
#[derive(Debug, Error)]
pub enum CannotSign {
    /// A key is not set, or not where the settings say.
    #[error("there is no key: {0}")]
    NoKey(String),
    /// The signing key cannot be read.
    #[error("read the signing key: {0}")]
    SigningKey(#[source] KeyError),
    /// The key that is to follow cannot be read.
    #[error("read the next signing key: {0}")]
    NextKey(#[source] KeyError),
    /// The verifying key cannot be read.
    #[error("read the verifying key: {0}")]
    VerifyingKey(#[source] KeyError),
    /// The verifying key is of neither key.
    #[error("sign the checkpoint: not signed by the key {0:?}")]
    NotPinned(String),
    /// The log is signed by a key that is none of ours.
    #[error("the log is signed by another key, {0}: a key is changed by log.next_signing_key_file")]
    OtherKey(String),
    /// The old key could not vouch for the next one.
    #[error("change the key: {0}")]
    KeyChange(#[source] KeyChangeError),
    /// What is published is not known yet, so that a checkpoint might contradict it.
    #[error("the published log has not been read: {0}")]
    Unread(String),
    /// A checkpoint could not be signed, or the verifying key does not accept what was signed.
    #[error("sign the checkpoint: {0}")]
    Checkpoint(#[source] CheckpointError),
}

impl Keys {
    /// Reads the keys from their texts, and tries them on the empty tree, so that a pair which
    /// does not fit together is found before anything depends on it.
    ///
    /// # Errors
    /// [`CannotSign`].
    pub fn read(
        origin: &str,
        signing: &str,
        next: Option<&str>,
        verifying: Option<&str>,
    ) -> Result<Self, CannotSign> {
        let signing: SigningKey = signing.parse().map_err(CannotSign::SigningKey)?;
        let next: Option<SigningKey> = next
            .map(str::parse)
            .transpose()
            .map_err(CannotSign::NextKey)?;
        let verifying: Option<VerifyingKey> = verifying
            .map(str::parse)
            .transpose()
            .map_err(CannotSign::VerifyingKey)?;
        for key in std::iter::once(&signing).chain(&next) {
            let tried = Checkpoint::of(origin, &Frontier::new());
            checkpoint::sign(&tried, key).map_err(CannotSign::Checkpoint)?;
        }
        // A key that is set as its own successor follows nothing.
        let public = signing.verifying();
        let next = next.filter(|next| next.verifying().as_str() != public.as_str());
        let keys = Self { signing, next };
        if let Some(pinned) = verifying {
            let pinned = pinned.as_str();
            keys.which(|key| key.as_str() == pinned, pinned)
                .map_err(|_| CannotSign::NotPinned(pinned.to_owned()))?;
        }
        Ok(keys)
    }

    /// Signs a checkpoint of any epoch of the log, with the first key or with the next; and checks
    /// it, since a note that nobody can check must never be released.
    ///
    /// # Errors
    /// [`CannotSign::Checkpoint`].
    pub(crate) fn sign(
        &self,
        checkpoint: &Checkpoint,
        changed: bool,
    ) -> Result<String, CannotSign> {
        let key = self.key(changed).renamed(&checkpoint.origin);
        let key = key.map_err(CannotSign::SigningKey)?;
        let note = checkpoint::sign(checkpoint, &key).map_err(CannotSign::Checkpoint)?;
        checkpoint::open(&note, &key.verifying()).map_err(CannotSign::Checkpoint)?;
        Ok(note)
    }

    pub(crate) const fn signing(&self) -> &SigningKey {
        &self.signing
    }

    pub(crate) const fn next(&self) -> Option<&SigningKey> {
        self.next.as_ref()
    }

    /// The key that signs, before or after the change.
    pub(crate) fn key(&self, changed: bool) -> &SigningKey {
        self.next
            .as_ref()
            .filter(|_| changed)
            .unwrap_or(&self.signing)
    }

    /// Whether it is the next key, rather than the first, that something holds of.
    pub(crate) fn which(
        &self,
        holds: impl Fn(&VerifyingKey) -> bool,
        wanted: &str,
    ) -> Result<bool, CannotSign> {
        if holds(&self.signing.verifying()) {
            return Ok(false);
        }
        match &self.next {
            Some(next) if holds(&next.verifying()) => Ok(true),
            _ => Err(CannotSign::OtherKey(wanted.to_owned())),
        }
    }
}

/// What an entry says of the change of a key.
#[derive(Deserialize)]
struct Change {
    #[serde(rename = "assay.log.key.new")]
    new: String,
}

/// The verifying key that the last change which a checkpoint covers says: the log is signed by it.
/// `None` where the key was never changed.
pub fn in_force(changes: &[KeyChangeRow]) -> Option<String> {
    new_key(changes.iter().rev().find(|change| change.covered)?)
}

/// The verifying key that a change says.
pub(crate) fn new_key(change: &KeyChangeRow) -> Option<String> {
    let change: Change = serde_json::from_str(&change.entry).ok()?;
    Some(change.new)
}

#[cfg(test)]
mod tests {
    use tlog::key;

    use super::*;

    const ORIGIN: &str = "log.example/lab";

    #[test]
    fn keys_that_belong_together_sign() {
        let pair = key::generate(ORIGIN).unwrap();
        for verifying in [None, Some(pair.verifier.as_str())] {
            assert!(Keys::read(ORIGIN, &pair.signer, None, verifying).is_ok());
            let next = Some(pair.signer.as_str());
            let keys = Keys::read(ORIGIN, &pair.signer, next, verifying).unwrap();
            assert!(keys.next().is_none());
        }
    }

    #[test]
    fn keys_that_do_not_belong_together_or_to_the_log_are_refused_before_they_sign() {
        let pair = key::generate(ORIGIN).unwrap();
        let other = key::generate(ORIGIN).unwrap();
        let elsewhere = key::generate("log.example/other").unwrap();
        let refused = |signing: &str, verifying: Option<&str>| {
            Keys::read(ORIGIN, signing, None, verifying)
                .unwrap_err()
                .to_string()
        };
        for (signing, verifying, words) in [
            ("", None, "read the signing key: not a signing key"),
            (
                &pair.signer,
                Some(""),
                "read the verifying key: not a verifying key",
            ),
            (
                &pair.signer,
                Some(&*other.verifier),
                "sign the checkpoint: not signed by the key",
            ),
            (
                &elsewhere.signer,
                None,
                "sign the checkpoint: the signing key is for",
            ),
        ] {
            let reason = refused(signing, verifying);
            assert!(reason.starts_with(words), "{reason}");
        }
    }
}

//! Owns the keys of the log as the auditor holds them: what it signs with, and the check that what
//! it signed can be checked by those who pinned the verifying key.

use thiserror::Error;
use tlog::checkpoint::{self, Checkpoint, CheckpointError};
use tlog::key::{KeyError, SigningKey, VerifyingKey};

/// The keys of a log, all that is needed to sign.
#[derive(Clone, Debug)]
pub struct Keys {
    signing: SigningKey,
    verifying: Option<VerifyingKey>,
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
    /// The verifying key cannot be read.
    #[error("read the verifying key: {0}")]
    VerifyingKey(#[source] KeyError),
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
    pub fn read(origin: &str, signing: &str, verifying: Option<&str>) -> Result<Self, CannotSign> {
        let signing = signing.parse().map_err(CannotSign::SigningKey)?;
        let verifying = verifying
            .map(str::parse)
            .transpose()
            .map_err(CannotSign::VerifyingKey)?;
        let keys = Self { signing, verifying };
        keys.sign(&Checkpoint::of(origin, &tlog::tree::Frontier::new()))?;
        Ok(keys)
    }

    /// Signs a checkpoint, and checks it with the verifying key where there is one: a note that
    /// nobody can check is never released.
    ///
    /// # Errors
    /// [`CannotSign::Checkpoint`].
    pub fn sign(&self, checkpoint: &Checkpoint) -> Result<String, CannotSign> {
        let note = checkpoint::sign(checkpoint, &self.signing).map_err(CannotSign::Checkpoint)?;
        if let Some(verifying) = &self.verifying {
            checkpoint::open(&note, verifying).map_err(CannotSign::Checkpoint)?;
        }
        Ok(note)
    }
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
            assert!(Keys::read(ORIGIN, &pair.signer, verifying).is_ok());
        }
    }

    #[test]
    fn keys_that_do_not_belong_together_or_to_the_log_are_refused_before_they_sign() {
        let pair = key::generate(ORIGIN).unwrap();
        let other = key::generate(ORIGIN).unwrap();
        let elsewhere = key::generate("log.example/other").unwrap();
        let refused = |signing: &str, verifying: Option<&str>| {
            Keys::read(ORIGIN, signing, verifying)
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

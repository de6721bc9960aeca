//! Owns the log's keys: Ed25519, in the texts of C2SP signed notes, named by the log's origin.
//! Must never show the private half: a signing key has no text once it was read.

use std::fmt;
use std::str::FromStr;

use rand::rngs::OsRng;
use signed_note::{Signer, SignerError, StandardSigner, StandardVerifier, Verifier, VerifierError};
use thiserror::Error;

/// Longest origin, in bytes.
pub const ORIGIN_BYTES_MAX: usize = 255;

/// What is wrong with an origin or a key.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum KeyError {
    /// The origin cannot name a key.
    #[error("{0:?} is no origin: 1 to 255 visible ASCII characters without '+'")]
    Origin(String),
    /// The text is not written as a signing key is.
    #[error("not a signing key, which is written PRIVATE+KEY+<origin>+<id>+<base64>")]
    SigningFormat,
    /// The text is not written as a verifying key is.
    #[error("not a verifying key, which is written <origin>+<id>+<base64>")]
    VerifyingFormat,
    /// The key is for something else than Ed25519.
    #[error("the key's algorithm is not Ed25519")]
    Algorithm,
    /// The key's own check fails: a character was lost or changed.
    #[error("the key's id does not belong to the key")]
    Id,
}

/// A new pair of keys, as text.
pub struct KeyPair {
    /// The private half: whoever has it can sign for the log.
    pub signer: String,
    /// The public half, to be pinned by whoever checks the log.
    pub verifier: String,
}

/// Makes a pair of keys for the log of this origin, from the operating system's randomness.
///
/// # Errors
/// [`KeyError::Origin`] if the origin cannot name a key.
pub fn generate(origin: &str) -> Result<KeyPair, KeyError> {
    check_origin(origin)?;
    let (signer, verifier) = signed_note::generate_key(&mut OsRng, origin);
    Ok(KeyPair { signer, verifier })
}

/// Checks that a text can be a log's origin: the name of the log, which is also its key's name.
///
/// # Errors
/// [`KeyError::Origin`] if it cannot.
pub fn check_origin(origin: &str) -> Result<(), KeyError> {
    let fits = (1..=ORIGIN_BYTES_MAX).contains(&origin.len())
        && origin.bytes().all(|b| b.is_ascii_graphic() && b != b'+');
    if fits {
        Ok(())
    } else {
        Err(KeyError::Origin(origin.to_owned()))
    }
}

/// The key that signs a log's checkpoints.
#[derive(Clone)]
pub struct SigningKey(StandardSigner);

impl SigningKey {
    /// The log it signs for.
    pub fn origin(&self) -> &str {
        self.0.name()
    }

    pub(crate) const fn inner(&self) -> &StandardSigner {
        &self.0
    }
}

impl FromStr for SigningKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let signer = StandardSigner::new(text.trim()).map_err(|error| match error {
            SignerError::Format => KeyError::SigningFormat,
            SignerError::Alg => KeyError::Algorithm,
            SignerError::Id => KeyError::Id,
        })?;
        check_origin(signer.name())?;
        Ok(Self(signer))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}+{:08x})", self.0.name(), self.0.key_id())
    }
}

/// The key that checks a log's checkpoints.
#[derive(Clone)]
pub struct VerifyingKey {
    text: String,
    verifier: StandardVerifier,
}

impl VerifyingKey {
    /// The log it checks.
    pub fn origin(&self) -> &str {
        self.verifier.name()
    }

    /// The key as text, as it is pinned.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) const fn inner(&self) -> &StandardVerifier {
        &self.verifier
    }
}

impl FromStr for VerifyingKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let verifier = StandardVerifier::new(text).map_err(|error| match error {
            VerifierError::Format => KeyError::VerifyingFormat,
            VerifierError::Alg => KeyError::Algorithm,
            VerifierError::Id => KeyError::Id,
        })?;
        check_origin(verifier.name())?;
        Ok(Self {
            text: text.to_owned(),
            verifier,
        })
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The key pair of the test vectors of signed notes; it signs nothing of ours.
    const SIGNER: &str =
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn a_new_pair_reads_back_and_names_its_log() {
        let pair = generate("log.example/lab").unwrap();
        let signer: SigningKey = pair.signer.parse().unwrap();
        let verifier: VerifyingKey = format!("{}\n", pair.verifier).parse().unwrap();
        assert_eq!(signer.origin(), "log.example/lab");
        assert_eq!(verifier.origin(), "log.example/lab");
        assert_eq!(verifier.as_str(), pair.verifier);
        assert_ne!(pair.signer, generate("log.example/lab").unwrap().signer);
    }

    #[test]
    fn an_origin_must_be_able_to_name_a_key() {
        for good in ["a", "log.example/lab", &"x".repeat(255)] {
            assert_eq!(check_origin(good), Ok(()));
        }
        for bad in ["", "a b", "a+b", "a\n", "a\u{0}", "é", &"x".repeat(256)] {
            assert_eq!(check_origin(bad), Err(KeyError::Origin(bad.to_owned())));
            assert!(generate(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_bad_key_says_what_is_wrong_with_it() {
        assert!(SIGNER.parse::<SigningKey>().is_ok());
        assert!(VERIFIER.parse::<VerifyingKey>().is_ok());
        let signing = |text: &str| text.parse::<SigningKey>().unwrap_err();
        let verifying = |text: &str| text.parse::<VerifyingKey>().unwrap_err();
        assert_eq!(signing(""), KeyError::SigningFormat);
        assert_eq!(signing(VERIFIER), KeyError::SigningFormat);
        assert_eq!(signing(&SIGNER.replace("c74f", "c74e")), KeyError::Id);
        assert_eq!(
            signing(&SIGNER.replace("+AYE", "+AoE")),
            KeyError::Algorithm
        );
        assert_eq!(verifying(""), KeyError::VerifyingFormat);
        assert_eq!(verifying("x+y"), KeyError::VerifyingFormat);
        assert_eq!(verifying(&VERIFIER.replace("Peter", "Petra")), KeyError::Id);
        assert_eq!(verifying(&VERIFIER[..60]), KeyError::VerifyingFormat);
    }

    #[test]
    fn a_signing_key_does_not_show_itself() {
        let signer: SigningKey = SIGNER.parse().unwrap();
        assert_eq!(format!("{signer:?}"), "SigningKey(PeterNeumann+c74f20a3)");
    }
}

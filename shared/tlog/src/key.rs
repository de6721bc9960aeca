//! Owns the log's keys: Ed25519, in the texts of C2SP signed notes, named by the log's origin.
//! Must never show the private half: a signing key has no text once it was read.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::rngs::OsRng;
use signed_note::{Signer, SignerError, StandardSigner, StandardVerifier, Verifier, VerifierError};
use thiserror::Error;

/// Ed25519, as a key of a signed note says it.
const ALGORITHM: u8 = 1;
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
pub struct SigningKey {
    signer: StandardSigner,
    secret: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// The log it signs for.
    pub fn origin(&self) -> &str {
        self.signer.name()
    }

    /// The public half.
    ///
    /// # Panics
    /// Never: a key that was read can be written.
    pub fn verifying(&self) -> VerifyingKey {
        let public = self.secret.verifying_key();
        let text = signed_note::new_ed25519_verifier_key(self.origin(), &public);
        text.parse().expect("the public half of a key is a key")
    }

    /// The same key under another log's name: an epoch of its log has another name, and may keep
    /// its key. What it signs says which log it is of, so that neither can pass for the other.
    ///
    /// # Errors
    /// [`KeyError::Origin`] if the origin cannot name a key.
    pub fn renamed(&self, origin: &str) -> Result<Self, KeyError> {
        check_origin(origin)?;
        let public = algorithm_and(self.secret.verifying_key().as_bytes());
        let id = signed_note::key_id(origin, &public);
        let secret = STANDARD.encode(algorithm_and(self.secret.as_bytes()));
        format!("PRIVATE+KEY+{origin}+{id:08x}+{secret}").parse()
    }

    pub(crate) const fn inner(&self) -> &StandardSigner {
        &self.signer
    }
}

/// A key's bytes as they are written: the algorithm, then the key.
fn algorithm_and(key: &[u8; 32]) -> Vec<u8> {
    [&[ALGORITHM], key.as_slice()].concat()
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
        // "PRIVATE", "KEY", the name and the id come before; base64 may have a plus itself.
        let secret = text.trim().splitn(5, '+').last().unwrap_or_default();
        let secret = STANDARD.decode(secret).ok();
        let secret = secret.and_then(|bytes| <[u8; 32]>::try_from(bytes.get(1..)?).ok());
        let secret = secret.ok_or(KeyError::SigningFormat)?;
        let secret = ed25519_dalek::SigningKey::from_bytes(&secret);
        Ok(Self { signer, secret })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, id) = (self.signer.name(), self.signer.key_id());
        write!(f, "SigningKey({name}+{id:08x})")
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

    /// The same key under another log's name: see [`SigningKey::renamed`].
    ///
    /// # Errors
    /// [`KeyError::Origin`] if the origin cannot name a key.
    pub fn renamed(&self, origin: &str) -> Result<Self, KeyError> {
        check_origin(origin)?;
        let key = self.text.splitn(3, '+').last().unwrap_or_default();
        let bytes = STANDARD
            .decode(key)
            .map_err(|_| KeyError::VerifyingFormat)?;
        let id = signed_note::key_id(origin, &bytes);
        format!("{origin}+{id:08x}+{key}").parse()
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
    fn a_key_has_its_public_half_and_may_have_another_name() {
        let pair = generate("log.example/lab").unwrap();
        let signer: SigningKey = pair.signer.parse().unwrap();
        assert_eq!(signer.verifying().as_str(), pair.verifier);
        let renamed = signer.renamed("log.example/lab/epoch-2").unwrap();
        assert_eq!(renamed.origin(), "log.example/lab/epoch-2");
        let verifier: VerifyingKey = pair.verifier.parse().unwrap();
        let verifier = verifier.renamed("log.example/lab/epoch-2").unwrap();
        assert_eq!(renamed.verifying().as_str(), verifier.as_str());
        let back = verifier.renamed("log.example/lab").unwrap();
        assert_eq!(back.as_str(), pair.verifier);
        assert!(signer.renamed("a b").is_err());
        assert!(verifier.renamed("a+b").is_err());
    }

    #[test]
    fn a_signing_key_does_not_show_itself() {
        let signer: SigningKey = SIGNER.parse().unwrap();
        assert_eq!(format!("{signer:?}"), "SigningKey(PeterNeumann+c74f20a3)");
    }
}

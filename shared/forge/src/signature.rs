//! Owns the check of a signature over the raw bytes of a body, in constant time, with every secret
//! that is live.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use thiserror::Error;

use crate::github;
use crate::headers::Headers;
use crate::provider::Provider;

/// A secret that may have signed, and its name.
#[derive(Clone, Copy)]
pub struct Key<'a> {
    /// The name, which receipts and the ledger say.
    pub name: &'a str,
    /// The secret's bytes.
    pub secret: &'a [u8],
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
    /// No live secret gives this signature.
    #[error("the signature is not that of any live secret")]
    Mismatch,
    /// The provider's signatures are not understood yet.
    #[error("signatures of {0} are not understood yet")]
    Unsupported(Provider),
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
) -> Result<&'k str, SignatureError> {
    let signature = match provider {
        Provider::Github => github::signature(headers)?,
        Provider::Gitlab
        | Provider::Gitea
        | Provider::Forgejo
        | Provider::Bitbucket
        | Provider::StandardWebhooks => return Err(SignatureError::Unsupported(provider)),
    };
    // Every key is tried, also after one has matched: the time says nothing of which it was.
    let mut matched = None;
    for key in keys {
        if is_hmac_sha256(key.secret, body, &signature) && matched.is_none() {
            matched = Some(key.name);
        }
    }
    matched.ok_or(SignatureError::Mismatch)
}

/// Whether `signature` is the HMAC-SHA256 of `body` under `secret`; in constant time.
fn is_hmac_sha256(secret: &[u8], body: &[u8], signature: &[u8; 32]) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of every length");
    mac.update(body);
    mac.verify_slice(signature).is_ok()
}

impl std::fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in GitHub's documentation of webhook signatures.
    const SECRET: &[u8] = b"It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const HEX: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn headers(signature: Option<&str>) -> Headers {
        Headers::pick(Provider::Github, |name| match name {
            "x-hub-signature-256" => signature.map(str::as_bytes),
            // What GitHub sends beside it, and what must never be read.
            "x-hub-signature" => Some(b"sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59"),
            _ => None,
        })
    }

    #[test]
    fn githubs_own_example_is_accepted_whichever_secret_it_is() {
        let headers = headers(Some(&format!("sha256={HEX}")));
        let right = Key {
            name: "right",
            secret: SECRET,
        };
        let other = Key {
            name: "other",
            secret: b"",
        };
        for keys in [
            vec![right],
            vec![other, right],
            vec![right, other],
            vec![other, right, right],
        ] {
            assert_eq!(
                verify(Provider::Github, &headers, BODY, &keys),
                Ok("right"),
                "{keys:?}"
            );
        }
        for (keys, body) in [
            (vec![], BODY),
            (vec![other], BODY),
            (vec![right], b"Hello, World?".as_slice()),
            (vec![right], b"".as_slice()),
        ] {
            let refused = verify(Provider::Github, &headers, body, &keys);
            assert_eq!(refused, Err(SignatureError::Mismatch), "{keys:?}");
        }
    }

    #[test]
    fn a_signature_that_is_none_is_told_from_one_that_is_wrong() {
        let keys = [Key {
            name: "right",
            secret: SECRET,
        }];
        let long = format!("sha256={HEX}00");
        let wrong = format!("sha256={}8", &HEX[..63]);
        for (signature, expected) in [
            (None, SignatureError::Missing),
            (Some(""), SignatureError::Malformed),
            (Some("sha256="), SignatureError::Malformed),
            (Some("sha256"), SignatureError::Malformed),
            (Some(HEX), SignatureError::Malformed),
            (
                Some("sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59"),
                SignatureError::Malformed,
            ),
            (Some("sha256=zz"), SignatureError::Malformed),
            (Some("sha256=75"), SignatureError::Malformed),
            (Some(&long), SignatureError::Malformed),
            (Some(&wrong), SignatureError::Mismatch),
        ] {
            let refused = verify(Provider::Github, &headers(signature), BODY, &keys);
            assert_eq!(refused, Err(expected), "{signature:?}");
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let shown = format!(
            "{:?}",
            Key {
                name: "a",
                secret: b"hunter2"
            }
        );
        assert_eq!(shown, r#"Key { name: "a", .. }"#);
    }
}

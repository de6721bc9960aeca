//! Owns pseudonyms: an account or an e-mail address becomes a keyed hash, so that the ledger names
//! nobody and whoever has the ledger alone cannot guess who it was.

use contract::ids::PrincipalId;
use contract::time::Timestamp;
use forge::provider::Provider;
use hmac::{Hmac, KeyInit, Mac};
use process::secret::Secret;
use sha2::Sha256;
use store::principal::PrincipalRow;

use crate::person::Named;

/// Turns accounts into pseudonyms.
pub(crate) struct Pseudonyms {
    key: Hmac<Sha256>,
}

/// A pseudonym with who it is.
#[derive(Clone, Debug)]
pub(crate) struct Pseudonym {
    pub(crate) principal: PrincipalRow,
    /// To be sealed before it is written anywhere.
    pub(crate) named: Named,
}

impl Pseudonyms {
    pub(crate) fn new(key: &Secret) -> Self {
        let key = Hmac::new_from_slice(key.expose()).expect("HMAC takes a key of any length");
        Self { key }
    }

    /// The pseudonym of a forge's account.
    pub(crate) fn of_account(
        &self,
        provider: Provider,
        account: &str,
        named: Named,
        now: Timestamp,
    ) -> Pseudonym {
        self.of(provider.as_str(), &format!("account:{account}"), named, now)
    }

    /// The pseudonym of a commit's author, by the e-mail address: git knows no accounts.
    pub(crate) fn of_author(&self, named: Named, now: Timestamp) -> Option<Pseudonym> {
        let email = named
            .email
            .as_deref()
            .map(str::trim)
            .filter(|email| !email.is_empty())?;
        let account = format!("email:{}", email.to_lowercase());
        Some(self.of("git", &account, named, now))
    }

    fn of(&self, provider: &str, account: &str, named: Named, now: Timestamp) -> Pseudonym {
        let mut hash = self.key.clone();
        hash.update(provider.as_bytes());
        hash.update(b"\0");
        hash.update(account.as_bytes());
        let account = hex::encode(hash.finalize().into_bytes());
        let id = PrincipalId::compute(provider, &account).as_uuid();
        let principal = PrincipalRow {
            id,
            provider: provider.to_owned(),
            account,
            recorded_at: now,
        };
        Pseudonym { principal, named }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(email: &str) -> Named {
        Named {
            email: Some(email.to_owned()),
            ..Named::default()
        }
    }

    #[test]
    fn a_pseudonym_is_the_same_for_the_same_person_and_key_and_shows_nothing() {
        let now = contract::time::now();
        let ours = Pseudonyms::new(&Secret::new("one key"));
        let theirs = Pseudonyms::new(&Secret::new("another key"));
        let id = |p: &Pseudonyms, email| p.of_author(named(email), now).unwrap().principal.id;
        assert_eq!(id(&ours, "a@example.org"), id(&ours, " A@Example.org"));
        assert_ne!(id(&ours, "a@example.org"), id(&ours, "b@example.org"));
        assert_ne!(id(&ours, "a@example.org"), id(&theirs, "a@example.org"));
        let principal = ours
            .of_author(named("a@example.org"), now)
            .unwrap()
            .principal;
        assert!(!format!("{principal:?}").contains("example"));
        assert!(ours.of_author(named("  "), now).is_none());
    }
}

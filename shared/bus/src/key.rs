//! Owns the keys of users at NATS: a seed, which its user keeps, and a public half, which the
//! servers' configuration has. A server that is read by strangers gives no login away.

use std::fmt;

use nkeys::{KeyPair, KeyPairType};
use thiserror::Error;

/// A text that is no seed of a user's key. It is not shown.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("is no seed of a user's key at NATS; expected a text that begins with SU")]
pub struct BadSeed;

/// A user's key.
#[derive(Clone, PartialEq, Eq)]
pub struct UserKey {
    /// What its user signs with. Secret.
    pub seed: String,
    /// What the servers know it by.
    pub public: String,
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserKey({})", self.public)
    }
}

impl UserKey {
    /// A new key, at random.
    ///
    /// # Panics
    /// Never: a pair that was made has a seed.
    pub fn generate() -> Self {
        let pair = KeyPair::new_user();
        Self {
            seed: pair.seed().expect("a pair that was made has a seed"),
            public: pair.public_key(),
        }
    }

    /// The key of this seed, with white space around it or without.
    ///
    /// # Errors
    /// [`BadSeed`].
    pub fn of_seed(seed: &str) -> Result<Self, BadSeed> {
        let seed = seed.trim();
        let pair = KeyPair::from_seed(seed).map_err(|_| BadSeed)?;
        if pair.key_pair_type() != KeyPairType::User {
            return Err(BadSeed);
        }
        Ok(Self {
            seed: seed.to_owned(),
            public: pair.public_key(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_again_from_its_seed_and_shows_its_public_half_alone() {
        let key = UserKey::generate();
        assert_eq!(
            UserKey::of_seed(&format!("{}\n", key.seed)),
            Ok(key.clone())
        );
        assert!(key.seed.starts_with("SU") && key.public.starts_with('U'));
        assert!(!format!("{key:?}").contains(&key.seed));
        assert_ne!(UserKey::generate(), key);
    }

    #[test]
    fn what_is_no_seed_of_a_user_is_refused_and_not_shown() {
        let account = KeyPair::new_account().seed().unwrap();
        let public = UserKey::generate().public;
        for text in ["", "SU", "hunter2", &account, &public] {
            let refused = UserKey::of_seed(text).unwrap_err();
            assert!(!refused.to_string().contains("hunter2"));
        }
    }
}

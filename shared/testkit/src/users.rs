//! Owns the users of a test's NATS: those of a deployment, each with a key made for the test.

use std::collections::BTreeMap;

use bus::key::UserKey;
use deploy::users::{Keyed, user};

/// A key for each user by its name; one operator may give orders in her own name alone.
pub(crate) fn keys() -> BTreeMap<String, UserKey> {
    let names = deploy::users::users().into_iter().map(|user| user.name);
    names
        .chain(["operator-alice".to_owned()])
        .map(|name| (name, UserKey::generate()))
        .collect()
}

/// The users with their rights, as the server's configuration has them.
pub(crate) fn entries(keys: &BTreeMap<String, UserKey>) -> String {
    let keyed: Vec<Keyed> = keys
        .iter()
        .map(|(name, key)| Keyed {
            user: user(name).expect("a user of the deployment"),
            keys: vec![key.public.clone()],
        })
        .collect();
    deploy::users::entries(&keyed)
}

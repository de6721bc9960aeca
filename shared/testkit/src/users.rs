//! Owns the users of a test's NATS: those of a deployment, each with a key made for the test.

use std::collections::BTreeMap;
use std::path::Path;

use bus::connect::{Bus, ConnectSettings, Tls};
use bus::key::UserKey;
use deploy::users::{Keyed, user};

use crate::house::House;

/// The key of each user by the user's name.
pub type Keys = BTreeMap<String, UserKey>;

impl House {
    /// The key of each user of NATS.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// What a user of NATS needs to connect who has the rights of a service or an operator, and no
    /// others.
    pub fn connect_settings_of(&self, user: &str) -> ConnectSettings {
        ConnectSettings {
            url: self.nats().url(),
            key: Some(self.key_of(user).clone()),
            tls: self.tls(),
            ..ConnectSettings::default()
        }
    }

    /// Lets a user of NATS in by these keys and no others, from now on.
    pub fn let_in_by(&mut self, name: &str, keys: &[&UserKey]) {
        let others = self.keys.iter().filter(|(user, _)| *user != name);
        let mut all: Vec<Keyed> = others.map(|(user, key)| keyed(user, &[key])).collect();
        all.push(keyed(name, keys));
        let users = deploy::users::entries(&all);
        let written = self.nats_mut().let_in(users);
        written.expect("the configuration of the private NATS");
    }

    /// The key of a user of NATS.
    pub fn key_of(&self, user: &str) -> &UserKey {
        self.keys
            .get(user)
            .unwrap_or_else(|| panic!("no user of NATS is called {user}"))
    }

    /// A connection to NATS with the rights of this user, and no others.
    pub async fn bus_of(&self, user: &'static str) -> Bus {
        let connected = Bus::connect(&self.connect_settings_of(user), user).await;
        connected.expect("a connection to the private NATS")
    }

    /// What clients of NATS need to recognise it, where it takes nobody but by TLS.
    pub fn tls(&self) -> Option<Tls> {
        let (authority, _) = self.known_by.as_ref()?;
        Some(Tls {
            ca_file: authority.file(),
            own: None,
        })
    }

    /// What makes NATS take nobody but by TLS.
    pub(crate) fn nats_by_tls(&self) -> String {
        let Some((authority, _)) = &self.known_by else {
            return String::new();
        };
        let own = authority.certificate("nats", "IP:127.0.0.1");
        let (certificate, key) = (own.certificate.display(), own.key.display());
        format!("tls {{ cert_file: \"{certificate}\", key_file: \"{key}\" }}\n")
    }
}

/// A key for each user by its name; one operator may give orders in her own name alone.
pub fn keys() -> Keys {
    let names = deploy::users::users().into_iter().map(|user| user.name);
    names
        .chain(["operator-alice".to_owned()])
        .map(|name| (name, UserKey::generate()))
        .collect()
}

/// The users with their rights, as the server's configuration has them.
pub fn entries(keys: &Keys) -> String {
    let keyed: Vec<Keyed> = keys.iter().map(|(name, key)| keyed(name, &[key])).collect();
    deploy::users::entries(&keyed)
}

/// Writes each key into a file of a folder: `nats-verifier`, as the setting
/// `nats.nkey_seed_file = "<folder>/nats-{user}"` finds it.
///
/// # Errors
/// What the file system says.
pub fn write(keys: &Keys, folder: &Path) -> std::io::Result<()> {
    for (name, key) in keys {
        std::fs::write(folder.join(format!("nats-{name}")), &key.seed)?;
    }
    Ok(())
}

fn keyed(name: &str, keys: &[&UserKey]) -> Keyed {
    Keyed {
        user: user(name).expect("a user of the deployment"),
        keys: keys.iter().map(|key| key.public.clone()).collect(),
    }
}

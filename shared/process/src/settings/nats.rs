//! Owns the settings of the bus's server.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::settings::check::Check;
use crate::settings::error::SettingsError;

/// What stands for the user's name in `user`, `password_file` and `nkey_seed_file`.
pub const USER_PLACEHOLDER: &str = "{user}";

/// `[nats]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nats {
    /// The server's URL, or those of a cluster's servers with commas between them.
    pub url: String,
    /// A file with the seed of the user's key; its path may hold `{user}`, which is the service's
    /// name, `operator` for commands, `topology` for `assay topology`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nkey_seed_file: Option<String>,
    /// The user to connect as, instead of by a key; may hold `{user}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A file with the user's password; its path may hold `{user}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// The variable with the user's password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    /// The monitoring of the server, or of a cluster's servers with commas between them: where
    /// the sync setting shows, which no client can see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor_url: Option<String>,
    /// What the servers are recognised by; without it connections are in plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<NatsTls>,
    /// Accept deliveries on servers that do not sync before they ack, or that nobody has asked:
    /// a power cut may then lose what was answered 202.
    pub dangerously_accept_unsynced: bool,
}

/// `[nats.tls]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsTls {
    /// A file with the authorities' certificates that a server's must come from.
    pub ca_file: PathBuf,
    /// A file with our own certificate, where the servers ask for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_file: Option<PathBuf>,
    /// The file with its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}

impl Default for Nats {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".to_owned(),
            nkey_seed_file: None,
            user: None,
            password_file: None,
            password_env: None,
            monitor_url: None,
            tls: None,
            dangerously_accept_unsynced: false,
        }
    }
}

impl Nats {
    /// Each server's URL.
    pub fn servers(&self) -> impl Iterator<Item = &str> {
        self.url.split(',').map(str::trim)
    }

    /// Each server's monitoring.
    pub fn monitors(&self) -> impl Iterator<Item = &str> {
        self.monitor_url
            .iter()
            .flat_map(|urls| urls.split(','))
            .map(str::trim)
    }

    pub(crate) fn check(&self, check: &Check<'_>) -> Result<(), SettingsError> {
        for server in self.servers() {
            check.url("nats.url", server, &["nats", "tls"])?;
        }
        for monitor in self.monitors() {
            check.url("nats.monitor_url", monitor, &["http"])?;
        }
        if let Some(tls) = &self.tls
            && tls.cert_file.is_some() != tls.key_file.is_some()
        {
            let reason = "expected nats.tls.cert_file and nats.tls.key_file, or neither";
            return Err(check.refused("nats.tls.cert_file", reason));
        }
        let password = self.password_file.is_some() || self.password_env.is_some();
        if self.nkey_seed_file.is_some() && (self.user.is_some() || password) {
            let reason = "is set beside nats.nkey_seed_file; expected one of them";
            return Err(check.refused("nats.user", reason));
        }
        match (&self.user, password) {
            (Some(_), false) => {
                Err(check.refused("nats.user", "needs nats.password_file or nats.password_env"))
            }
            (None, true) => Err(check.refused("nats.user", "is not set, but its password is")),
            _ => Ok(()),
        }
    }
}

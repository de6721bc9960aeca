//! Owns the settings of the bus's server.

use serde::{Deserialize, Serialize};

use crate::settings::check::Check;
use crate::settings::error::SettingsError;

/// `[nats]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nats {
    /// The server's URL, or those of a cluster's servers with commas between them.
    pub url: String,
    /// The user to connect as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A file with the user's password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<std::path::PathBuf>,
    /// The variable with the user's password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    /// The monitoring of the server, or of a cluster's servers with commas between them: where
    /// the sync setting shows, which no client can see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor_url: Option<String>,
    /// Accept deliveries on servers that do not sync before they ack, or that nobody has asked:
    /// a power cut may then lose what was answered 202.
    pub dangerously_accept_unsynced: bool,
}

impl Default for Nats {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".to_owned(),
            user: None,
            password_file: None,
            password_env: None,
            monitor_url: None,
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
        let password = self.password_file.is_some() || self.password_env.is_some();
        match (&self.user, password) {
            (Some(_), false) => {
                Err(check.refused("nats.user", "needs nats.password_file or nats.password_env"))
            }
            (None, true) => Err(check.refused("nats.user", "is not set, but its password is")),
            _ => Ok(()),
        }
    }
}

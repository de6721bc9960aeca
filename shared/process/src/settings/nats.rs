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
    /// The server's monitoring, where its sync setting shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor_url: Option<String>,
}

impl Default for Nats {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".to_owned(),
            user: None,
            password_file: None,
            password_env: None,
            monitor_url: None,
        }
    }
}

impl Nats {
    /// Each server's URL.
    pub fn servers(&self) -> impl Iterator<Item = &str> {
        self.url.split(',').map(str::trim)
    }

    pub(crate) fn check(&self, check: &Check<'_>) -> Result<(), SettingsError> {
        for server in self.servers() {
            check.url("nats.url", server, &["nats", "tls"])?;
        }
        if let Some(url) = &self.monitor_url {
            check.url("nats.monitor_url", url, &["http", "https"])?;
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

//! Owns the settings of fetching from a source: as whom, and where its host may be.

use std::path::PathBuf;

use contract::name::SourceName;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;
use crate::settings::Settings;
use crate::settings::check::Check;
use crate::settings::error::SettingsError;

/// The user that goes with a token where none is set: GitHub takes any, and says this one.
const USER: &str = "x-access-token";

/// `[sources.<name>.fetch]`: as whom repositories are fetched, and where the forge may be.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fetch {
    /// The user that the forge wants beside the token; `x-access-token` without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The file with a token that may read repositories: over https.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The variable with that token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
    /// The file with the private key of a deploy key: over ssh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_key_file: Option<PathBuf>,
    /// The file with the forge's host keys, as ssh has them: no other host is believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_hosts_file: Option<PathBuf>,
    /// That the forge's host name may lead into a private network.
    pub private_network: bool,
}

/// As whom a source's repositories are fetched, with what proves it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FetchLogin {
    /// By a token.
    Token {
        /// The user beside it.
        user: String,
        /// The token.
        token: Secret,
    },
    /// By a key.
    Key {
        /// The file with the private key.
        key: PathBuf,
        /// The file with the host keys.
        known_hosts: PathBuf,
    },
}

impl Fetch {
    /// `fetch_url` is the source's, well formed.
    pub(crate) fn check(
        &self,
        source: &SourceName,
        fetch_url: &str,
        check: &Check<'_>,
    ) -> Result<(), SettingsError> {
        let refuse = |key: &str, reason: &str| {
            Err(check.refused(&format!("sources.{source}.fetch.{key}"), reason))
        };
        let has_token = self.token_file.is_some() || self.token_env.is_some();
        if self.token_file.is_some() && self.token_env.is_some() {
            return refuse(
                "token_file",
                "is set beside token_env; expected one of them",
            );
        }
        // A token that goes over plain HTTP is everybody's on the way.
        let token_may_go = fetch_url.starts_with("https://") || on_loopback(fetch_url);
        if has_token && !token_may_go {
            return refuse("token_file", "expected a fetch_url of https:// beside it");
        }
        if self.user.is_some() && !has_token {
            return refuse("user", "has no effect without token_file or token_env");
        }
        let is_ssh = fetch_url.starts_with("ssh://");
        match (&self.ssh_key_file, &self.known_hosts_file) {
            (Some(_), Some(_)) if is_ssh => Ok(()),
            (None, None) if !is_ssh => Ok(()),
            (None, _) if is_ssh => refuse("ssh_key_file", "expected a key for the fetch_url"),
            (_, None) if is_ssh => refuse(
                "known_hosts_file",
                "expected the file with the forge's host keys",
            ),
            (Some(_), _) => refuse(
                "ssh_key_file",
                "has no effect without a fetch_url of ssh://",
            ),
            _ => refuse(
                "known_hosts_file",
                "has no effect without a fetch_url of ssh://",
            ),
        }
    }
}

fn on_loopback(url: &str) -> bool {
    let url = url::Url::parse(url).ok();
    match url.as_ref().and_then(url::Url::host) {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

impl Settings {
    /// As whom a source's repositories are fetched; nobody where nothing is set. Read anew each
    /// time, so that a token can be replaced in its file.
    ///
    /// # Errors
    /// The token, or a file, is not where the settings say.
    pub fn fetch_login(&self, source: &SourceName) -> Result<Option<FetchLogin>, SettingsError> {
        let Some(fetch) = self.source(source).map(|found| found.fetch) else {
            return Ok(None);
        };
        let section = format!("sources.{source}.fetch");
        for (key, file) in [
            ("ssh_key_file", &fetch.ssh_key_file),
            ("known_hosts_file", &fetch.known_hosts_file),
        ] {
            if let Some(file) = file
                && let Err(reason) = Secret::from_file(file)
            {
                return Err(self.check().refused(&format!("{section}.{key}"), reason));
            }
        }
        if let (Some(key), Some(known_hosts)) = (fetch.ssh_key_file, fetch.known_hosts_file) {
            return Ok(Some(FetchLogin::Key { key, known_hosts }));
        }
        let variable = fetch.token_env.as_deref();
        let token = self.secret_at(&section, "token", fetch.token_file, variable)?;
        let user = fetch.user.unwrap_or_else(|| USER.to_owned());
        Ok(token.map(|token| FetchLogin::Token { user, token }))
    }
}

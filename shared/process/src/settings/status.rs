//! Owns the settings of status-reporter: which sources' forges are told how their commits stand.

use std::path::PathBuf;

use contract::name::SourceName;
use forge::provider::Provider;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;
use crate::settings::Settings;
use crate::settings::check::Check;
use crate::settings::error::SettingsError;

/// What may stand for something in `target_url`.
const PLACEHOLDERS: [&str; 5] = [
    "{attempt}",
    "{session}",
    "{commit}",
    "{repository}",
    "{lab}",
];

/// `[status]`: status-reporter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reporting {
    /// Between two looks for what was not told although nothing hinted at it, in seconds.
    pub sweep_seconds: u64,
    /// How far those look back, in days: what is older is told only when something hints at it.
    pub sweep_days: u32,
}

impl Default for Reporting {
    fn default() -> Self {
        Self {
            sweep_seconds: 300,
            // As long as FACTS keeps what happened.
            sweep_days: 7,
        }
    }
}

impl Reporting {
    pub(crate) fn check(&self, check: &Check<'_>) -> Result<(), SettingsError> {
        check.number("status.sweep_seconds", self.sweep_seconds, 1..=86_400)?;
        check.number("status.sweep_days", self.sweep_days, 1..=365)
    }
}

/// `[sources.<name>.status]`: where commits are marked. A source without it is told nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusApi {
    /// The API's base: `https://api.github.com`, `https://<host>/api/v4` (GitLab), or
    /// `https://<host>/api/v1` (Gitea, Forgejo).
    pub url: String,
    /// The file with the token of an account that may set commit statuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The variable with that token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
    /// Where people read more, with `{attempt}`, `{session}`, `{commit}`, `{repository}` or `{lab}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_url: Option<String>,
}

impl StatusApi {
    pub(crate) fn check(
        &self,
        source: &SourceName,
        provider: Provider,
        check: &Check<'_>,
    ) -> Result<(), SettingsError> {
        let setting = |key: &str| format!("sources.{source}.status.{key}");
        match provider {
            Provider::Github | Provider::Gitlab | Provider::Gitea | Provider::Forgejo => {}
            Provider::Bitbucket | Provider::StandardWebhooks => {
                let reason = format!("has no effect: statuses cannot be set at {provider}");
                return Err(check.refused(&format!("sources.{source}.status"), reason));
            }
        }
        check.url(&setting("url"), &self.url, &["https", "http"])?;
        if self.token_file.is_some() && self.token_env.is_some() {
            let reason = "is set beside token_env; expected one of them";
            return Err(check.refused(&setting("token_file"), reason));
        }
        if self.token_file.is_none() && self.token_env.is_none() {
            let reason = "is not set; expected the file with the token, or token_env";
            return Err(check.refused(&setting("token_file"), reason));
        }
        let Some(target) = &self.target_url else {
            return Ok(());
        };
        let filled = PLACEHOLDERS
            .iter()
            .fold(target.clone(), |text, key| text.replace(key, "x"));
        if filled.contains(['{', '}']) {
            let reason = "holds {…} that stands for nothing; expected {attempt}, {session}, \
                          {commit}, {repository} or {lab}";
            return Err(check.refused(&setting("target_url"), reason));
        }
        check.url(&setting("target_url"), &filled, &["https", "http"])
    }
}

impl Settings {
    /// The token that a source's commits are marked with, if one is set.
    ///
    /// # Errors
    /// It is not where the settings say.
    pub fn status_token(&self, source: &SourceName) -> Result<Option<Secret>, SettingsError> {
        let status = self.sources.get(source).and_then(|s| s.status.as_ref());
        let Some(status) = status else {
            return Ok(None);
        };
        let section = format!("sources.{source}.status");
        let variable = status.token_env.as_deref();
        self.secret_at(&section, "token", status.token_file.clone(), variable)
    }
}

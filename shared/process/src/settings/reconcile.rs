//! Owns the settings of reconciler: when it compares, and which API of a forge it asks.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::settings::check::Check;
use crate::settings::error::SettingsError;

/// `[reconcile]`: reconciler.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reconcile {
    /// Between two comparisons of a source, in seconds; each wait is up to a tenth longer.
    pub every_seconds: u64,
    /// What a delivery may take to get into the ledger before it counts as missing, in seconds.
    pub grace_seconds: u64,
    /// Most deliveries that the forge is asked to make again in one comparison.
    pub redeliveries_max: usize,
    /// How many of those a minute.
    pub redeliveries_per_minute: u32,
    /// Origins that are asked for their refs at one time.
    pub refs_at_once: usize,
    /// How long an origin may take to say where its refs are, in seconds.
    pub refs_seconds_max: u64,
}

impl Default for Reconcile {
    fn default() -> Self {
        Self {
            every_seconds: 900,
            grace_seconds: 60,
            redeliveries_max: 500,
            // GitHub's secondary limit is 80 requests a minute that make something.
            redeliveries_per_minute: 60,
            refs_at_once: 4,
            refs_seconds_max: 30,
        }
    }
}

impl Reconcile {
    pub(crate) fn check(&self, check: &Check<'_>) -> Result<(), SettingsError> {
        let setting = |key: &str| format!("reconcile.{key}");
        check.number(&setting("every_seconds"), self.every_seconds, 10..=86_400)?;
        check.number(&setting("grace_seconds"), self.grace_seconds, 0..=3_600)?;
        check.number(
            &setting("redeliveries_max"),
            self.redeliveries_max,
            0..=10_000,
        )?;
        check.number(
            &setting("redeliveries_per_minute"),
            self.redeliveries_per_minute,
            1..=6_000,
        )?;
        check.number(&setting("refs_at_once"), self.refs_at_once, 1..=64)?;
        check.number(&setting("refs_seconds_max"), self.refs_seconds_max, 1..=600)
    }
}

/// `[sources.<name>.api]`: where reconciler asks which deliveries the forge made. GitHub's alone:
/// no other forge has a public list of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// The API's base: `https://api.github.com`, or `https://<host>/api/v3`.
    pub url: String,
    /// The file with the token of an account that may read hooks and make deliveries again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The variable with that token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
    /// Whose hooks: `organization`, or `owner/name`. Empty: those of each repository with an open
    /// session.
    #[serde(default)]
    pub hooks: Vec<String>,
    /// The URL of the hooks that are ours; otherwise those whose URL ends with `/hooks/<source>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook_url: Option<String>,
}

/// Most entries of `hooks`.
pub const HOOKS_MAX: usize = 10_000;

impl Api {
    pub(crate) fn check(&self, source: &str, check: &Check<'_>) -> Result<(), SettingsError> {
        let setting = |key: &str| format!("sources.{source}.api.{key}");
        check.url(&setting("url"), &self.url, &["https", "http"])?;
        if self.token_file.is_some() && self.token_env.is_some() {
            let reason = "is set beside token_env; expected one of them";
            return Err(check.refused(&setting("token_file"), reason));
        }
        check.number(&setting("hooks"), self.hooks.len(), 0..=HOOKS_MAX)?;
        let good = |part: &str| {
            let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            !part.is_empty() && !part.starts_with('.') && part.bytes().all(known)
        };
        for (at, owner) in self.hooks.iter().enumerate() {
            if owner.split('/').count() > 2 || !owner.split('/').all(good) {
                let reason = "expected an organization, or a repository as owner/name";
                return Err(check.refused(&setting(&format!("hooks.{at}")), reason));
            }
        }
        Ok(())
    }
}

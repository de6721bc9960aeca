//! Owns the settings of the sources: who may send webhooks, and where their repositories are.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use contract::name::{Repository, SourceName};
use forge::provider::Provider;
use serde::{Deserialize, Deserializer, Serialize};

use crate::settings::check::Check;
use crate::settings::error::SettingsError;
use crate::settings::fetch::Fetch;
use crate::settings::reconcile::Api;
use crate::settings::status::StatusApi;

/// What stands for a repository's `owner/name` in `fetch_url`.
pub const FULL_NAME_PLACEHOLDER: &str = "{full_name}";
/// Most secrets of one source: each is tried on every request that is not signed by one before it.
pub const SECRETS_MAX: usize = 16;
/// Bounds of the numbers of a rate.
const RATE: RangeInclusive<u32> = 1..=1_000_000;
/// The usual tolerance of a signed timestamp, in seconds.
pub const TIMESTAMP_TOLERANCE_SECONDS: u32 = 300;
/// Bounds of that tolerance, in seconds.
const TOLERANCE: RangeInclusive<u32> = 1..=86_400;
/// Where repositories may be fetched from.
const FETCH_SCHEMES: [&str; 4] = ["https", "http", "ssh", "git"];

/// `[sources.<name>]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Whose webhooks these are.
    pub provider: Provider,
    /// Where a repository is fetched from, with `{full_name}` for its `owner/name`. A fetch URL
    /// never comes from a payload.
    pub fetch_url: String,
    /// The events that are taken in, in the provider's words; others are answered and ignored.
    /// Without it those that bring pushes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// How far a signed timestamp may be from this machine's clock, in seconds; without it
    /// [`TIMESTAMP_TOLERANCE_SECONDS`]. For the providers that sign one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_tolerance_seconds: Option<u32>,
    /// How many deliveries are taken; without it as many as come. For forges that try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// The forge's API, where deliveries that failed are asked for; without it only refs are
    /// compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<Api>,
    /// Where commits are marked with how they stand; without it the forge is told nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusApi>,
    /// As whom repositories are fetched, and where the forge may be.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fetch: Fetch,
    /// The secrets that sign; while one is replaced there are several.
    #[serde(default)]
    pub secrets: Vec<SourceSecret>,
}

fn is_default(fetch: &Fetch) -> bool {
    *fetch == Fetch::default()
}

/// `sources.<name>.rate`: a bucket of tokens, one of which each delivery takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Tokens that are added each second.
    pub per_second: u32,
    /// Tokens that the bucket holds: deliveries that are taken at one moment.
    pub burst: u32,
}

/// `[[sources.<name>.secrets]]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSecret {
    /// Its name: receipts and the ledger say by which secret a delivery was verified.
    pub name: String,
    /// The file that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// The variable that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// It signs nothing before.
    #[serde(
        default,
        deserialize_with = "time",
        skip_serializing_if = "Option::is_none"
    )]
    pub not_before: Option<DateTime<Utc>>,
    /// It signs nothing from then on.
    #[serde(
        default,
        deserialize_with = "time",
        skip_serializing_if = "Option::is_none"
    )]
    pub not_after: Option<DateTime<Utc>>,
}

/// Reads a time as TOML has it, bare, or as variables have it, as text.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a time like 2026-01-01T00:00:00Z")]
    enum Time {
        Text(DateTime<Utc>),
        // How the TOML reader hands a time through serde.
        Bare {
            #[serde(rename = "$__toml_private_datetime")]
            time: DateTime<Utc>,
        },
    }
    let (Time::Text(time) | Time::Bare { time }) = Time::deserialize(deserializer)?;
    Ok(Some(time))
}

impl Source {
    /// The URL to fetch `repository` from.
    pub fn fetch_url_of(&self, repository: &Repository) -> String {
        self.fetch_url
            .replace(FULL_NAME_PLACEHOLDER, repository.full_name())
    }

    /// Whether deliveries of this event are taken in.
    pub fn wants(&self, event: &str) -> bool {
        match &self.events {
            Some(events) => events.iter().any(|wanted| wanted == event),
            None => self.provider.push_events().contains(&event),
        }
    }

    /// How far a signed timestamp may be from this machine's clock.
    pub fn tolerance(&self) -> TimeDelta {
        let seconds = self.timestamp_tolerance_seconds;
        TimeDelta::seconds(seconds.unwrap_or(TIMESTAMP_TOLERANCE_SECONDS).into())
    }

    /// The forge is the settings' alone: no part of a payload may choose the host, and what proves
    /// who we are is not in the URL, which is written down.
    fn check_forge(&self, name: &SourceName, check: &Check<'_>) -> Result<(), SettingsError> {
        let refuse = |reason| Err(check.refused(&format!("sources.{name}.fetch_url"), reason));
        let (scheme, rest) = self.fetch_url.split_once("://").unwrap_or_default();
        let authority = rest.split('/').next().unwrap_or_default();
        if authority.contains('{') {
            return refuse("expected {full_name} in the path: the forge's host is no payload's");
        }
        if scheme.starts_with("http") && authority.contains('@') {
            return refuse("holds a user; expected it in fetch.user, and a token in a file");
        }
        self.fetch.check(name, &self.fetch_url, check)
    }

    pub(crate) fn check(&self, name: &SourceName, check: &Check<'_>) -> Result<(), SettingsError> {
        let setting = |key: &str| format!("sources.{name}.{key}");
        let refuse = |key: &str, reason: &str| Err(check.refused(&setting(key), reason));
        if !self.fetch_url.contains(FULL_NAME_PLACEHOLDER) {
            return refuse(
                "fetch_url",
                "expected {full_name} where the repository's name goes",
            );
        }
        let filled = self.fetch_url.replace(FULL_NAME_PLACEHOLDER, "owner/name");
        check.url(&setting("fetch_url"), &filled, &FETCH_SCHEMES)?;
        self.check_forge(name, check)?;
        if let Some(api) = &self.api {
            if self.provider != Provider::Github {
                let provider = self.provider;
                let reason = format!("has no effect: {provider} has no list of deliveries");
                return refuse("api", &reason);
            }
            api.check(name.as_str(), check)?;
        }
        if let Some(status) = &self.status {
            status.check(name, self.provider, check)?;
        }
        if self.events.as_ref().is_some_and(Vec::is_empty) {
            return refuse("events", "is empty; expected one event at least");
        }
        if let Some(seconds) = self.timestamp_tolerance_seconds {
            if !self.provider.signs_timestamps() {
                let reason = format!("has no effect: {} signs no timestamp", self.provider);
                return refuse("timestamp_tolerance_seconds", &reason);
            }
            check.number(&setting("timestamp_tolerance_seconds"), seconds, TOLERANCE)?;
        }
        if let Some(rate) = self.rate {
            check.number(&setting("rate.per_second"), rate.per_second, RATE)?;
            check.number(&setting("rate.burst"), rate.burst, RATE)?;
        }
        if !(1..=SECRETS_MAX).contains(&self.secrets.len()) {
            return refuse("secrets", &format!("expected 1 to {SECRETS_MAX} secrets"));
        }
        for (at, secret) in self.secrets.iter().enumerate() {
            let key = format!("secrets.{at}");
            if secret.name.is_empty() || self.secrets[..at].iter().any(|s| s.name == secret.name) {
                return refuse(
                    &format!("{key}.name"),
                    "expected a name that no other secret has",
                );
            }
            if secret.file.is_some() == secret.env.is_some() {
                return refuse(
                    &key,
                    "expected either file or env, which say where the secret is",
                );
            }
            if matches!((secret.not_before, secret.not_after), (Some(from), Some(to)) if from >= to)
            {
                return refuse(
                    &format!("{key}.not_after"),
                    "expected a time after not_before",
                );
            }
        }
        Ok(())
    }
}

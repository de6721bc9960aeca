//! Owns the sources as the ingest uses them: provider, wanted events, secrets, rate.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use contract::ids::LaneId;
use contract::name::SourceName;
use contract::notice::SecretsChanged;
use contract::time::Timestamp;
use forge::provider::Provider;
use forge::signature::{Key, Window};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota};
use process::settings::Settings;
use process::settings::error::SettingsError;
use process::settings::secrets::LoadedSecret;
use process::settings::source::Rate;

/// What is configured: of each source its settings and its secrets.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Configured(BTreeMap<SourceName, OfSource>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct OfSource {
    settings: process::settings::source::Source,
    secrets: Vec<LoadedSecret>,
}

/// Where webhooks may come from.
pub(crate) struct Sources(BTreeMap<SourceName, Arc<Source>>);

/// One source with its secrets.
pub(crate) struct Source {
    pub(crate) name: SourceName,
    pub(crate) provider: Provider,
    of: OfSource,
    bucket: Option<Arc<DefaultDirectRateLimiter>>,
}

impl Configured {
    /// Reads every source's secrets.
    pub(crate) fn read(settings: &Settings) -> Result<Self, SettingsError> {
        let of = |(name, source): (&SourceName, &process::settings::source::Source)| {
            let of = OfSource {
                settings: source.clone(),
                secrets: settings.source_secrets(name)?,
            };
            Ok((name.clone(), of))
        };
        settings
            .sources
            .iter()
            .map(of)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// What is different about the secrets of each source since `before`, by their names.
    pub(crate) fn secrets_changed(&self, before: &Self, lane: LaneId) -> Vec<SecretsChanged> {
        let none = Vec::new();
        let of = |configured: &Self, name: &SourceName| -> BTreeMap<String, LoadedSecret> {
            let of = configured.0.get(name);
            let secrets = of.map_or(&none, |of| &of.secrets).iter();
            secrets
                .map(|secret| (secret.name.clone(), secret.clone()))
                .collect()
        };
        let mut names: Vec<&SourceName> = self.0.keys().chain(before.0.keys()).collect();
        names.sort();
        names.dedup();
        let at = contract::time::now();
        let changes = names.into_iter().map(|name| {
            let (old, new) = (of(before, name), of(self, name));
            let beyond = |these: &BTreeMap<String, LoadedSecret>,
                          those: &BTreeMap<String, LoadedSecret>| {
                let mut keys = these.keys().cloned().collect::<Vec<_>>();
                keys.retain(|key| !those.contains_key(key));
                keys
            };
            let is_other = |(key, secret): &(&String, &LoadedSecret)| {
                new.get(*key).is_some_and(|other| other != *secret)
            };
            SecretsChanged {
                lane,
                source: name.clone(),
                appeared: beyond(&new, &old),
                gone: beyond(&old, &new),
                replaced: old
                    .iter()
                    .filter(is_other)
                    .map(|(key, _)| key.clone())
                    .collect(),
                at,
            }
        });
        changes
            .filter(|change| {
                !(change.appeared.is_empty()
                    && change.gone.is_empty()
                    && change.replaced.is_empty())
            })
            .collect()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Sources {
    /// Makes the sources of a configuration. One that was there `before` keeps its bucket as long
    /// as its rate is the same: reading settings again fills nobody's bucket.
    pub(crate) fn new(configured: &Configured, before: Option<&Self>) -> Self {
        let made = |(name, of): (&SourceName, &OfSource)| {
            let before = before.and_then(|before| before.0.get(name));
            let kept = before.filter(|before| before.of.settings.rate == of.settings.rate);
            let source = Source {
                name: name.clone(),
                provider: of.settings.provider,
                of: of.clone(),
                bucket: match kept {
                    Some(kept) => kept.bucket.clone(),
                    None => of.settings.rate.and_then(bucket).map(Arc::new),
                },
            };
            source.show_keys();
            (name.clone(), Arc::new(source))
        };
        Self(configured.0.iter().map(made).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<Source>> {
        self.0.get(&name.parse().ok()?).cloned()
    }

    /// Shows how many secrets of each source are live.
    pub(crate) fn show_live(&self, now: Timestamp) {
        for source in self.0.values() {
            let live = source.keys(now).len() as f64;
            metrics::gauge!("assay_hook_keys_live", "source" => source.name.to_string()).set(live);
        }
    }
}

/// A full bucket. None for a rate of nothing, which the settings refuse.
fn bucket(rate: Rate) -> Option<DefaultDirectRateLimiter> {
    let per_second = NonZeroU32::new(rate.per_second)?;
    let burst = NonZeroU32::new(rate.burst)?;
    let quota = Quota::per_second(per_second).allow_burst(burst);
    Some(DefaultDirectRateLimiter::direct(quota))
}

impl Source {
    /// The secrets that are live at this moment.
    pub(crate) fn keys(&self, now: Timestamp) -> Vec<Key<'_>> {
        self.of
            .secrets
            .iter()
            .filter(|secret| secret.is_live(now))
            .map(|secret| Key {
                name: &secret.name,
                secret: secret.secret.expose(),
            })
            .collect()
    }

    pub(crate) fn wants(&self, event: &str) -> bool {
        self.of.settings.wants(event)
    }

    /// The time in which a request that signs one must have been made.
    pub(crate) fn window(&self, received_at: Timestamp) -> Window {
        Window {
            received_at,
            tolerance: self.of.settings.tolerance(),
        }
    }

    /// Takes a token out of the bucket, if the source has one.
    ///
    /// # Errors
    /// It is empty: how many seconds it takes until there is one again, 1 at least.
    pub(crate) fn take_token(&self) -> Result<(), u64> {
        let Some(bucket) = &self.bucket else {
            return Ok(());
        };
        bucket.check().map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            wait.as_secs() + 1
        })
    }

    /// Counts the use of a key, and says when it was.
    pub(crate) fn count_key(&self, key: &str, now: Timestamp) {
        let labels = [("source", self.name.to_string()), ("key", key.to_owned())];
        metrics::counter!("assay_hook_keys_total", &labels).increment(1);
        let seconds = now.timestamp() as f64;
        metrics::gauge!("assay_hook_key_last_used_timestamp_seconds", &labels).set(seconds);
    }

    /// Shows every key, also those that nobody has used yet: an absent number says nothing.
    fn show_keys(&self) {
        for secret in &self.of.secrets {
            let labels = [
                ("source", self.name.to_string()),
                ("key", secret.name.clone()),
            ];
            metrics::counter!("assay_hook_keys_total", &labels).increment(0);
            metrics::gauge!("assay_hook_key_last_used_timestamp_seconds", &labels).increment(0.0);
        }
    }
}

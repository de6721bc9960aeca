//! Owns the sources as the ingest uses them: provider, wanted events, secrets.

use std::collections::BTreeMap;

use contract::name::SourceName;
use contract::time::Timestamp;
use forge::provider::Provider;
use forge::signature::Key;
use process::settings::Settings;
use process::settings::error::SettingsError;
use process::settings::secrets::LoadedSecret;

/// Where webhooks may come from.
pub(crate) struct Sources(BTreeMap<SourceName, Source>);

/// One source with its secrets.
pub(crate) struct Source {
    pub(crate) name: SourceName,
    pub(crate) provider: Provider,
    events: Vec<String>,
    secrets: Vec<LoadedSecret>,
}

impl Sources {
    /// Loads every source's secrets.
    pub(crate) fn load(settings: &Settings) -> Result<Self, SettingsError> {
        let mut sources = BTreeMap::new();
        for (name, source) in &settings.sources {
            let loaded = Source {
                name: name.clone(),
                provider: source.provider,
                events: source.events.clone(),
                secrets: settings.source_secrets(name)?,
            };
            sources.insert(name.clone(), loaded);
        }
        Ok(Self(sources))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Source> {
        self.0.get(&name.parse().ok()?)
    }
}

impl Source {
    /// The secrets that are live at this moment.
    pub(crate) fn keys(&self, now: Timestamp) -> Vec<Key<'_>> {
        self.secrets
            .iter()
            .filter(|secret| secret.is_live(now))
            .map(|secret| Key {
                name: &secret.name,
                secret: secret.secret.expose(),
            })
            .collect()
    }

    pub(crate) fn wants(&self, event: &str) -> bool {
        self.events.iter().any(|wanted| wanted == event)
    }
}

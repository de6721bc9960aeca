//! Owns the sources whose forges are told, with the clients of their APIs, and reading them again.
//! What did not change keeps its client, and so what a forge asked of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use contract::name::SourceName;
use forge_api::client::Client;
use process::health::Part;
use process::secret::Secret;
use process::settings::Settings;
use process::settings::service::Service;
use process::settings::settled::{Judge, Verdict};
use process::settings::source::Source;
use process::settings::status::StatusApi;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// Between two looks at the settings and the tokens, in seconds.
const LOOK_EVERY_SECS: u64 = 1;

/// What the settings say of each source that is told, and the token for its API.
type Configured = BTreeMap<SourceName, (Source, Option<Secret>)>;

/// A source.
pub(crate) struct Known {
    pub(crate) source: Source,
    pub(crate) status: StatusApi,
    pub(crate) client: Client,
    token: Option<Secret>,
}

/// The sources by their names.
type All = BTreeMap<SourceName, Arc<Known>>;

/// The sources that hold now.
pub(crate) struct Sources {
    live: watch::Sender<Arc<All>>,
}

impl Sources {
    /// Reads them for the first time.
    pub(crate) fn read(settings: &Settings) -> anyhow::Result<Self> {
        let all = known(configured(settings)?, &All::new()).map_err(anyhow::Error::msg)?;
        let (live, _) = watch::channel(Arc::new(all));
        Ok(Self { live })
    }

    /// One of them.
    pub(crate) fn get(&self, name: &SourceName) -> Option<Arc<Known>> {
        self.live.borrow().get(name).cloned()
    }

    /// Their names.
    pub(crate) fn names(&self) -> Vec<SourceName> {
        self.live.borrow().keys().cloned().collect()
    }

    /// Follows them.
    pub(crate) fn follow(&self) -> watch::Receiver<Arc<All>> {
        self.live.subscribe()
    }

    fn configured(&self) -> Configured {
        let all = self.live.borrow();
        let configured = all.iter().map(|(name, known)| {
            let configured = (known.source.clone(), known.token.clone());
            (name.clone(), configured)
        });
        configured.collect()
    }

    /// Reads them again until the stop signal. A bad configuration is said once, and what held
    /// before goes on.
    pub(crate) async fn watch(&self, settings: &Settings, part: &Part, stop: &CancellationToken) {
        part.ready();
        let mut judge = Judge::new(self.configured());
        let mut looks = tokio::time::interval(Duration::from_secs(LOOK_EVERY_SECS));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                () = stop.cancelled() => return,
            }
            let again = settings.clone();
            // Files may be slow.
            let read = tokio::task::spawn_blocking(move || reread(&again)).await;
            let read = read.unwrap_or_else(|_| Err("the settings could not be read".to_owned()));
            match judge.judge(read, false) {
                Verdict::Keep => {}
                Verdict::Mended => part.note(None),
                Verdict::Swap(configured) => self.swap(configured, part),
                Verdict::Refuse(reason) => refused(part, &reason),
            }
        }
    }

    fn swap(&self, configured: Configured, part: &Part) {
        let before = Arc::clone(&self.live.borrow());
        match known(configured, &before) {
            Ok(all) => {
                let sources = all.len();
                tracing::info!(sources, "the sources were read again: {sources} are in use");
                self.live.send_replace(Arc::new(all));
                part.note(None);
            }
            Err(reason) => refused(part, &reason),
        }
    }
}

fn refused(part: &Part, reason: &str) {
    tracing::error!(
        reason,
        "the changed settings are not used, those before still hold: {reason}"
    );
    part.note(Some(format!("the changed settings are not used: {reason}")));
}

fn reread(settings: &Settings) -> Result<Configured, String> {
    let read = || {
        let settings = settings.reread()?;
        settings.check_for(Service::StatusReporter)?;
        configured(&settings)
    };
    read().map_err(|error| match std::error::Error::source(&error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    })
}

fn configured(settings: &Settings) -> Result<Configured, process::settings::error::SettingsError> {
    let sources = settings.sources.iter();
    sources
        .filter(|(_, source)| source.status.is_some())
        .map(|(name, source)| {
            let token = settings.status_token(name)?;
            Ok((name.clone(), (source.clone(), token)))
        })
        .collect()
}

/// The sources with their clients; those that are as they were before are kept.
fn known(configured: Configured, before: &All) -> Result<All, String> {
    let mut all = All::new();
    for (name, (source, token)) in configured {
        let Some(status) = source.status.clone() else {
            continue;
        };
        let same = before.get(&name);
        let same = same.filter(|known| known.source == source && known.token == token);
        let known = match same {
            Some(known) => Arc::clone(known),
            None => {
                let client = Client::new(&status.url, token.as_ref());
                let client =
                    client.map_err(|error| format!("the statuses of source {name}: {error}"))?;
                Arc::new(Known {
                    source,
                    status,
                    client,
                    token,
                })
            }
        };
        all.insert(name, known);
    }
    Ok(all)
}

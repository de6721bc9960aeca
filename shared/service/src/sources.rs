//! Owns the sources that hold now, with what a service keeps of each, and reading them again. What
//! did not change is kept: a client with it, and so what a forge asked of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use contract::name::SourceName;
use process::health::Part;
use process::secret::Secret;
use process::settings::Settings;
use process::settings::error::SettingsError;
use process::settings::service::Service;
use process::settings::settled::{Judge, Verdict};
use process::settings::source::Source;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// Between two looks at the settings and the tokens, in seconds.
const LOOK_EVERY_SECS: u64 = 1;

/// Reads a source's token anew.
pub type TokenOf = fn(&Settings, &SourceName) -> Result<Option<Secret>, SettingsError>;

/// Makes of a source, and its token, what is kept of it while both stay as they are; nothing where
/// the service has nothing to do with it. The error is for people.
pub type OpenOf<K> = fn(&SourceName, &Source, Option<&Secret>) -> Result<Option<K>, String>;

/// What a service wants of the sources.
#[derive(Debug)]
pub struct Purpose<K> {
    /// Whose settings they are.
    pub service: Service,
    /// The token that goes with a source.
    pub token: TokenOf,
    /// What is kept of a source.
    pub open: OpenOf<K>,
}

/// What the settings say of each source, and its token.
type Configured = BTreeMap<SourceName, (Source, Option<Secret>)>;

/// A source.
#[derive(Debug)]
pub struct Known<K> {
    /// What the settings say of it.
    pub source: Source,
    /// What the service keeps of it.
    pub kept: K,
    token: Option<Secret>,
}

/// The sources by their names.
pub type All<K> = BTreeMap<SourceName, Arc<Known<K>>>;

/// The sources that hold now.
#[derive(Debug)]
pub struct Sources<K> {
    purpose: Purpose<K>,
    /// What was read at first.
    begun: Configured,
    live: watch::Sender<Arc<All<K>>>,
}

impl<K> Sources<K> {
    /// Reads them for the first time.
    ///
    /// # Errors
    /// What is bad about them.
    pub fn read(settings: &Settings, purpose: Purpose<K>) -> anyhow::Result<Self> {
        let begun = configured(settings, purpose.token)?;
        let all = known(begun.clone(), &All::new(), &purpose).map_err(anyhow::Error::msg)?;
        let (live, _) = watch::channel(Arc::new(all));
        Ok(Self {
            purpose,
            begun,
            live,
        })
    }

    /// One of them.
    pub fn get(&self, name: &SourceName) -> Option<Arc<Known<K>>> {
        self.live.borrow().get(name).cloned()
    }

    /// Their names.
    pub fn names(&self) -> Vec<SourceName> {
        self.live.borrow().keys().cloned().collect()
    }

    /// Follows them.
    pub fn follow(&self) -> watch::Receiver<Arc<All<K>>> {
        self.live.subscribe()
    }

    /// Reads them again until the stop signal. A bad configuration is said once, and what held
    /// before goes on.
    pub async fn watch(&self, settings: &Settings, part: &Part, stop: &CancellationToken) {
        part.ready();
        let (service, token) = (self.purpose.service, self.purpose.token);
        let mut judge = Judge::new(self.begun.clone());
        let mut looks = tokio::time::interval(Duration::from_secs(LOOK_EVERY_SECS));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                () = stop.cancelled() => return,
            }
            let again = settings.clone();
            // Files may be slow.
            let read = tokio::task::spawn_blocking(move || reread(&again, service, token)).await;
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
        match known(configured, &before, &self.purpose) {
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

fn reread(settings: &Settings, service: Service, token: TokenOf) -> Result<Configured, String> {
    let read = || {
        let settings = settings.reread()?;
        settings.check_for(service)?;
        configured(&settings, token)
    };
    read().map_err(|error| match std::error::Error::source(&error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    })
}

fn configured(settings: &Settings, token: TokenOf) -> Result<Configured, SettingsError> {
    let sources = settings.sources.iter();
    sources
        .map(|(name, source)| Ok((name.clone(), (source.clone(), token(settings, name)?))))
        .collect()
}

/// The sources with what is kept of them; those that are as they were before stay.
fn known<K>(
    configured: Configured,
    before: &All<K>,
    purpose: &Purpose<K>,
) -> Result<All<K>, String> {
    let mut all = All::new();
    for (name, (source, token)) in configured {
        let same = before.get(&name);
        let same = same.filter(|known| known.source == source && known.token == token);
        let known = match same {
            Some(known) => Arc::clone(known),
            None => {
                let Some(kept) = (purpose.open)(&name, &source, token.as_ref())? else {
                    continue;
                };
                Arc::new(Known {
                    source,
                    kept,
                    token,
                })
            }
        };
        all.insert(name, known);
    }
    Ok(all)
}

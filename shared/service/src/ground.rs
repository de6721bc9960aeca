//! Owns what a service stands on while it runs: bus and ledger, watched, and the gate that stops
//! its consumers while one of them is away.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use bus::brim::{FULL_PERCENT, stream_of};
use bus::connect::Bus;
use bus::consume::{Consumption, Outcome};
use bus::error::PublishError;
use bus::topology::ConsumerSpec;
use process::dependency::Dependency;
use process::health::{Gate, Health};
use process::settings::Settings;
use process::settings::service::Service;
use store::error::StoreError;
use store::pool::Store;
use tokio_util::sync::CancellationToken;

use crate::connect;

/// Pause before a message is tried again whose dependency was away, in seconds.
pub const AWAY_RETRY_SECS: u64 = 2;

/// What a service stands on. Cheap to clone.
#[derive(Clone)]
pub struct Ground {
    /// The bus.
    pub bus: Bus,
    /// The ledger, as the service's own role.
    pub store: Store,
    nats: Dependency,
    ledger: Dependency,
    /// The stream that refused a message for want of room, until it has some.
    full: Arc<Mutex<Option<&'static str>>>,
    stop: CancellationToken,
}

impl Ground {
    /// Waits for the bus and the ledger, checks both, and begins to watch them.
    ///
    /// # Errors
    /// A bad setting, a topology or a schema that is not ours, or the stop signal.
    pub async fn open(
        settings: &Settings,
        service: Service,
        health: &Health,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        settings.check_for(service)?;
        let role = service
            .role()
            .context("the service has no role in the ledger")?;
        let nats = Dependency::new(health.part("bus"));
        let ledger = Dependency::new(health.part("ledger"));
        let bus = connect::bus(settings, service.as_str(), nats.part(), stop).await?;
        let store = connect::ledger(settings, role, ledger.part(), stop).await?;
        nats.part().ready();
        ledger.part().ready();
        Ok(Self {
            bus,
            store,
            nats,
            ledger,
            full: Arc::default(),
            stop: stop.clone(),
        })
    }

    /// Watches the bus and the ledger until the stop signal. To be run beside the consumers.
    pub async fn watch(&self) {
        let bus = self.nats.watch(&self.stop, async || {
            self.bus.ping().await?;
            self.has_room().await?;
            match self.bus.dead_letters_note().await {
                Ok(note) => self.nats.part().note(note),
                Err(error) => tracing::debug!(%error, "look for room for dead letters"),
            }
            Ok::<_, String>(())
        });
        let ping = async || self.store.ping().await.map_err(|error| chain(&error));
        let ledger = self.ledger.watch(&self.stop, ping);
        tokio::join!(bus, ledger);
    }

    /// A stream that was full is asked whether it still is: to pull before would only hand out what
    /// has nowhere to go.
    async fn has_room(&self) -> Result<(), String> {
        let Some(stream) = *self.refusing() else {
            return Ok(());
        };
        match self.bus.fullness(stream).await {
            Ok(percent) if percent < FULL_PERCENT => {
                *self.refusing() = None;
                Ok(())
            }
            Ok(percent) => Err(format!("the stream {stream} is {percent} % full")),
            Err(error) => Err(chain(&error)),
        }
    }

    fn refusing(&self) -> MutexGuard<'_, Option<&'static str>> {
        self.full.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Open while the bus and the ledger are there.
    pub fn gate(&self) -> Gate {
        Gate::new(vec![self.nats.part().clone(), self.ledger.part().clone()])
    }

    /// What a consumer loop needs beside its handler.
    pub fn consumption(&self, consumer: &'static ConsumerSpec) -> Consumption {
        Consumption {
            bus: self.bus.clone(),
            consumer,
            gate: self.gate(),
            stop: self.stop.clone(),
        }
    }

    /// What becomes of a message whose effect the ledger did not take: tried again while the
    /// ledger is away or busy, a dead letter otherwise.
    pub fn ledger_refused(&self, error: &StoreError) -> Outcome {
        if error.is_transient() {
            tracing::warn!(%error, cause = ?std::error::Error::source(error), "the ledger is away");
            self.ledger.report_trouble(chain(error));
            return Outcome::Later(Duration::from_secs(AWAY_RETRY_SECS));
        }
        Outcome::Never(chain(error))
    }

    /// What becomes of a message whose followers the bus did not take.
    pub fn bus_refused(&self, error: &PublishError) -> Outcome {
        if error.is_transient() {
            tracing::warn!(%error, "the bus is away");
            if let PublishError::Full { subject } = error {
                *self.refusing() = stream_of(subject);
            }
            // A full stream is an outage too: pulling on would only burn deliveries.
            self.nats.report_trouble(chain(error));
            return Outcome::Later(Duration::from_secs(AWAY_RETRY_SECS));
        }
        Outcome::Never(chain(error))
    }
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

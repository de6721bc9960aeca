//! Owns what a command works with: the settings that hold for it, and its ways to the ledger and
//! the bus. A command beside a running `assay up` finds that one's settings in the data folder.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bus::connect::Bus;
use bus::rights::OPERATOR;
use process::settings::Settings;
use process::settings::postgres::Role;
use store::pool::{Connection, Store};

use crate::cli::Place;

/// The settings of the running `assay up`, in its data folder.
pub(crate) const RUNNING: &str = "running.toml";
/// Connections that a command needs.
const CONNECTIONS_MAX: usize = 2;

/// What a command works with.
pub(crate) struct Context {
    pub(crate) settings: Settings,
    /// Where the settings were found, for errors.
    found: Option<PathBuf>,
}

impl Context {
    /// Reads the settings that hold: the named file, else those of the running `assay up`, else
    /// ./assay.toml and the variables.
    pub(crate) fn of(place: &Place) -> anyhow::Result<Self> {
        let running = place.data.join(RUNNING);
        let found = match &place.config {
            Some(config) => Some(config.clone()),
            None => running.exists().then_some(running),
        };
        let settings = Settings::load(found.as_deref())?;
        Ok(Self { settings, found })
    }

    /// The context of settings that are at hand.
    pub(crate) fn with(settings: Settings) -> Self {
        Self {
            settings,
            found: None,
        }
    }

    /// A connection to the ledger that may only read.
    pub(crate) async fn reader(&self) -> anyhow::Result<Connection> {
        self.connection(Role::Reader).await
    }

    /// A connection to the ledger with this role.
    pub(crate) async fn connection(&self, role: Role) -> anyhow::Result<Connection> {
        let url = self.settings.postgres_url(role)?;
        let url = url.expose_str().context("postgres.url is no text")?;
        let store = Store::open(url, CONNECTIONS_MAX)?;
        store.connection().await.with_context(|| self.hint())
    }

    /// A connection to the bus, to look and to give orders.
    pub(crate) async fn bus(&self) -> anyhow::Result<Bus> {
        self.bus_as(OPERATOR).await
    }

    /// A connection to the bus as this user.
    pub(crate) async fn bus_as(&self, user: &'static str) -> anyhow::Result<Bus> {
        let settings = service::connect::connect_settings(&self.settings, user)?;
        Bus::connect(&settings, user)
            .await
            .with_context(|| self.hint())
    }

    fn hint(&self) -> String {
        match &self.found {
            Some(file) if file.ends_with(RUNNING) => format!(
                "reach the `assay up` of {}: is it still running?",
                file.parent().unwrap_or(Path::new(".")).display()
            ),
            Some(file) => format!("reach the servers named in {}", file.display()),
            None => "reach the servers: is `assay up` running in this folder? \
                     (--data names another one, --config a settings file)"
                .to_owned(),
        }
    }
}

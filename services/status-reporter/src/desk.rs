//! Owns what telling the forges works with: ledger and bus, the sources, and the settings.

use std::time::Duration;

use process::settings::Settings;
use process::settings::status::Reporting;
use service::ground::Ground;
use tokio_util::sync::CancellationToken;

use crate::sources::{self, Sources};

/// What telling the forges works with.
pub(crate) struct Desk {
    pub(crate) ground: Ground,
    pub(crate) limits: Reporting,
    pub(crate) sources: Sources,
    pub(crate) stop: CancellationToken,
}

/// The stop signal came before the work was done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopped;

impl Desk {
    pub(crate) fn open(
        settings: &Settings,
        ground: Ground,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            ground,
            limits: settings.status.clone(),
            sources: sources::read(settings)?,
            stop,
        })
    }

    /// Lets time pass, but not beyond the stop signal.
    pub(crate) async fn pause(&self, time: Duration) -> Result<(), Stopped> {
        tokio::select! {
            () = self.stop.cancelled() => Err(Stopped),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }
}

//! Owns what a comparison works with: ledger and bus, the sources, and the settings.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use contract::ids::LaneId;
use process::settings::Settings;
use process::settings::reconcile::Reconcile;
use service::ground::Ground;
use tokio_util::sync::CancellationToken;

use crate::sources::{self, Sources};

/// What a comparison works with.
pub(crate) struct Desk {
    pub(crate) ground: Ground,
    pub(crate) limits: Reconcile,
    pub(crate) settings: Settings,
    pub(crate) sources: Sources,
    pub(crate) stop: CancellationToken,
    /// This process's run, which numbers the deliveries that it makes.
    pub(crate) lane: LaneId,
    last: AtomicU64,
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
            limits: settings.reconcile.clone(),
            settings: settings.clone(),
            sources: sources::read(settings)?,
            stop,
            lane: LaneId::new(),
            last: AtomicU64::new(0),
        })
    }

    /// The next number of a delivery that this process makes, from 1.
    pub(crate) fn next_number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Lets time pass that belongs to the work, but not beyond the stop signal.
    pub(crate) async fn pause(&self, time: Duration) -> Result<(), Stopped> {
        tokio::select! {
            () = self.stop.cancelled() => Err(Stopped),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }
}

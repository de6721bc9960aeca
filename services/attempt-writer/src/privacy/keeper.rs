//! Owns what must be looked at again: what a job under way brought after its person was erased, and
//! what is due once a day.

use std::sync::Arc;
use std::time::Duration;

use contract::time::{Timestamp, now};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::privacy::Privacy;
use crate::remove::{self, RemoveError};
use crate::retention;
use crate::sweep::sweep_due;

/// Between two looks, in seconds.
const LOOK_EVERY_SECS: u64 = 20;

/// Keeps what is erased erased, until it is told to stop.
pub(crate) async fn keep(desk: &Arc<Privacy>, stop: &CancellationToken) {
    let mut ticks = interval(Duration::from_secs(LOOK_EVERY_SECS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = look(desk, now()).await {
            tracing::warn!(%error, "look after what was erased");
        }
    }
}

async fn look(desk: &Privacy, at: Timestamp) -> Result<(), RemoveError> {
    let (store, objects) = (&desk.ground.store, &desk.objects);
    let late = remove::leftovers(store, objects).await?;
    if late > 0 {
        tracing::info!(late, "removed what came after its person was erased");
    }
    sweep_due(store, objects).await?;
    if desk.settings.retention.daily {
        retention::daily(desk, at).await?;
    }
    Ok(())
}

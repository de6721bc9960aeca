//! Owns what must be looked at again: what a job under way brought after its person was erased, and
//! what is due once a day.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use contract::ids::SessionId;
use contract::time::{Timestamp, now};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::privacy::Privacy;
use crate::remove::{self, RemoveError};
use crate::retention;

/// Between two looks, in seconds.
const LOOK_EVERY_SECS: u64 = 20;
/// How long after a removal its session is swept again, in hours: longer than any job runs.
const SWEEP_HOURS: i64 = 1;

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
    let since = at - TimeDelta::hours(SWEEP_HOURS);
    let sessions = {
        let mut conn = store.connection().await?;
        store::removal::sessions_since(&mut conn, since).await?
    };
    for session in sessions {
        remove::sweep(store, objects, SessionId::from_uuid(session)).await?;
    }
    if desk.settings.retention.daily {
        retention::daily(desk, at).await?;
    }
    Ok(())
}

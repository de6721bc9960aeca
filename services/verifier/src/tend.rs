//! Owns the care for what goes on while a run runs: its lease and turn are extended, and it is
//! stopped when its lease is lost or a newer push has taken its place.

use std::time::Duration;

use store::error::StoreError;
use store::pool::Store;
use store::transaction;
use store::work_lease::{self, RunOf};
use store::work_turn;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::enter::{Asking, superseded};
use crate::result::Came;

/// How long between two looks, in seconds: several in the time that a lease holds.
const LOOK_SECS: u64 = 4;

/// Why a run is stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Another one has taken its lease.
    Lost,
    /// This comes of it, whatever it was about to become.
    Known(Came),
}

/// Extends what the run holds until it is to be stopped.
pub(crate) async fn tend(store: &Store, run: RunOf, asking: Asking<'_>) -> Stop {
    let every = Duration::from_secs(LOOK_SECS);
    let mut looks = interval_at(Instant::now() + every, every);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        match look(store, run, asking).await {
            Ok(None) => {}
            Ok(Some(stop)) => return stop,
            // The lease may end meanwhile; whether it did is seen when the ledger is back.
            Err(error) => tracing::warn!(%error, "a run's lease was not extended"),
        }
    }
}

async fn look(store: &Store, run: RunOf, asking: Asking<'_>) -> Result<Option<Stop>, StoreError> {
    let mut conn = store.connection().await?;
    // By itself: it holds whatever comes of the rest, and nobody who begins the run, and takes the turn
    // first, waits for it while it waits for them.
    let extend = async |conn: &mut _| work_lease::extend(conn, run).await;
    if !transaction::by_keys(&mut conn, extend).await? {
        return Ok(Some(Stop::Lost));
    }
    let (job, worker) = (&asking.job.clone(), &asking.worker.to_owned());
    let (supersede, now) = (asking.supersede, asking.now);
    let work = async |conn: &mut _| {
        let asking = Asking {
            job,
            supersede,
            worker,
            now,
        };
        let known = superseded(conn, asking).await?;
        work_turn::extend(conn, run.request).await?;
        Ok(known.map(Stop::Known))
    };
    transaction::by_keys(&mut conn, work).await
}

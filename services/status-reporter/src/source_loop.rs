//! Owns the loop of one source: one process at a time tells its forge what is due, and looks every
//! so often for what nothing hinted at.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use contract::name::SourceName;
use contract::time::now;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use retry::delays::Delays;
use retry::policy::DEPENDENCY;
use store::error::StoreError;
use store::pool::Dedicated;
use store::work_status;

use crate::desk::{Desk, Stopped};
use crate::sources::Known;
use crate::tell::{Next, tell};

/// Between two looks at what is due, and at who has a source's lock, in seconds.
const LOOK_EVERY_SECS: u64 = 1;
/// Between two looks while a forge limits our rate, in seconds.
const LIMIT_LOOK_SECS: u64 = 10;
/// Attempts that are looked up at one time.
const DUE_MAX: i64 = 50;

/// What one process remembers of a source that it tells of.
struct Turn {
    lock: Dedicated,
    known: Arc<Known>,
    swept: Option<Instant>,
    delays: Delays,
}

/// Tells the forges of every source until the stop signal, those too that are added.
pub(crate) async fn keep_all(desk: &Desk) {
    let mut changes = desk.sources.follow();
    let mut keeping = FuturesUnordered::new();
    let mut kept = BTreeSet::new();
    loop {
        for name in desk.sources.names() {
            if kept.insert(name.clone()) {
                keeping.push(keep(desk, name));
            }
        }
        tokio::select! {
            () = desk.stop.cancelled() => break,
            Some(gone) = keeping.next() => drop(kept.remove(&gone)),
            Ok(()) = changes.changed() => {}
        }
    }
    while keeping.next().await.is_some() {}
}

/// Tells a forge until the stop signal, or until its source is told of no more; gives its name.
async fn keep(desk: &Desk, name: SourceName) -> SourceName {
    let mut turn = None;
    while let Some(known) = desk.sources.get(&name) {
        let open = desk.ground.gate();
        tokio::select! {
            () = desk.stop.cancelled() => break,
            () = open.wait_open() => {}
        }
        let wait = match round(desk, &name, known, &mut turn).await {
            Ok(wait) => wait,
            Err(error) => {
                // The lock may have gone with its connection.
                turn = None;
                // Shuts the gate until the ledger answers again.
                let _ = desk.ground.ledger_refused(&error);
                Duration::from_secs(LOOK_EVERY_SECS)
            }
        };
        if let Err(Stopped) = desk.pause(wait).await {
            break;
        }
    }
    name
}

/// One look at a source; gives how long to wait before the next.
async fn round(
    desk: &Desk,
    name: &SourceName,
    known: Arc<Known>,
    turn: &mut Option<Turn>,
) -> Result<Duration, StoreError> {
    let pause = Duration::from_secs(LOOK_EVERY_SECS);
    let turn = match turn {
        Some(turn) => turn,
        None => match begin(desk, name, &known).await? {
            Some(begun) => turn.insert(begun),
            None => return Ok(pause),
        },
    };
    work_status::still_locked(&mut turn.lock).await?;
    if !Arc::ptr_eq(&turn.known, &known) {
        turn.known = Arc::clone(&known);
        let mut conn = desk.ground.store.connection().await?;
        work_status::try_again(&mut conn, name, now()).await?;
    }
    sweep(desk, name, turn).await?;
    let due = {
        let mut conn = desk.ground.store.connection().await?;
        work_status::due(&mut conn, name, now(), DUE_MAX).await?
    };
    if due.is_empty() {
        return Ok(pause);
    }
    for one in &due {
        if desk.stop.is_cancelled() {
            break;
        }
        match tell(desk, name, &known, one).await? {
            Next::On => turn.delays.reset(),
            Next::Anew => break,
            // The client keeps the silence; looking goes on, for the token may change.
            Next::Wait(wait) => return Ok(wait.min(Duration::from_secs(LIMIT_LOOK_SECS))),
            Next::Later => return Ok(turn.delays.next()),
        }
    }
    Ok(Duration::ZERO)
}

/// Takes a source's lock, if nobody has it. What its forge refused is tried again at once: whoever
/// starts a process may have mended it.
async fn begin(
    desk: &Desk,
    name: &SourceName,
    known: &Arc<Known>,
) -> Result<Option<Turn>, StoreError> {
    let mut lock = desk.ground.store.dedicated().await?;
    if !work_status::try_lock(&mut lock, name).await? {
        return Ok(None);
    }
    work_status::try_again(&mut lock, name, now()).await?;
    Ok(Some(Turn {
        lock,
        known: Arc::clone(known),
        swept: None,
        delays: Delays::new(&DEPENDENCY),
    }))
}

/// Notes what nothing hinted at, if it is time to look.
async fn sweep(desk: &Desk, name: &SourceName, turn: &mut Turn) -> Result<(), StoreError> {
    let every = Duration::from_secs(desk.limits.sweep_seconds);
    if turn.swept.is_some_and(|swept| swept.elapsed() < every) {
        return Ok(());
    }
    let at = now();
    let since = at - TimeDelta::days(desk.limits.sweep_days.into());
    let mut conn = desk.ground.store.connection().await?;
    let found = work_status::sweep(&mut conn, name, since, at).await?;
    if found > 0 {
        tracing::info!(source = %name, found, "{found} attempts of {name} were not told of");
    }
    turn.swept = Some(Instant::now());
    Ok(())
}

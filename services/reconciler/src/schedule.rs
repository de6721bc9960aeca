//! Owns the schedule: each source is compared every so often, by whichever process comes first.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use contract::name::SourceName;
use contract::time::now;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use rand::Rng;
use store::reconciliation;
use uuid::Uuid;

use crate::alone::try_alone;
use crate::compare::{Order, compare};
use crate::desk::Desk;
use crate::gauges;
use crate::halt::Halt;
use crate::sources::Known;

/// Part of the time between two comparisons by which a wait is longer, at most: sources and
/// processes that began together do not ask together.
const JITTER: f64 = 0.1;
/// Pause after a comparison that was broken off, or that somebody else is making, in seconds.
const AGAIN_SECS: u64 = 10;

/// Compares every source until the stop signal, those too that are added.
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

/// Compares a source until the stop signal, or until it is a source no more; gives its name.
async fn keep(desk: &Desk, name: SourceName) -> SourceName {
    while let Some(known) = desk.sources.get(&name) {
        let open = desk.ground.gate();
        tokio::select! {
            () = desk.stop.cancelled() => break,
            () = open.wait_open() => {}
        }
        let wait = match turn(desk, &name, &known).await {
            Ok(wait) => wait,
            Err(Halt::Stopped) => break,
            Err(halt) => {
                let cause = std::error::Error::source(&halt);
                tracing::warn!(source = %name, error = %halt, ?cause, "a comparison was broken off");
                gauges::broken_off(name.as_str());
                if let Halt::Ledger(error) = &halt {
                    // Shuts the gate until the ledger answers again.
                    let _ = desk.ground.ledger_refused(error);
                }
                Duration::from_secs(AGAIN_SECS)
            }
        };
        if desk.pause(wait).await.is_err() {
            break;
        }
    }
    name
}

/// Compares if it is time to; gives how long to wait then.
async fn turn(desk: &Desk, name: &SourceName, known: &Known) -> Result<Duration, Halt> {
    if let Some(wait) = not_yet(desk, name).await? {
        return Ok(wait);
    }
    let Some(_lock) = try_alone(desk, name).await? else {
        return Ok(Duration::from_secs(AGAIN_SECS));
    };
    // Somebody may have done it since.
    if let Some(wait) = not_yet(desk, name).await? {
        return Ok(wait);
    }
    let order = Order {
        run: Uuid::now_v7(),
        name,
        known,
        repository: None,
        since: None,
        cause: "schedule".to_owned(),
        plan: false,
    };
    compare(desk, &order).await?;
    Ok(not_yet(desk, name).await?.unwrap_or_default())
}

/// How long until the next comparison is due; `None` when it is.
async fn not_yet(desk: &Desk, name: &SourceName) -> Result<Option<Duration>, Halt> {
    let mut conn = desk.ground.store.connection().await?;
    let at = now();
    let newest = reconciliation::newest(&mut conn, at).await?;
    let Some(last) = newest.iter().find(|row| row.source == name.as_str()) else {
        return Ok(None);
    };
    let every = TimeDelta::seconds(i64::try_from(desk.limits.every_seconds).unwrap_or(i64::MAX));
    // It began by now, so that no clock that was stepped makes this longer than `every`.
    let left = (last.began_at + every - at).to_std().unwrap_or_default();
    if left.is_zero() {
        return Ok(None);
    }
    let longer = rand::thread_rng().gen_range(0.0..JITTER);
    Ok(Some(left.mul_f64(1.0 + longer)))
}

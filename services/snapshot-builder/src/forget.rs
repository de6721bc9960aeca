//! Owns forgetting: the caches of repositories whose people were erased go, on each machine that has
//! them. A cache is lost without harm: what others pushed there is fetched again.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use contract::name::Repository;
use store::erasure::{self, ErasureRow};
use store::error::StoreError;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::desk::Desk;

/// Between two looks for erasures, in seconds.
const LOOK_EVERY_SECS: u64 = 20;
/// How long a job that does not know of an erasure may take to begin, in minutes.
const UNDER_WAY_MINUTES: i64 = 5;
/// Erasures that are read at one time.
const PAGE_MAX: i64 = 1_000;

/// Forgets until it is told to stop. What was erased while this machine was away is forgotten when
/// it begins.
pub(crate) async fn keep(desk: &Arc<Desk>, stop: &CancellationToken) {
    let mut ticks = interval(Duration::from_secs(LOOK_EVERY_SECS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut beyond = Uuid::nil();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        // Ids of rows that are written at one moment may come in another order: each look begins a
        // while before the last one's end.
        match look(desk, earlier(beyond)).await {
            Ok(Some(last)) => beyond = last,
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "look for people who were erased"),
        }
    }
}

/// An id that was minted some minutes before this one (UUIDv7: its first 48 bits are milliseconds).
fn earlier(id: Uuid) -> Uuid {
    const OVERLAP_MS: u128 = 10 * 60 * 1_000;
    let bits = id.as_u128();
    Uuid::from_u128(((bits >> 80).saturating_sub(OVERLAP_MS)) << 80)
}

async fn look(desk: &Desk, after: Uuid) -> Result<Option<Uuid>, StoreError> {
    let mut beyond = after;
    let mut last = None;
    // Ends: each page begins beyond the one before it.
    loop {
        let mut conn = desk.ground.store.connection().await?;
        let rows = erasure::all(&mut conn, beyond, PAGE_MAX).await?;
        let Some(newest) = rows.last() else {
            return Ok(last);
        };
        beyond = newest.id;
        last = Some(newest.id);
        let people: Vec<Uuid> = rows.iter().map(|row| row.principal_id).collect();
        let repositories = erasure::repositories_of(&mut conn, &people).await?;
        drop(conn);
        for repository in repositories {
            forget(desk, &repository, &rows).await;
        }
    }
}

async fn forget(desk: &Desk, repository: &str, rows: &[ErasureRow]) {
    let Ok(name) = repository.parse::<Repository>() else {
        return;
    };
    let Ok(origin) = desk.origin(&name) else {
        return;
    };
    // What was fetched well after they were erased is not theirs; a job that was under way at that
    // moment may have begun a cache a little later.
    let newest = rows.iter().map(|row| row.erased_at).max();
    let Some(until) = newest.map(|at| at + TimeDelta::minutes(UNDER_WAY_MINUTES)) else {
        return;
    };
    match desk.caches.forget(&origin, until).await {
        Ok(0) => {}
        Ok(caches) => tracing::info!(
            caches,
            "forgot the cache of a repository of an erased person"
        ),
        Err(error) => tracing::warn!(%error, "forget a cache"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_id_is_before_all_that_were_minted_in_the_last_minutes_and_never_below_zero() {
        let id = Uuid::now_v7();
        assert!(earlier(id) < id);
        assert_eq!(earlier(Uuid::nil()), Uuid::nil());
        let much_later = Uuid::from_u128(id.as_u128() + ((11 * 60 * 1_000) << 80));
        assert!(earlier(much_later) > id);
    }
}

//! Owns watching a delivery go through the ledger: each stage is said when it is first seen.

use std::time::Duration;

use anyhow::{Context as _, bail};
use contract::ids::DeliveryId;
use contract::time::Timestamp;
use retry::delays::Delays;
use retry::policy::QUICK;
use store::pool::Connection;
use store::view::timeline::{self, Timeline};

use crate::demo::show;
use crate::trace;

/// Longest wait for a push's whole way, in seconds.
const WAY_SECS_MAX: u64 = 90;

/// Follows a delivery until its result is recorded and every entry of it is under a signed
/// checkpoint.
pub(crate) async fn follow(ledger: &mut Connection, id: DeliveryId) -> anyhow::Result<Timeline> {
    until(
        ledger,
        id,
        "its result and its proofs",
        &mut Vec::new(),
        |seen| {
            let judged = seen.verifications.iter().any(|v| v.retry_at.is_none());
            judged && seen.entries.len() >= STAGES && all_signed(seen)
        },
    )
    .await
}

/// Each push has an entry of the attempt-writer, the snapshot-builder and the verifier.
const STAGES: usize = 3;

/// Whether every entry of the delivery is under a signed checkpoint.
pub(crate) fn all_signed(seen: &Timeline) -> bool {
    seen.entries
        .iter()
        .all(|entry| entry.checkpoint_size.is_some())
}

/// Follows a delivery until `done` says so; says what happens unless it was `said` before.
pub(crate) async fn until(
    ledger: &mut Connection,
    id: DeliveryId,
    what: &str,
    said: &mut Vec<(Timestamp, String)>,
    done: impl Fn(&Timeline) -> bool,
) -> anyhow::Result<Timeline> {
    let mut last = None;
    let watching = async {
        let mut delays = Delays::new(&QUICK);
        loop {
            if let Some(seen) = timeline::of_delivery(ledger, id)
                .await
                .context("read the way")?
            {
                for event in trace::events(&seen) {
                    if !said.contains(&event) {
                        show::event(event.0 - seen.delivery.received_at, &event.1);
                        said.push(event);
                    }
                }
                if done(&seen) {
                    return anyhow::Ok(seen);
                }
                last = Some(seen);
            }
            tokio::time::sleep(delays.next()).await;
        }
    };
    let timeout = Duration::from_secs(WAY_SECS_MAX);
    match tokio::time::timeout(timeout, watching).await {
        Ok(seen) => seen,
        Err(_) => bail!("no sign of {what} after {WAY_SECS_MAX} s; last seen: {last:?}"),
    }
}

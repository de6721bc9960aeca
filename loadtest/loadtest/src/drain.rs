//! Owns waiting until a house has done all that it was given.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::ledger::{Ledger, Waiting};
use crate::target::Target;
use crate::watch::streams;

/// Between two looks, in milliseconds.
const LOOK_MS: u64 = 200;
/// How often in a row nothing may wait until that is believed: what is between two queues is in
/// neither.
const CALM_LOOKS: u32 = 3;
/// The streams that must be empty.
const QUEUES: [&str; 3] = ["DELIVERIES", "JOBS", "COMMANDS"];

/// How a drain ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Drained {
    /// Whether nothing waits any more.
    pub is_done: bool,
    /// What was last seen.
    pub seen: String,
}

/// Waits until nothing waits in the queues and every request has its result and its leaf. Says so
/// after the limit, or the stop signal, too, and that it is not done. Receipts that are still to
/// come are waited for.
///
/// # Errors
/// If the ledger cannot be read.
pub async fn drain(
    target: &Target,
    receipts: u64,
    limit: Duration,
    stop: &CancellationToken,
) -> Result<Drained> {
    let url = target
        .ledger
        .as_ref()
        .context("without a ledger nothing can be waited for")?;
    let ledger = Ledger::connect(url).await?;
    let until = Instant::now() + limit;
    let mut calm = 0;
    loop {
        let queued = streams(target).await;
        let waits = |name: &&str| queued.get(*name).is_some_and(|messages| *messages > 0);
        // Counting every request costs the house something: only when the queues are empty.
        let waiting = match QUEUES.iter().any(waits) {
            true => None,
            false => Some(ledger.waiting().await?),
        };
        let is_calm = waiting.is_some_and(|waiting| {
            waiting.requests == 0 && waiting.entries == 0 && waiting.receipts >= receipts
        });
        calm = if is_calm { calm + 1 } else { 0 };
        let is_done = calm >= CALM_LOOKS;
        if is_done || Instant::now() > until || stop.is_cancelled() {
            let seen = said(&queued, waiting, receipts);
            return Ok(Drained { is_done, seen });
        }
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
}

fn said(queued: &BTreeMap<String, u64>, waiting: Option<Waiting>, receipts: u64) -> String {
    let queues = QUEUES
        .iter()
        .filter_map(|name| Some(format!("{name} {}", queued.get(*name)?)));
    let queues = queues.collect::<Vec<_>>().join(", ");
    match waiting {
        None => format!("queued: {queues}"),
        Some(waiting) => format!(
            "{} of {receipts} receipts, {} requests without a result, {} entries without a leaf; \
             queued: {queues}",
            waiting.receipts, waiting.requests, waiting.entries
        ),
    }
}

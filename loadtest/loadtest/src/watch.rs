//! Owns the look at a running house: how far it is, what waits in the streams, and what each process
//! uses, a few times a second.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::http;
use crate::ledger::{Ledger, Progress};
use crate::machine::{self, Processors, Use};
use crate::sender::Sender;
use crate::target::Target;

/// Between two looks, in milliseconds.
const LOOK_MS: u64 = 500;
/// How long a server's monitoring may take to answer, in milliseconds.
const ANSWER_MS_MAX: u64 = 1_500;
/// Most looks that are kept, every second one being dropped beyond that: hours fit into a plot.
const LOOKS_MAX: usize = 7_200;

/// What one look saw.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Look {
    /// Seconds since the begin.
    pub at: f64,
    /// Deliveries sent, and answered as they must be.
    pub sent: u64,
    /// Answered as they must be.
    pub answered: u64,
    /// Receipts, results and leaves in the ledger, roughly.
    pub receipts: u64,
    /// Results.
    pub results: u64,
    /// Leaves.
    pub leaves: u64,
    /// Messages in each stream.
    pub streams: BTreeMap<String, u64>,
    /// What each process uses.
    pub processes: BTreeMap<String, Use>,
    /// What the machine's processors did.
    #[serde(default)]
    pub processors: Processors,
}

/// Looks until the stop signal, and gives all that it saw.
pub async fn watch(
    target: &Target,
    sender: &Arc<Sender>,
    (expected, shows): (u64, bool),
    stop: &CancellationToken,
) -> Vec<Look> {
    let ledger = match &target.ledger {
        Some(url) => Ledger::connect(url).await.ok(),
        None => None,
    };
    // The statistics go on counting from what was there before.
    let before = progress(ledger.as_ref()).await;
    let bar = bar(expected, shows);
    let mut looks: Vec<Look> = Vec::new();
    loop {
        let now = progress(ledger.as_ref()).await;
        let look = Look {
            at: sender.elapsed().as_secs_f64(),
            sent: sender.counts.sent.load(Ordering::Relaxed),
            answered: sender.counts.well.load(Ordering::Relaxed),
            receipts: now.receipts.saturating_sub(before.receipts),
            results: now.results.saturating_sub(before.results),
            leaves: now.leaves.saturating_sub(before.leaves),
            streams: streams(target).await,
            processes: machine::look(&target.watched),
            processors: machine::processors(),
        };
        bar.set_position(look.answered);
        bar.set_message(said(looks.iter().rev().nth(1), &look, sender));
        looks.push(look);
        if looks.len() > LOOKS_MAX {
            let mut keep = false;
            looks.retain(|_| {
                keep = !keep;
                keep
            });
        }
        let pause = tokio::time::sleep(Duration::from_millis(LOOK_MS));
        if stop.run_until_cancelled(pause).await.is_none() {
            bar.finish_and_clear();
            return looks;
        }
    }
}

async fn progress(ledger: Option<&Ledger>) -> Progress {
    match ledger {
        Some(ledger) => ledger.progress().await.unwrap_or_default(),
        None => Progress::default(),
    }
}

/// What waits in each stream, as the server's monitoring says it.
pub async fn streams(target: &Target) -> BTreeMap<String, u64> {
    let Some(monitor) = &target.monitor else {
        return BTreeMap::new();
    };
    let mut page = Value::default();
    for server in monitor.split(',') {
        let url = format!("{server}/jsz?streams=true");
        // Of a cluster any server will do that answers.
        let asked = timeout(Duration::from_millis(ANSWER_MS_MAX), http::get(&url)).await;
        if let Some(found) = asked.ok().and_then(Result::ok) {
            page = serde_json::from_slice(&found).unwrap_or_default();
            break;
        }
    }
    let accounts = page["account_details"].as_array().into_iter().flatten();
    let streams =
        accounts.flat_map(|account| account["stream_detail"].as_array().into_iter().flatten());
    streams
        .filter_map(|stream| {
            let name = stream["name"].as_str()?.to_owned();
            Some((name, stream["state"]["messages"].as_u64()?))
        })
        .collect()
}

fn bar(expected: u64, shows: bool) -> ProgressBar {
    let bar = ProgressBar::new(expected);
    if !shows {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{elapsed_precise} [{bar:30}] {pos}/{len} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn said(before: Option<&Look>, now: &Look, sender: &Sender) -> String {
    let rate = |of: fn(&Look) -> u64| {
        before.map_or(0.0, |before| {
            of(now).saturating_sub(of(before)) as f64 / (now.at - before.at).max(0.001)
        })
    };
    let waiting = |name: &str| now.streams.get(name).copied().unwrap_or(0);
    format!(
        "accepted {:.0}/s, results {:.0}/s ({}), p99 {:.1} ms, waiting: {} deliveries, {} jobs",
        rate(|look| look.answered),
        rate(|look| look.results),
        now.results,
        sender.latencies().all().p99,
        waiting("DELIVERIES"),
        waiting("JOBS"),
    )
}

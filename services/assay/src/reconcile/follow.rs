//! Owns waiting for a comparison: until it is taken, until it has an outcome, and until what it
//! found missing is in the ledger.

use std::time::Duration;

use anyhow::bail;
use bus::connect::Bus;
use bus::topology::RECONCILER_COMMANDS;
use chrono::TimeDelta;
use contract::name::SourceName;
use contract::time::now;
use forge_api::github::KEPT_DAYS;
use retry::delays::Delays;
use retry::policy::START;
use serde_json::Value;
use store::command;
use store::pool::Connection;
use store::view::gaps;
use tokio::time::Instant;

use super::Asked;
use crate::command::{Outcome, outcome_of};
use crate::say::say;

/// Longest wait for an outcome, in seconds: a source of thousands of repositories takes its time.
const OUTCOME_SECS_MAX: u64 = 3_600;
/// Longest wait for what is missing to come, in seconds: a forge takes redeliveries one by one.
const CLOSED_SECS_MAX: u64 = 120;

/// Waits until a comparison has its outcome, and says how far it is.
pub(super) async fn outcome(
    bus: &Bus,
    ledger: &mut Connection,
    asked: &Asked,
    quiet: bool,
) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    let mut delays = Delays::new(&START);
    let mut said = None;
    loop {
        if let Some(row) = command::find(ledger, asked.command).await? {
            return Ok(outcome_of(row));
        }
        if began.elapsed() > Duration::from_secs(OUTCOME_SECS_MAX) {
            bail!(
                "the comparison of {} has no outcome after {OUTCOME_SECS_MAX} s; command {}",
                asked.source,
                asked.command
            );
        }
        let standing = standing(bus).await?;
        if !quiet && said != Some(standing) {
            say!("{}: {standing}", asked.source);
            said = Some(standing);
        }
        tokio::time::sleep(delays.next()).await;
    }
}

/// What reconciler's consumer does with its commands.
async fn standing(bus: &Bus) -> anyhow::Result<&'static str> {
    let states = bus.consumer_states().await?;
    let state = states
        .iter()
        .find(|state| state.durable == RECONCILER_COMMANDS.durable);
    Ok(match state {
        Some(state) if state.unacked > 0 => "comparing",
        Some(state) if state.waiting > 0 => "queued, reconciler has not taken it yet",
        _ => "asked for",
    })
}

/// Whether a comparison did something about what it found.
pub(super) fn is_mended(result: &Value) -> bool {
    let number = |key: &str| result[key].as_i64().unwrap_or(0);
    number("redeliveries") + number("ref_gaps") > 0
}

/// Waits until no gap of the source is open, or for some time; gives how many are.
pub(super) async fn closed(
    ledger: &mut Connection,
    source: &SourceName,
    quiet: bool,
) -> anyhow::Result<i64> {
    let began = Instant::now();
    let mut delays = Delays::new(&START);
    let mut said = None;
    loop {
        let kept_since = now() - TimeDelta::days(KEPT_DAYS);
        let standing = gaps::standing(ledger, kept_since).await?;
        let here = standing.iter().filter(|row| row.source == source.as_str());
        let open: i64 = here.map(|row| row.open).sum();
        if !quiet && open > 0 && said != Some(open) {
            say!("{source}: {open} missing, waiting for them");
            said = Some(open);
        }
        if open == 0 || began.elapsed() > Duration::from_secs(CLOSED_SECS_MAX) {
            return Ok(open);
        }
        tokio::time::sleep(delays.next()).await;
    }
}

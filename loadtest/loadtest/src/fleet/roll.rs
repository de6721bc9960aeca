//! Owns the rolling restart: every process of every service is ended and started again in turn,
//! under load, as an upgrade does; then the auditor that leads is killed, and killed again.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, bail};
use process::settings::service::Service;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::fleet::Fleet;
use crate::fleet::replica::Replica;

/// The order of an upgrade: who reads comes before who writes (docs/OPERATIONS.md).
const ORDER: [Service; 7] = [
    Service::Verifier,
    Service::SnapshotBuilder,
    Service::AttemptWriter,
    Service::Reconciler,
    Service::StatusReporter,
    Service::Auditor,
    Service::WebhookIngest,
];
/// How long nobody may lead before the wait for somebody is given up, in seconds.
const TAKE_OVER_SECS_MAX: u64 = 60;
/// The pause between two looks, in milliseconds.
const LOOK_MS: u64 = 20;
/// How a leader shows in its metrics.
const LEADS: &str = "assay_log_leader";

/// What a rolling restart took.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Rolled {
    /// How long each process took to end, in seconds.
    pub ended_secs: BTreeMap<String, f64>,
    /// How long it took from the start to its being ready, in seconds.
    pub ready_secs: BTreeMap<String, f64>,
    /// How long nobody led the log after each leader was killed, in seconds.
    pub taken_over_secs: Vec<f64>,
}

/// Restarts everybody in turn.
///
/// # Errors
/// Who does not end, or does not come back.
pub async fn restart_all(fleet: &Fleet, shows: bool) -> Result<Rolled> {
    let mut rolled = Rolled::default();
    for replica in ORDER.into_iter().flat_map(|service| fleet.of(service)) {
        let name = replica.who.to_string();
        let ended = replica.end().await?.as_secs_f64();
        let began = Instant::now();
        replica.start().await;
        replica.until_ready().await?;
        let ready = began.elapsed().as_secs_f64();
        if shows {
            println!("{name:<20} ended in {ended:>5.2} s, was ready {ready:>5.2} s later");
        }
        rolled.ended_secs.insert(name.clone(), ended);
        rolled.ready_secs.insert(name, ready);
    }
    Ok(rolled)
}

/// Kills the auditor that leads, so many times, each time when all of them stand.
///
/// # Errors
/// If nobody takes over.
pub async fn kill_leaders(fleet: &Fleet, times: u32, shows: bool) -> Result<Vec<f64>> {
    let mut took = Vec::new();
    for _ in 0..times {
        let leader = leader(fleet, None).await?;
        let killed = Instant::now();
        leader.kill().await;
        let next = self::leader(fleet, Some(leader)).await?;
        let secs = killed.elapsed().as_secs_f64();
        if shows {
            println!(
                "{} was killed; {} leads after {secs:.2} s",
                leader.who, next.who
            );
        }
        took.push(secs);
        leader.start().await;
        leader.until_ready().await?;
    }
    Ok(took)
}

/// Who leads the log, but for one that does not count.
async fn leader<'a>(fleet: &'a Fleet, but: Option<&Replica>) -> Result<&'a Replica> {
    let until = Instant::now() + Duration::from_secs(TAKE_OVER_SECS_MAX);
    loop {
        for replica in fleet.of(Service::Auditor) {
            let counts = but.is_none_or(|but| but.who != replica.who);
            if counts && replica.metrics().await.sum(LEADS, &[]) > 0.0 {
                return Ok(replica);
            }
        }
        if Instant::now() > until {
            bail!("nobody leads the log after {TAKE_OVER_SECS_MAX} s");
        }
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
}

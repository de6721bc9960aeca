//! Carries out what is asked of a fleet; gives the exit code.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use witness::dice::Seed;

use crate::cli::Common;
use crate::fleet::proxy::Passed;
use crate::fleet::roll::{Rolled, kill_leaders, restart_all};
use crate::fleet::spread::{self, Spread};
use crate::fleet::trouble::{self, Trouble, Went};
use crate::fleet::{Fleet, Size};
use crate::orders::{BAD, OK};
use crate::report::Report;
use crate::report::table;
use crate::run::{Load, Pace, Run};
use crate::schedule::Schedule;
use crate::traffic::Traffic;

/// Longest that a load may last while something is done, in seconds.
const LOAD_SECS_MAX: u64 = 3_600;
/// How long a fleet warms up, and how long the spread of the work is looked at, in seconds.
const WARM_UP_SECS: u64 = 4;
const SPREAD_SECS: u64 = 12;
/// How many leaders of the log are killed.
const LEADERS_KILLED: u32 = 3;
/// How `assay verify-log` ends where the log is whole and nothing waits.
const LOG_IS_WHOLE: &str = " 0 entries waiting";

/// What a load is while something is done to a fleet.
#[derive(Clone, Copy, Debug)]
pub struct Under {
    /// The workload's name.
    pub name: &'static str,
    /// Deliveries a second.
    pub rate: f64,
}

/// Restarts every process in turn under load, kills leaders, and has the checker say what came of
/// it. Good only if the senders saw no failure either.
///
/// # Errors
/// What stands in the way.
pub async fn roll(size: Size, rate: f64, common: &Common, stop: &CancellationToken) -> Result<u8> {
    let fleet = Fleet::start(size).await?;
    let shows = !common.quiet;
    let work = async {
        sleep(Duration::from_secs(WARM_UP_SECS)).await;
        let before = spread::done(&fleet).await;
        sleep(Duration::from_secs(SPREAD_SECS)).await;
        let spread = spread::spread(&before, &spread::done(&fleet).await);
        let mut rolled = restart_all(&fleet, shows).await?;
        if size.replicas > 1 {
            rolled.taken_over_secs = kill_leaders(&fleet, LEADERS_KILLED, shows).await?;
        }
        Ok((spread, rolled))
    };
    let under = Under { name: "roll", rate };
    let (report, (spread, rolled)) = under_load(&fleet, under, common, stop, work).await?;
    let passed = fleet.proxy.passed().await?;
    let log = log(&fleet).await;
    let unwell = unwell(&report);
    println!("{}", table::of(&report));
    print!("{}", said(&spread, &rolled, passed));
    println!("the log: {}", log.trim());
    let is_good = report.is_good && unwell == 0 && log.contains(LOG_IS_WHOLE);
    let told = serde_json::json!({
        "good": is_good, "spread": spread, "rolled": rolled, "failures_seen": unwell,
        "proxy": { "requests": passed.requests, "failures": passed.failures,
                   "retries": passed.retries },
        "log": log,
    });
    leave(&fleet, common, (&report, "roll.json", &told), is_good)
}

/// Makes trouble for the cluster under load, one after the other, and has the checker say what came
/// of it.
///
/// # Errors
/// What stands in the way.
pub async fn trouble(
    size: Size,
    (rate, wanted): (f64, &[Trouble]),
    common: &Common,
    stop: &CancellationToken,
) -> Result<u8> {
    let fleet = Fleet::start(size).await?;
    let work = async {
        sleep(Duration::from_secs(WARM_UP_SECS)).await;
        let mut went: Vec<Went> = Vec::new();
        for &trouble in wanted {
            match trouble::make(&fleet, trouble).await? {
                Some(one) => {
                    println!("{}", line(&one));
                    went.push(one);
                }
                None => println!("{trouble}: not done, it needs root and --apart"),
            }
        }
        Ok(went)
    };
    let under = Under {
        name: "cluster",
        rate,
    };
    let (report, went) = under_load(&fleet, under, common, stop, work).await?;
    let log = log(&fleet).await;
    let unwell = unwell(&report);
    println!("{}", table::of(&report));
    println!("{}", head());
    went.iter().for_each(|one| println!("{}", line(one)));
    println!("the log: {}", log.trim());
    let is_back = went.iter().all(|one| one.back_secs.is_some());
    let is_good = report.is_good && unwell == 0 && is_back && log.contains(LOG_IS_WHOLE);
    let told = serde_json::json!({
        "good": is_good, "troubles": went, "failures_seen": unwell, "log": log,
    });
    leave(&fleet, common, (&report, "cluster.json", &told), is_good)
}

/// Sends at a rate while something is done, then waits until all is done that was sent, and asks
/// the checker.
pub(crate) async fn under_load<T>(
    fleet: &Fleet,
    under: Under,
    common: &Common,
    stop: &CancellationToken,
    work: impl Future<Output = Result<T>>,
) -> Result<(Report, T)> {
    if !(under.rate > 0.0 && under.rate.is_finite()) {
        bail!("a rate is above zero");
    }
    let schedule = Schedule::Steady {
        rate: under.rate,
        lasts: Duration::from_secs(LOAD_SECS_MAX),
    };
    let enough = stop.child_token();
    let run = run(fleet, under.name, schedule, common).await?;
    let sending = run.carry_out(fleet.target(), Some(fleet.programs()), &enough);
    let working = async {
        let worked = work.await;
        // What was done is done, or cannot be: the sending ends either way.
        enough.cancel();
        worked
    };
    let (report, worked) = tokio::join!(sending, working);
    Ok((report?, worked?))
}

/// A run against a fleet.
pub(crate) async fn run(
    fleet: &Fleet,
    name: &'static str,
    schedule: Schedule,
    common: &Common,
) -> Result<Run> {
    let target = fleet.target();
    let traffic = Traffic {
        seed: Seed(common.seed),
        bodies: common.bodies,
        shares: common.shares(),
        repositories: common.repositories,
        source: target.source.clone(),
        secret: target.secret.clone(),
        enrolled: true,
        template: fleet.template().await?,
    };
    Ok(Run {
        name,
        command: std::env::args().collect::<Vec<_>>().join(" "),
        seed: common.seed,
        load: Load::Made(Box::new(traffic)),
        pace: Pace::By(schedule),
        connections: common.connections,
        drain_max: Duration::from_secs(common.drain_seconds),
        shows: !common.quiet,
        out: common.out.clone(),
    })
}

async fn log(fleet: &Fleet) -> String {
    let said = fleet.assay(&["verify-log", "--ledger"]).await;
    said.unwrap_or_else(|error| format!("{error:#}"))
}

/// Answers that were none, or not what they must be.
fn unwell(report: &Report) -> u64 {
    let count = |name: &str| report.counts.get(name).copied().unwrap_or(0);
    count("answered otherwise") + count("unanswered")
}

fn said(spread: &[Spread], rolled: &Rolled, passed: Passed) -> String {
    let mut text = String::new();
    for one in spread {
        let shares = one
            .shares
            .iter()
            .map(|share| format!("{:.0} %", share * 100.0));
        let shares = shares.collect::<Vec<_>>().join(", ");
        text += &format!("{:<18} spread over its processes: {shares}\n", one.service);
    }
    let longest =
        |secs: &std::collections::BTreeMap<String, f64>| secs.values().copied().fold(0.0, f64::max);
    text += &format!(
        "restarted {} processes: the longest end {:.2} s, the longest start {:.2} s\n",
        rolled.ended_secs.len(),
        longest(&rolled.ended_secs),
        longest(&rolled.ready_secs),
    );
    for secs in &rolled.taken_over_secs {
        text += &format!("the log's leader killed: another leads after {secs:.2} s\n");
    }
    text + &format!(
        "haproxy: {} requests, {} of 500 and above, {} connections tried again\n",
        passed.requests, passed.failures, passed.retries
    )
}

fn head() -> String {
    format!(
        "{:<28} {:>9} {:>9} {:>9} {:>10} {:>8}",
        "results a second", "before", "during", "after", "silent", "back"
    )
}

fn line(went: &Went) -> String {
    let back = went.back_secs;
    format!(
        "{:<28} {:>9.1} {:>9.1} {:>9.1} {:>8.1} s {:>8}",
        went.what,
        went.before,
        went.during,
        went.after,
        went.silent_secs,
        back.map_or("never".to_owned(), |secs| format!("{secs:.1} s")),
    )
}

/// Leaves the reports, and the services' logs where a run came out badly.
fn leave(
    fleet: &Fleet,
    common: &Common,
    (report, name, told): (&Report, &str, &impl Serialize),
    is_good: bool,
) -> Result<u8> {
    report.write(&common.out)?;
    let text = serde_json::to_string_pretty(told).context("write the report")?;
    std::fs::write(common.out.join(name), text + "\n").context("write the report")?;
    if !is_good {
        keep_logs(fleet, &common.out.join("logs"))?;
    }
    println!("the report is in {}", common.out.display());
    Ok(if is_good { OK } else { BAD })
}

fn keep_logs(fleet: &Fleet, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).context("make a folder for the logs")?;
    for log in fleet.logs() {
        if let Some(name) = log.file_name() {
            std::fs::copy(&log, folder.join(name)).context("keep a log")?;
        }
    }
    println!("the logs of the services are in {}", folder.display());
    Ok(())
}

//! Owns `make bench-scale`: the same load on one, two and four processes of each service, on one
//! cluster of three, in one table.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use witness::programs::Programs;
use witness::verdict;

use crate::cli::Common;
use crate::fleet::orders::run;
use crate::fleet::page::{between, table};
use crate::fleet::spread::{self, Spread};
use crate::fleet::{Fleet, Size};
use crate::house::DRIVER;
use crate::orders::{BAD, OK};
use crate::report::Report;
use crate::schedule::Schedule;

/// What is sent to each fleet.
#[derive(Clone, Copy, Debug)]
pub struct Loads {
    /// Deliveries of the burst.
    pub count: u64,
    /// Deliveries a second afterwards, and for how many seconds.
    pub rate: f64,
    /// For so many seconds.
    pub seconds: u64,
}

/// How a fleet of one size did.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Processes of each service.
    pub replicas: usize,
    /// Deliveries accepted a second, in the burst.
    pub accepted: f64,
    /// Pushes a second from the first send to the last result, in the burst.
    pub pushes: f64,
    /// Results a second, the same.
    pub results: f64,
    /// Processor milliseconds a push: the services, nats-server, Postgres, haproxy.
    pub cpu_ms: [f64; 4],
    /// Memory of all services at their most, in MiB.
    pub memory_mib: f64,
    /// Milliseconds from the send to the result at the steady rate: p50, p99.
    pub push_to_result_ms: [f64; 2],
    /// Milliseconds to the answer at the steady rate: p50, p99.
    pub answer_ms: [f64; 2],
    /// Lost, doubled, in both.
    pub lost_doubled: [u64; 2],
    /// How the burst's work was spread.
    pub spread: Vec<Spread>,
    /// Whether the checker found all well.
    pub is_good: bool,
}

/// Measures each size, prints the table, and leaves it in the folder of the reports; in `page` too,
/// between its marks, if there is one.
///
/// # Errors
/// What stands in the way.
pub async fn scale(
    sizes: &[usize],
    loads: Loads,
    page: Option<&Path>,
    common: &Common,
    stop: &CancellationToken,
) -> Result<u8> {
    let mut rows = Vec::new();
    for &replicas in sizes {
        println!("{replicas} of each service: starting");
        rows.push(measure(replicas, loads, common, stop).await?);
        println!("{}", table(&rows, loads));
    }
    std::fs::create_dir_all(&common.out).context("make the folder of the reports")?;
    let text = serde_json::to_string_pretty(&rows).context("write the rows")?;
    std::fs::write(common.out.join("scale.json"), text + "\n").context("write scale.json")?;
    let table = table(&rows, loads);
    std::fs::write(common.out.join("scale.md"), &table).context("write scale.md")?;
    if let Some(page) = page {
        let old = std::fs::read_to_string(page).context("read the page")?;
        let new = between(&old, &table).context("find the marks")?;
        std::fs::write(page, new).context("write the page")?;
    }
    println!("the table is in {}", common.out.display());
    Ok(if rows.iter().all(|row| row.is_good) {
        OK
    } else {
        BAD
    })
}

async fn measure(
    replicas: usize,
    loads: Loads,
    common: &Common,
    stop: &CancellationToken,
) -> Result<Row> {
    let fleet = Fleet::start(Size {
        replicas,
        apart: false,
    })
    .await?;
    let begun = spread::done(&fleet).await;
    let burst = Schedule::AtOnce { count: loads.count };
    let programs = fleet.programs();
    let checked = ("burst", burst, common.seed, Some(programs));
    let burst = send(&fleet, checked, common, stop).await?;
    let spread = spread::spread(&begun, &spread::done(&fleet).await);
    let lasts = std::time::Duration::from_secs(loads.seconds);
    let steady = Schedule::Steady {
        rate: loads.rate,
        lasts,
    };
    // Another seed, or everything would be a duplicate. It is checked with the burst, whose rows
    // are in the same ledger.
    let unchecked = ("steady", steady, common.seed + 1, None);
    let steady = send(&fleet, unchecked, common, stop).await?;
    let account = common.out.join("sent.jsonl");
    let both = ["burst", "steady"].map(|name| common.out.join(name).join("sent.jsonl"));
    join(&both, &account)?;
    let ledger = fleet.target().ledger.as_deref();
    let ledger = ledger.context("a fleet has a ledger")?;
    let verdict = verdict::ask(&programs.checker, &account, ledger).await?;
    let is_good = burst.is_good && steady.is_good && verdict.is_good;
    if !is_good {
        println!("{}", verdict.table);
    }
    let found = |kind: &str| verdict.figures[kind].as_u64().unwrap_or(u64::MAX);
    let row = row(replicas, spread, &burst, &steady);
    Ok(Row {
        lost_doubled: [found("lost"), found("doubled")],
        is_good,
        ..row
    })
}

/// Writes accounts into one, with requests numbered on.
fn join(accounts: &[PathBuf], into: &Path) -> Result<()> {
    let (mut text, mut requests) = (String::new(), 0);
    for account in accounts {
        let before = requests;
        for line in std::fs::read_to_string(account)
            .context("read an account")?
            .lines()
        {
            let mut line: Value = serde_json::from_str(line).context("understand an account")?;
            if let Some(own) = line["request"].as_u64() {
                line["request"] = (before + own).into();
                requests = requests.max(before + own);
            }
            text += &format!("{line}\n");
        }
    }
    std::fs::write(into, text).context("write the account")
}

async fn send(
    fleet: &Fleet,
    (name, schedule, seed, checker): (&'static str, Schedule, u64, Option<&Programs>),
    common: &Common,
    stop: &CancellationToken,
) -> Result<Report> {
    let own = Common {
        seed,
        out: common.out.join(name),
        ..common.clone()
    };
    let run = run(fleet, name, schedule, &own).await?;
    let report = run.carry_out(fleet.target(), checker, stop).await?;
    report.write(&own.out)?;
    Ok(report)
}

fn row(replicas: usize, spread: Vec<Spread>, burst: &Report, steady: &Report) -> Row {
    let pushes = burst.counts.get("pushes").copied().unwrap_or(0) as f64;
    let whole = |report: &Report| {
        let stage = report.stages.get("push to result");
        stage.map_or([0.0; 2], |taken| [taken.p50, taken.p99])
    };
    Row {
        replicas,
        accepted: burst.answered_per_sec,
        pushes: pushes / burst.whole_secs.unwrap_or(f64::INFINITY),
        results: burst.results_per_sec.unwrap_or(0.0),
        cpu_ms: cost(burst),
        memory_mib: burst
            .memory_mib_max
            .iter()
            .filter(|(name, _)| place(name) == Some(0))
            .map(|(_, memory)| memory)
            .sum(),
        push_to_result_ms: whole(steady),
        answer_ms: [steady.latency.p50, steady.latency.p99],
        lost_doubled: [0; 2],
        spread,
        is_good: false,
    }
}

fn cost(report: &Report) -> [f64; 4] {
    let mut sums = [0.0; 4];
    for (name, cost) in &report.cpu_ms_per_push {
        if let Some(place) = place(name) {
            sums[place] += cost;
        }
    }
    sums
}

/// Whose costs a process's are: services, nats-server, Postgres, haproxy; nobody's, if the driver's.
fn place(name: &str) -> Option<usize> {
    match name {
        DRIVER => None,
        "postgres" => Some(2),
        "haproxy" => Some(3),
        name if name.starts_with("nats-server") => Some(1),
        _ => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_joined_with_their_requests_numbered_on() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let sent = "{\"kind\":\"sent\",\"request\":1}\n{\"kind\":\"sent\",\"request\":2}\n";
        for name in ["a", "b"] {
            std::fs::write(place(name), sent).unwrap();
        }
        join(&[place("a"), place("b")], &place("both")).unwrap();
        let both = std::fs::read_to_string(place("both")).unwrap();
        let lines = both
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let requests: Vec<_> = lines
            .map(|line| line["request"].as_u64().unwrap())
            .collect();
        assert_eq!(requests, [1, 2, 3, 4]);
    }

    #[test]
    fn costs_are_counted_by_whose_they_are() {
        for (name, wanted) in [
            ("verifier-2", Some(0)),
            ("nats-server-1", Some(1)),
            ("postgres", Some(2)),
            ("haproxy", Some(3)),
            (DRIVER, None),
        ] {
            assert_eq!(place(name), wanted, "{name}");
        }
    }
}

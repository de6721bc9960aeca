//! Owns `make bench-scale`: the same load on one, two and four processes of each service, on one
//! cluster of three, in one table.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::cli::Common;
use crate::fleet::calm::{self, Spread};
use crate::fleet::orders::run;
use crate::fleet::{Fleet, Size};
use crate::house::DRIVER;
use crate::orders::{BAD, OK};
use crate::report::Report;
use crate::schedule::Schedule;

/// Where a page's table begins and ends.
const BEGIN: &str = "<!-- bench-scale begins -->";
const END: &str = "<!-- bench-scale ends -->";

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
        let new = between(&old, &table).with_context(|| format!("find {BEGIN}"))?;
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
    let begun = calm::done(&fleet).await;
    let burst = Schedule::AtOnce { count: loads.count };
    let burst = send(&fleet, ("burst", burst, common.seed), common, stop).await?;
    let spread = calm::spread(&begun, &calm::done(&fleet).await);
    let lasts = std::time::Duration::from_secs(loads.seconds);
    let steady = Schedule::Steady {
        rate: loads.rate,
        lasts,
    };
    // Another seed, or everything would be a duplicate.
    let steady = send(&fleet, ("steady", steady, common.seed + 1), common, stop).await?;
    Ok(row(replicas, spread, &burst, &steady))
}

async fn send(
    fleet: &Fleet,
    (name, schedule, seed): (&'static str, Schedule, u64),
    common: &Common,
    stop: &CancellationToken,
) -> Result<Report> {
    let own = Common {
        seed,
        out: common.out.join(name),
        ..common.clone()
    };
    let run = run(fleet, name, schedule, &own).await?;
    let report = run
        .carry_out(fleet.target(), Some(fleet.programs()), stop)
        .await?;
    report.write(&own.out)?;
    Ok(report)
}

fn row(replicas: usize, spread: Vec<Spread>, burst: &Report, steady: &Report) -> Row {
    let pushes = burst.counts.get("pushes").copied().unwrap_or(0) as f64;
    let whole = |report: &Report| {
        let stage = report.stages.get("push to result");
        stage.map_or([0.0; 2], |taken| [taken.p50, taken.p99])
    };
    let found = |kind: &str| {
        let of = |report: &Report| report.verdict.as_ref().and_then(|said| said[kind].as_u64());
        of(burst).unwrap_or(0) + of(steady).unwrap_or(0)
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
        lost_doubled: [found("lost"), found("doubled")],
        spread,
        is_good: burst.is_good && steady.is_good,
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

/// The table, for people.
fn table(rows: &[Row], loads: Loads) -> String {
    let Loads {
        count,
        rate,
        seconds,
    } = loads;
    let mut text = format!(
        "Burst: {count} deliveries at once. Steady: {rate} a second for {seconds} s.\n\n\
         | of each service | accepted/s | pushes/s | results/s | CPU ms a push: services | NATS \
         | Postgres | haproxy | all | memory of services, MiB | steady, answer p50 / p99, ms \
         | steady, push to result p50 / p99, ms | lost, doubled |\n\
         |---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"
    );
    for row in rows {
        let [services, nats, postgres, haproxy] = row.cpu_ms;
        let all = services + nats + postgres + haproxy;
        let ([answer, answer_most], [result, result_most]) = (row.answer_ms, row.push_to_result_ms);
        let [lost, doubled] = row.lost_doubled;
        text += &format!(
            "| {} | {:.0} | {:.0} | {:.0} | {services:.2} | {nats:.2} | {postgres:.2} \
             | {haproxy:.2} | {all:.2} | {:.0} | {answer:.1} / {answer_most:.1} \
             | {result:.1} / {result_most:.1} | {lost}, {doubled} |\n",
            row.replicas, row.accepted, row.pushes, row.results, row.memory_mib,
        );
    }
    for row in rows.iter().filter(|row| row.replicas > 1) {
        let spread = row.spread.iter().map(|one| {
            let shares = one
                .shares
                .iter()
                .map(|share| format!("{:.0}", share * 100.0));
            format!("{} {}", one.service, shares.collect::<Vec<_>>().join(" / "))
        });
        let spread = spread.collect::<Vec<_>>().join("; ");
        text += &format!(
            "\nSpread over {} processes, in percent: {spread}.\n",
            row.replicas
        );
    }
    text
}

fn between(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_the_place_of_the_one_before_it() {
        let page = format!("# A\n\n{BEGIN}\nold\n{END}\n\n## B\n");
        let new = between(&page, "| new |\n").unwrap();
        assert_eq!(new, format!("# A\n\n{BEGIN}\n| new |\n{END}\n\n## B\n"));
        assert_eq!(between(&new, "| new |\n").unwrap(), new);
        assert_eq!(between("# A page without marks", "| new |"), None);
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

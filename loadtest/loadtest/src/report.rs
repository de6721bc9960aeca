//! Owns the report of a run: what was sent and what it cost, in figures that programs read as well.

pub mod page;
pub mod plot;
pub mod table;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::figures::Figure;
use crate::house::DRIVER;
use crate::latency::{Latencies, Percentiles};
use crate::ledger::Stages;
use crate::ramp::Held;
use crate::run::{Came, Run};
use crate::watch::Look;

/// The report of a run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The workload.
    pub workload: String,
    /// How it is had again.
    pub command: String,
    /// The seed.
    pub seed: u64,
    /// When it began.
    pub began_at: DateTime<Utc>,
    /// Processors of the machine.
    pub cores: usize,
    /// The machine's load when it was over, all its work counted: what else ran makes figures worse.
    pub load: String,
    /// How much of the processors' time others had meanwhile, in percent: what a virtual machine shares.
    #[serde(default)]
    pub stolen_percent: f64,
    /// How long its memory took for one load, before and after, in nanoseconds: others share its caches.
    #[serde(default)]
    pub load_ns: f64,
    /// How many of what.
    pub counts: BTreeMap<String, u64>,
    /// From the begin to the last answer, in seconds.
    pub sending_secs: f64,
    /// From the begin to the last result, in seconds.
    pub whole_secs: Option<f64>,
    /// Answers a second.
    pub answered_per_sec: f64,
    /// Results a second, from the first send to the last result.
    pub results_per_sec: Option<f64>,
    /// Of all answers.
    pub latency: Percentiles,
    /// For each second.
    pub by_second: Vec<(u64, Percentiles)>,
    /// Between the ledger's own times, and from the send to the result.
    pub stages: BTreeMap<String, Percentiles>,
    /// Processor milliseconds a push, by process.
    pub cpu_ms_per_push: BTreeMap<String, f64>,
    /// Most memory, in MiB, by process.
    pub memory_mib_max: BTreeMap<String, f64>,
    /// The steps of a ramp.
    pub ramp: Vec<Held>,
    /// What the checker says; `None` where it was not asked.
    pub verdict: Option<Value>,
    /// Whether it says that all is well.
    pub is_good: bool,
    /// How the drain ended.
    pub drained: Option<String>,
    /// Everything that was seen.
    pub looks: Vec<Look>,
}

/// The order in which a push meets the stages.
pub const STAGES: [&str; 6] = [
    "accept",
    "write",
    "snapshot",
    "verify",
    "leaf",
    "push to result",
];

impl Report {
    /// Makes the report of what came of a run.
    ///
    /// # Errors
    /// Never with the borders of latencies.
    pub fn of(run: &Run, came: Came) -> Result<Self> {
        let Came {
            sender,
            looks,
            drained,
            verdict,
            stages,
            held,
            load_ns,
        } = came;
        let latencies = sender.latencies();
        let sending_secs = sender.last_answer().as_secs_f64();
        let seen = &sender.counts;
        let pushes = seen.pushes.load(Relaxed);
        let since = |at: DateTime<Utc>| (at - sender.began_at()).as_seconds_f64();
        let own: Vec<&Stages> = stages
            .iter()
            .filter(|one| one.verified >= sender.began_at())
            .collect();
        let whole_secs = own.iter().map(|one| since(one.verified)).reduce(f64::max);
        let counts = [
            ("sent", seen.sent.load(Relaxed)),
            ("answered well", seen.well.load(Relaxed)),
            ("answered otherwise", seen.badly.load(Relaxed)),
            ("unanswered", seen.unanswered.load(Relaxed)),
            ("pushes", pushes),
            ("commits", seen.commits.load(Relaxed)),
            ("bytes", seen.bytes.load(Relaxed)),
            ("results", own.len() as u64),
        ];
        let is_drained = drained.as_ref().is_none_or(|drained| drained.is_done);
        let is_well = verdict.as_ref().is_none_or(|verdict| verdict.is_good);
        Ok(Self {
            workload: run.name.to_owned(),
            command: run.command.clone(),
            seed: run.seed,
            began_at: sender.began_at(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            load: std::fs::read_to_string("/proc/loadavg")
                .unwrap_or_default()
                .trim()
                .to_owned(),
            stolen_percent: stolen(&looks),
            load_ns,
            counts: counts.map(|(name, count)| (name.to_owned(), count)).into(),
            sending_secs,
            whole_secs,
            answered_per_sec: seen.well.load(Relaxed) as f64 / sending_secs.max(0.001),
            results_per_sec: whole_secs.map(|secs| own.len() as f64 / secs.max(0.001)),
            latency: latencies.all(),
            by_second: latencies.by_second(),
            stages: by_stage(&own, &sender.moments(), latencies.all())?,
            cpu_ms_per_push: cost(&looks, pushes),
            memory_mib_max: memory(&looks),
            ramp: held,
            is_good: is_drained && is_well,
            verdict: verdict.map(|verdict| verdict.figures),
            drained: drained.map(|drained| match drained.is_done {
                true => "drained".to_owned(),
                false => format!("NOT DRAINED: {}", drained.seen),
            }),
            looks,
        })
    }

    /// The figures that a baseline keeps, and `make bench` takes.
    pub fn figures(&self) -> Vec<Figure> {
        let name = &self.workload;
        let mut figures = vec![
            Figure::measured(
                &format!("{name}.answered-per-second"),
                self.answered_per_sec,
                "1/s",
            ),
            Figure::measured(&format!("{name}.answer.p50"), self.latency.p50, "ms"),
            Figure::measured(&format!("{name}.answer.p99"), self.latency.p99, "ms"),
        ];
        let mut add = |id: &str, value: f64, unit: &str| {
            figures.push(Figure::measured(&format!("{name}.{id}"), value, unit));
        };
        if let (Some(rate), Some(secs)) = (self.results_per_sec, self.whole_secs) {
            let pushes = self.counts.get("pushes").copied().unwrap_or(0);
            add("results-per-second", rate, "1/s");
            add("pushes-per-second", pushes as f64 / secs.max(0.001), "1/s");
        }
        if let Some(whole) = self.stages.get("push to result") {
            add("push-to-result.p50", whole.p50, "ms");
            add("push-to-result.p95", whole.p95, "ms");
            add("push-to-result.p99", whole.p99, "ms");
        }
        if !self.cpu_ms_per_push.is_empty() {
            let all = self
                .cpu_ms_per_push
                .iter()
                .filter(|(process, _)| *process != DRIVER);
            add("cpu-per-push", all.map(|(_, cost)| cost).sum(), "ms");
        }
        let services = self.memory_mib_max.iter();
        let services = services.filter(|(process, _)| !SERVERS.contains(&process.as_str()));
        if let Some(most) = services.map(|(_, memory)| *memory).reduce(f64::max) {
            add("memory.service-max", most, "MiB");
        }
        for (id, kind) in [("lost", "lost"), ("doubled", "doubled")] {
            if let Some(count) = self.verdict.as_ref().and_then(|said| said[kind].as_f64()) {
                add(id, count, "deliveries");
            }
        }
        add("stolen", self.stolen_percent, "%");
        add("memory-load", self.load_ns, "ns");
        if let Some(best) = self.ramp.iter().rfind(|step| step.holds) {
            add("held-per-second", best.rate, "1/s");
        }
        figures
    }

    /// Leaves the report in a folder, for programs and for people.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).context("make the folder of the reports")?;
        let json = serde_json::to_string_pretty(self).context("write the report")?;
        std::fs::write(folder.join("report.json"), json + "\n").context("write report.json")?;
        std::fs::write(folder.join("report.html"), page::of(self)?).context("write report.html")
    }
}

/// What is no service of ours.
const SERVERS: [&str; 3] = ["nats-server", "postgres", DRIVER];

/// Between the ledger's own times. A push's result is its last one.
fn by_stage(
    stages: &[&Stages],
    moments: &std::collections::HashMap<String, DateTime<Utc>>,
    accept: Percentiles,
) -> Result<BTreeMap<String, Percentiles>> {
    let mut of: BTreeMap<&str, Latencies> = BTreeMap::new();
    let mut ended: BTreeMap<&str, DateTime<Utc>> = BTreeMap::new();
    let mut note = |stage: &'static str, from: DateTime<Utc>, to: DateTime<Utc>| {
        let taken = (to - from).to_std().unwrap_or_default();
        let latencies = match of.entry(stage) {
            std::collections::btree_map::Entry::Occupied(there) => there.into_mut(),
            std::collections::btree_map::Entry::Vacant(empty) => empty.insert(Latencies::new()?),
        };
        latencies.note(std::time::Duration::ZERO, taken)
    };
    for one in stages {
        note("write", one.received, one.written)?;
        let kept = one.preserved.unwrap_or(one.written);
        if let Some(preserved) = one.preserved {
            note("snapshot", one.written, preserved)?;
        }
        note("verify", kept, one.verified)?;
        if let Some(logged) = one.logged {
            note("leaf", one.verified, logged)?;
        }
        let end = ended.entry(&one.forge_id).or_insert(one.verified);
        *end = one.verified.max(*end);
    }
    for (forge_id, end) in &ended {
        if let Some(sent) = moments.get(*forge_id) {
            note("push to result", *sent, *end)?;
        }
    }
    let said = of
        .into_iter()
        .map(|(stage, latencies)| (stage.to_owned(), latencies.all()));
    let mut said: BTreeMap<String, Percentiles> = said.collect();
    said.insert("accept".to_owned(), accept);
    Ok(said)
}

/// What others had of the processors, from the first look to the last, in percent.
fn stolen(looks: &[Look]) -> f64 {
    match (looks.first(), looks.last()) {
        (Some(first), Some(last)) => last.processors.stolen_since(first.processors),
        _ => 0.0,
    }
}

/// Processor milliseconds a push, from the first look to the last.
fn cost(looks: &[Look], pushes: u64) -> BTreeMap<String, f64> {
    let (Some(first), Some(last)) = (looks.first(), looks.last()) else {
        return BTreeMap::new();
    };
    if pushes == 0 {
        return BTreeMap::new();
    }
    let used = last.processes.iter().map(|(name, now)| {
        let before = first.processes.get(name).map_or(0.0, |used| used.cpu_secs);
        (
            name.clone(),
            (now.cpu_secs - before).max(0.0) * 1_000.0 / pushes as f64,
        )
    });
    used.collect()
}

fn memory(looks: &[Look]) -> BTreeMap<String, f64> {
    let mut most = BTreeMap::new();
    for (name, used) in looks.iter().flat_map(|look| &look.processes) {
        let so_far = most.entry(name.clone()).or_insert(0.0_f64);
        *so_far = so_far.max(used.memory_mib);
    }
    most
}

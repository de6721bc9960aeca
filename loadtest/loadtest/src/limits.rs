//! Owns the limits: what this machine can do at most with the same bodies and rows, in the same run
//! as ours, and our share of each.

pub mod broker;
pub mod digests;
pub mod disk;
pub mod drive;
pub mod empty;
pub mod rows;

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use chrono::Utc;
use hyper::Uri;
use process::settings::service::Service;
use tokio::time::Instant;

use crate::cli::Common;
use crate::figures::Figure;
use crate::figures::summary::in_short;
use crate::latency::Percentiles;
use crate::ledger::Ledger;
use crate::limits::broker::Broker;
use crate::limits::digests::Digests;
use crate::machine;
use crate::orders::{Ground, settle};
use crate::pace;
use crate::schedule::Schedule;
use crate::shape::{Bodies, MEASURED};
use crate::traffic::{Shares, Traffic};

/// Who is behind webhook-ingest.
const BEHIND: [Service; 4] = [
    Service::AttemptWriter,
    Service::SnapshotBuilder,
    Service::Verifier,
    Service::Auditor,
];
/// Most deliveries that are made before they are sent, some 10 KiB each.
const PREPARED_MAX: u64 = 20_000;
/// How long the half rate is held, in seconds.
const HALF_RATE_SECS: u64 = 30;
/// How long attempt-writer may take for all that was sent, in seconds.
const WRITE_SECS_MAX: u64 = 900;
/// Between two looks at how far it is, in milliseconds.
const LOOK_MS: u64 = 20;
/// From how much of all on receipts are counted exactly: the statistics are up to a second behind.
const COUNTED_FROM_PERCENT: u64 = 70;

/// Measures, and prints ours as a share of each limit.
///
/// # Errors
/// A house that does not get ready, or a measurement that cannot be made.
pub async fn limits(count: u64, common: &Common) -> Result<u8> {
    if common.elsewhere.url.is_some() {
        bail!("limits are those of this machine: leave --url out");
    }
    let common = Common {
        bodies: Bodies::Fixed(MEASURED),
        ..common.clone()
    };
    let mut ground = Ground::lay(&common).await?;
    let traffic = Traffic {
        shares: Shares::default(),
        ..ground.traffic(&common)
    };
    let say = |what: &str| {
        if !common.quiet {
            eprintln!("measuring {what}");
        }
    };
    let bodies: Vec<Bytes> = (0..count.min(10_000))
        .map(|number| traffic.delivery(number).signed.body)
        .collect();
    say("SHA-256 and HMAC");
    let digests = digests::measure(&bodies);
    say("the broker alone");
    let broker = broker::measure(&bodies).await?;
    say("the disk alone");
    let disk = disk_alone().await?;
    let load_ns = pace::load_ns();
    say("an empty HTTP handler");
    let count = count.min(PREPARED_MAX);
    let empty = empty::measure(count, common.connections, &traffic).await?;

    let house = ground.house.as_mut().expect("a house of ours was started");
    for service in BEHIND {
        house.stop(service).await?;
    }
    say("webhook-ingest, with nobody behind it");
    let url: Uri = ground.target.url.parse().context("read our own URL")?;
    let requests = drive::prepare(&url, count, &traffic);
    let accepted = drive::all_at_once(&url, requests, common.connections).await?;
    say("attempt-writer, with nobody behind it");
    house.start_again(Service::AttemptWriter).await?;
    let ledger = ground
        .target
        .ledger
        .clone()
        .expect("a house of ours has a ledger");
    let written = written(&Ledger::connect(&ledger).await?, count).await?;
    house.stop(Service::AttemptWriter).await?;
    say("webhook-ingest at half the rate");
    let half = at_half_undisturbed(&url, &traffic, accepted, (common.tries, say)).await?;
    say("UNNEST of the same rows");
    let unnest = rows::measure(&house.owner_url()).await?;

    let figures = Measured {
        digests,
        broker,
        disk,
        load_ns,
        empty,
        accepted,
        half,
        written,
        unnest,
    }
    .figures();
    for figure in &figures {
        let value = figure.value.map_or_else(|| "-".to_owned(), in_short);
        println!("{:<34}{value:>12} {}", figure.id, figure.unit);
    }
    settle(&figures, &common)
}

/// What was measured: attempts, deliveries and requests a second, milliseconds and nanoseconds.
struct Measured {
    digests: Digests,
    broker: Broker,
    disk: Percentiles,
    load_ns: f64,
    empty: f64,
    accepted: f64,
    half: AtHalf,
    written: f64,
    unnest: f64,
}

impl Measured {
    fn figures(&self) -> [Figure; 23] {
        let Self {
            digests,
            broker,
            accepted,
            ..
        } = self;
        let mib = accepted * MEASURED.bytes as f64 / 1024.0 / 1024.0;
        let of_batches = accepted / broker.batches;
        let of_hundreds = accepted / broker.hundreds;
        let of_waiting = accepted / broker.waiting;
        let of_singles = accepted / broker.singles;
        [
            ("limit.sha256", digests.sha256, "MiB/s"),
            ("limit.hmac", digests.hmac, "MiB/s"),
            ("limit.jetstream-batches", broker.batches, "1/s"),
            ("limit.jetstream-batches-of-100", broker.hundreds, "1/s"),
            ("limit.jetstream-64-waiting", broker.waiting, "1/s"),
            ("limit.jetstream-singles", broker.singles, "1/s"),
            ("limit.disk-p99", self.disk.p99, "ms"),
            ("limit.disk-max", self.disk.max, "ms"),
            ("limit.memory-load", self.load_ns, "ns"),
            ("limit.empty-handler", self.empty, "1/s"),
            ("limit.unnest-attempts", self.unnest, "1/s"),
            ("ingest.deliveries-per-second", *accepted, "1/s"),
            ("ingest.share-of-jetstream", of_batches, "ratio"),
            ("ingest.share-of-batches-of-100", of_hundreds, "ratio"),
            ("ingest.share-of-64-waiting", of_waiting, "ratio"),
            ("ingest.share-of-singles", of_singles, "ratio"),
            (
                "ingest.share-of-empty-handler",
                accepted / self.empty,
                "ratio",
            ),
            ("ingest.share-of-sha256", mib / digests.sha256, "ratio"),
            ("ingest.share-of-hmac", mib / digests.hmac, "ratio"),
            ("ingest.p99-at-half-rate", self.half.p99, "ms"),
            ("half-rate.stolen", self.half.stolen, "%"),
            ("writer.attempts-per-second", self.written, "1/s"),
            (
                "writer.share-of-unnest",
                self.written / self.unnest,
                "ratio",
            ),
        ]
        .map(|(id, value, unit)| Figure::measured(id, value, unit))
    }
}

/// How half the rate that is accepted was held.
#[derive(Clone, Copy, PartialEq, Debug)]
struct AtHalf {
    /// 99 of 100 answers came within these milliseconds.
    p99: f64,
    /// What others had of the processors meanwhile, in percent.
    stolen: f64,
}

async fn at_half_undisturbed(
    url: &Uri,
    traffic: &Traffic,
    accepted: f64,
    (tries, say): (u32, impl Fn(&str)),
) -> Result<AtHalf> {
    for number in 1..tries {
        let half = at_half(url, traffic, accepted, number).await?;
        if !machine::is_disturbed(half.stolen) {
            return Ok(half);
        }
        let AtHalf { p99, stolen } = half;
        say(&format!(
            "it again: others had {stolen:.1} % of the processors, p99 was {p99:.1} ms"
        ));
    }
    at_half(url, traffic, accepted, tries).await
}

async fn at_half(url: &Uri, traffic: &Traffic, accepted: f64, number: u32) -> Result<AtHalf> {
    let half = Schedule::Steady {
        rate: accepted / 2.0,
        lasts: Duration::from_secs(HALF_RATE_SECS),
    };
    let before = machine::processors();
    let latencies = drive::at_rate(url, traffic, half, &format!("rate-{number}")).await?;
    Ok(AtHalf {
        // The first second has connections to make.
        p99: latencies.within(1..HALF_RATE_SECS)?.p99,
        stolen: machine::processors().stolen_since(before),
    })
}

/// What somebody waits for the disk, for as long as the half rate is held.
async fn disk_alone() -> Result<Percentiles> {
    let measuring = tokio::task::spawn_blocking(|| {
        let folder = tempfile::tempdir().context("make a folder")?;
        disk::measure(folder.path(), Duration::from_secs(HALF_RATE_SECS))
    });
    measuring.await.context("measure the disk")?
}

/// Attempts a second that attempt-writer writes, from its first transaction to its last. Counting takes
/// time from what is counted: until little is left, Postgres's own statistics say enough.
async fn written(ledger: &Ledger, deliveries: u64) -> Result<f64> {
    let until = Instant::now() + Duration::from_secs(WRITE_SECS_MAX);
    loop {
        let seen = ledger.progress().await?.receipts;
        let is_near = seen >= deliveries * COUNTED_FROM_PERCENT / 100;
        if is_near && ledger.receipts().await? >= deliveries {
            let ended = Utc::now();
            let written = ledger.written().await?;
            let lasted = written.first.map(|first| ended - first).unwrap_or_default();
            return Ok(written.attempts as f64 / lasted.as_seconds_f64().max(0.001));
        }
        if Instant::now() > until {
            bail!("some {seen} of {deliveries} deliveries are written");
        }
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
}

//! Owns the limits: what this machine can do at most with the same bodies and rows, in the same run
//! as ours, and our share of each.

pub mod broker;
pub mod digests;
pub mod empty;
pub mod rows;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use bytes::Bytes;
use chrono::Utc;
use process::settings::service::Service;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use witness::account::Account;

use crate::cli::Common;
use crate::figures::Figure;
use crate::figures::summary::in_short;
use crate::http::Poster;
use crate::ledger::Ledger;
use crate::limits::broker::Broker;
use crate::limits::digests::Digests;
use crate::orders::{Ground, settle};
use crate::schedule::Schedule;
use crate::sender::Sender;
use crate::shape::{Bodies, Shape};
use crate::traffic::{Delivery, Shares, Traffic};

/// What is sent: 8 KiB, 3 commits.
const SHAPE: Shape = Shape {
    bytes: 8 * 1024,
    commits: 3,
};
/// Who is behind webhook-ingest.
const BEHIND: [Service; 4] = [
    Service::AttemptWriter,
    Service::SnapshotBuilder,
    Service::Verifier,
    Service::Auditor,
];
/// How long the half rate is held, in seconds.
const HALF_RATE_SECS: u64 = 10;
/// How long attempt-writer may take for all that was sent, in seconds.
const WRITE_SECS_MAX: u64 = 900;
/// Between two looks at how far it is, in milliseconds.
const LOOK_MS: u64 = 20;

/// Measures, and prints ours as a share of each limit.
///
/// # Errors
/// A house that does not get ready, or a measurement that cannot be made.
pub async fn limits(count: u64, common: &Common) -> Result<u8> {
    if common.elsewhere.url.is_some() {
        bail!("limits are those of this machine: leave --url out");
    }
    let common = Common {
        bodies: Bodies::Fixed(SHAPE),
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
    say("an empty HTTP handler");
    let empty = empty::measure(count, common.connections, &traffic).await?;

    let house = ground.house.as_mut().expect("a house of ours was started");
    for service in BEHIND {
        house.stop(service).await?;
    }
    say("webhook-ingest, with nobody behind it");
    std::fs::create_dir_all(&common.out)?;
    let account = Account::begin(&common.out.join("sent.jsonl"));
    let sender = Arc::new(Sender::new(account, &ground.target.url)?);
    let accepted = accept(&sender, count, common.connections, &traffic).await;
    say("the same at half the rate");
    let p99 = at_half(&sender, accepted / 2.0, count, &traffic).await?;
    say("attempt-writer, with nobody behind it");
    let pushes = sender
        .counts
        .pushes
        .load(std::sync::atomic::Ordering::Relaxed);
    house.start_again(Service::AttemptWriter).await?;
    let ledger = ground
        .target
        .ledger
        .clone()
        .expect("a house of ours has a ledger");
    let written = written(&Ledger::connect(&ledger).await?, pushes).await?;
    house.stop(Service::AttemptWriter).await?;
    say("UNNEST of the same rows");
    let unnest = rows::measure(&house.owner_url()).await?;

    let figures = Measured {
        digests,
        broker,
        empty,
        accepted,
        p99,
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

/// What was measured: attempts, deliveries and requests a second, and milliseconds.
struct Measured {
    digests: Digests,
    broker: Broker,
    empty: f64,
    accepted: f64,
    p99: f64,
    written: f64,
    unnest: f64,
}

impl Measured {
    fn figures(&self) -> [Figure; 15] {
        let Self {
            digests,
            broker,
            accepted,
            ..
        } = self;
        let mib = accepted * SHAPE.bytes as f64 / 1024.0 / 1024.0;
        let of_batches = accepted / broker.batches;
        let of_singles = accepted / broker.singles;
        [
            ("limit.sha256", digests.sha256, "MiB/s"),
            ("limit.hmac", digests.hmac, "MiB/s"),
            ("limit.jetstream-batches", broker.batches, "1/s"),
            ("limit.jetstream-singles", broker.singles, "1/s"),
            ("limit.empty-handler", self.empty, "1/s"),
            ("limit.unnest-attempts", self.unnest, "1/s"),
            ("ingest.deliveries-per-second", *accepted, "1/s"),
            ("ingest.share-of-jetstream", of_batches, "ratio"),
            ("ingest.share-of-singles", of_singles, "ratio"),
            (
                "ingest.share-of-empty-handler",
                accepted / self.empty,
                "ratio",
            ),
            ("ingest.share-of-sha256", mib / digests.sha256, "ratio"),
            ("ingest.share-of-hmac", mib / digests.hmac, "ratio"),
            ("ingest.p99-at-half-rate", self.p99, "ms"),
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

/// Deliveries a second that are accepted, over few connections.
async fn accept(sender: &Arc<Sender>, count: u64, connections: usize, traffic: &Traffic) -> f64 {
    let began = Instant::now();
    let make = |number| traffic.delivery(number);
    let never = CancellationToken::new();
    let schedule = Schedule::AtOnce { count };
    sender
        .send_all(&schedule, (0, connections), make, &never)
        .await;
    count as f64 / began.elapsed().as_secs_f64()
}

/// What 99 of 100 answers take at a rate, in milliseconds.
async fn at_half(sender: &Arc<Sender>, rate: f64, first: u64, traffic: &Traffic) -> Result<f64> {
    let begins = sender.elapsed().as_secs() + 1;
    let schedule = Schedule::Steady {
        rate,
        lasts: Duration::from_secs(HALF_RATE_SECS),
    };
    let make = |number| -> Delivery { traffic.delivery(number) };
    let never = CancellationToken::new();
    sender.send_all(&schedule, (first, 1), make, &never).await;
    // The first second has connections to make.
    let judged = begins + 1..begins + HALF_RATE_SECS;
    Ok(sender.latencies().within(judged)?.p99)
}

/// Attempts a second that attempt-writer writes, from its first transaction to its last.
async fn written(ledger: &Ledger, deliveries: u64) -> Result<f64> {
    let until = Instant::now() + Duration::from_secs(WRITE_SECS_MAX);
    loop {
        let written = ledger.written().await?;
        if written.receipts >= deliveries {
            let lasted = written.first.map(|first| Utc::now() - first);
            let lasted = lasted.unwrap_or_default().as_seconds_f64();
            return Ok(written.attempts as f64 / lasted.max(0.001));
        }
        if Instant::now() > until {
            bail!(
                "{} of {deliveries} deliveries are written",
                written.receipts
            );
        }
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
}

/// Requests a second that a place answers, whatever it answers.
async fn answered(url: &str, count: u64, connections: usize, traffic: &Traffic) -> Result<f64> {
    let poster = Poster::new(url)?;
    let room = Arc::new(tokio::sync::Semaphore::new(connections));
    let mut posting = tokio::task::JoinSet::new();
    let began = Instant::now();
    for number in 0..count {
        let signed = traffic.delivery(number).signed;
        let permit = Arc::clone(&room).acquire_owned().await?;
        let poster = poster.clone();
        posting.spawn(async move {
            let answered = poster.post(signed).await;
            drop(permit);
            matches!(answered, witness::account::Answered::With(202, _))
        });
        while posting.try_join_next().is_some() {}
    }
    while posting.join_next().await.is_some() {}
    Ok(count as f64 / began.elapsed().as_secs_f64())
}

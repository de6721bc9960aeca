//! Owns the look at a ledger that has grown: the same rates with it as without.

mod multiply;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, Utc};
use hyper::Uri;
use process::settings::service::Service;
use tokio::time::Instant;
use tokio_postgres::{Client, NoTls};
use witness::programs::Programs;

use crate::cli::Common;
use crate::figures::Figure;
use crate::figures::summary::in_short;
use crate::growth::multiply::{Done, multiply};
use crate::house::House;
use crate::ledger::Ledger;
use crate::limits::drive::all_at_once;
use crate::machine::memory_mib;
use crate::orders::{Ground, settle};
use crate::shape::{Bodies, Shape};
use crate::traffic::{Shares, Traffic};
use crate::wire::Request;

/// What is sent: 8 KiB, 3 commits.
const SHAPE: Shape = Shape {
    bytes: 8 * 1024,
    commits: 3,
};
/// Who is behind attempt-writer.
const BEHIND: [Service; 3] = [
    Service::SnapshotBuilder,
    Service::Verifier,
    Service::Auditor,
];
/// How long a part of the measurement may take, in seconds.
const PART_SECS_MAX: u64 = 1_800;
/// Between two looks at how far it is, in milliseconds.
const LOOK_MS: u64 = 100;
/// A table from so many rows on must not be read from its begin to its end.
const LARGE_ROWS: i64 = 10_000;
/// How large Postgres may become for each attempt, in bytes, with its log: what is said beforehand.
const BYTES_PER_ATTEMPT: u64 = 6 * 1024;
/// The settings that are told of.
const SETTINGS: &str = "SELECT string_agg(name || ' = ' || current_setting(name), ', ' ORDER BY name) \
    FROM pg_settings WHERE name IN ('shared_buffers', 'max_wal_size', 'synchronous_commit', 'fsync', \
    'full_page_writes', 'wal_compression', 'work_mem', 'server_version')";
/// How often large tables were read from their begin to their end.
const SCANS: &str = "SELECT relname::text, seq_scan::int8 FROM pg_stat_user_tables \
    WHERE n_live_tup > $1 AND schemaname IN ('public', 'privacy')";
/// From when to when receipts were written, and until when results, in microseconds since 1970.
const RECEIPTS: &str = "SELECT (extract(epoch FROM min(recorded_at)) * 1000000)::int8, \
    (extract(epoch FROM max(recorded_at)) * 1000000)::int8 FROM delivery_receipt \
    WHERE recorded_at BETWEEN to_timestamp($1::int8 / 1000000.0) AND to_timestamp($2::int8 / 1000000.0)";
const RESULTS: &str = "SELECT (extract(epoch FROM max(recorded_at)) * 1000000)::int8 \
    FROM verification_attempt WHERE recorded_at >= to_timestamp($1::int8 / 1000000.0)";

/// Rates of one ledger.
#[derive(Clone, Copy, Debug)]
struct Rates {
    /// Attempts a second that attempt-writer writes.
    writer: f64,
    /// Results a second, from the first send to the last of them.
    pipeline: f64,
}

/// When the parts of a measurement began.
#[derive(Clone, Copy, Debug)]
struct Begins {
    writer: DateTime<Utc>,
    pipeline: DateTime<Utc>,
}

/// Measures with an empty ledger and with one of so many attempts, by so many deliveries each, with these
/// settings of Postgres.
///
/// # Errors
/// A house that does not get ready, or what Postgres says.
pub async fn growth(
    attempts: u64,
    count: u64,
    postgres: Vec<String>,
    common: &Common,
) -> Result<u8> {
    if common.elsewhere.url.is_some() {
        bail!("nobody else's ledger is filled with copies: leave --url out");
    }
    let common = Common {
        bodies: Bodies::Fixed(SHAPE),
        ..common.clone()
    };
    println!(
        "a ledger of {attempts} attempts takes up to {} GiB in {}, until the end",
        attempts * BYTES_PER_ATTEMPT / 1024 / 1024 / 1024 + 1,
        std::env::temp_dir().display()
    );
    let settings = match postgres.is_empty() {
        true => tuning(memory_mib()?),
        false => postgres,
    };
    let house = House::tuned(Programs::find()?, settings).await?;
    let mut ground = Ground::with(house).await?;
    let traffic = Traffic {
        shares: Shares::default(),
        ..ground.traffic(&common)
    };
    let url: Uri = ground.target.url.parse().context("read our own URL")?;
    let house = ground.house.as_mut().expect("a house of ours was started");
    let owner = connect(&house.owner_url()).await?;
    let settings: String = owner.query_one(SETTINGS, &[]).await?.get(0);
    println!("Postgres: {settings}");
    let ledger = Ledger::connect(&house.owner_url()).await?;
    let mut bench = Bench {
        url,
        traffic,
        count,
        connections: common.connections,
        sent: 0,
    };
    let begins = bench.measure(house, &ledger).await?;
    let empty = rates(&owner, begins, count).await?;
    let there = ledger.written().await?.attempts.max(1);
    let copies = attempts.div_ceil(there);
    fill(house, &owner, (there, copies), common.quiet).await?;
    let before = scans(&owner).await?;
    let begins = bench.measure(house, &ledger).await?;
    let after = scans(&owner).await?;
    let grown = rates(&owner, begins, count).await?;
    let read: Vec<String> = after
        .iter()
        .filter(|(table, scans)| before.get(*table).is_none_or(|before| before < scans))
        .map(|(table, _)| table.clone())
        .collect();
    say(empty, grown, &read);
    let figures = [
        Figure::measured("growth.writer-share", grown.writer / empty.writer, "ratio"),
        Figure::measured(
            "growth.pipeline-share",
            grown.pipeline / empty.pipeline,
            "ratio",
        ),
        Figure::measured("growth.queries-without-index", read.len() as f64, "queries"),
        Figure::measured("growth.attempts", (there * (copies + 1)) as f64, "attempts"),
    ];
    settle(&figures, &common)
}

/// Settings for a server that has a machine of so much memory for itself, in MiB. Where an index is large,
/// nearly every entry is the first on its page since the last checkpoint, and has the page logged whole:
/// checkpoints are to be rare, and those pages small.
fn tuning(memory_mib: u64) -> Vec<String> {
    vec![
        format!("shared_buffers={}MB", memory_mib / 4),
        "max_wal_size=8GB".to_owned(),
        "wal_compression=lz4".to_owned(),
    ]
}

/// Fills the ledger with copies of the attempts that are there, and says what that took.
async fn fill(
    house: &mut House,
    owner: &Client,
    (there, copies): (u64, u64),
    is_quiet: bool,
) -> Result<()> {
    let began = Instant::now();
    // Whoever reads the ledger now and then would do so without its indexes, and hold them up.
    let is_reader = |service: &Service| *service != Service::WebhookIngest;
    for service in Service::ALL.into_iter().filter(is_reader) {
        house.stop(service).await?;
    }
    multiply(owner, copies, |done| match done {
        _ if is_quiet => {}
        Done::Copies(done) => {
            let (now, last) = (there * (done + 1), there * (copies + 1));
            eprintln!("{now} of {last} attempts are there");
        }
        Done::Indexes(table) => eprintln!("the indexes of {table} are there"),
    })
    .await?;
    for service in Service::ALL.into_iter().filter(is_reader) {
        house.start_again(service).await?;
    }
    let size: i64 = owner
        .query_one("SELECT pg_database_size(current_database())", &[])
        .await?
        .get(0);
    println!(
        "{} attempts were written in {:.0} s, and take {:.1} GiB",
        there * (copies + 1),
        began.elapsed().as_secs_f64(),
        size as f64 / 1024.0 / 1024.0 / 1024.0
    );
    Ok(())
}

fn say(empty: Rates, grown: Rates, read: &[String]) {
    for (name, rates) in [("empty", empty), ("grown", grown)] {
        println!(
            "{name}: {} attempts/s written, {} results/s",
            in_short(rates.writer),
            in_short(rates.pipeline)
        );
    }
    match read {
        [] => println!("no large table was read from its begin to its end"),
        tables => println!("read from begin to end: {}", tables.join(", ")),
    }
}

/// What is sent in a measurement.
struct Bench {
    url: Uri,
    traffic: Traffic,
    count: u64,
    connections: usize,
    sent: u64,
}

impl Bench {
    /// Sends to attempt-writer alone, and then to everybody.
    async fn measure(&mut self, house: &mut House, ledger: &Ledger) -> Result<Begins> {
        let results = |times: u64| times * self.count * SHAPE.commits as u64;
        let (one, two) = (results(1), results(2));
        let before = ledger.progress().await?;
        for service in BEHIND {
            house.stop(service).await?;
        }
        house.stop(Service::AttemptWriter).await?;
        self.send().await?;
        let writer = Utc::now();
        house.start_again(Service::AttemptWriter).await?;
        until(ledger, before.receipts + self.count, |seen| seen.receipts).await?;
        for service in BEHIND {
            house.start_again(service).await?;
        }
        until(ledger, before.results + one, |seen| seen.results).await?;
        let pipeline = Utc::now();
        self.send().await?;
        until(ledger, before.results + two, |seen| seen.results).await?;
        Ok(Begins { writer, pipeline })
    }

    async fn send(&mut self) -> Result<()> {
        let numbers = self.sent..self.sent + self.count;
        self.sent += self.count;
        let made = numbers.map(|number| self.traffic.delivery(number).signed);
        let requests = made
            .map(|signed| Request::new(&self.url, &signed, None))
            .collect();
        all_at_once(&self.url, requests, self.connections).await?;
        Ok(())
    }
}

/// Waits by Postgres's own statistics, which cost nothing.
async fn until(
    ledger: &Ledger,
    wanted: u64,
    of: impl Fn(crate::ledger::Progress) -> u64,
) -> Result<()> {
    let last = Instant::now() + Duration::from_secs(PART_SECS_MAX);
    loop {
        let seen = of(ledger.progress().await?);
        if seen >= wanted {
            return Ok(());
        }
        if Instant::now() > last {
            bail!("{seen} of {wanted} rows are written");
        }
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
}

async fn rates(owner: &Client, begins: Begins, count: u64) -> Result<Rates> {
    let attempts = (count * SHAPE.commits as u64) as f64;
    let (alone, all) = (
        begins.writer.timestamp_micros(),
        begins.pipeline.timestamp_micros(),
    );
    let written = owner.query_one(RECEIPTS, &[&alone, &all]).await?;
    let verified = owner.query_one(RESULTS, &[&all]).await?;
    let secs = |from: Option<i64>, to: Option<i64>| {
        let both = from.zip(to).context("nothing was written")?;
        anyhow::Ok(((both.1 - both.0) as f64 / 1_000_000.0).max(0.001))
    };
    Ok(Rates {
        writer: attempts / secs(written.get(0), written.get(1))?,
        pipeline: attempts / secs(Some(all), verified.get(0))?,
    })
}

async fn scans(owner: &Client) -> Result<BTreeMap<String, i64>> {
    let rows = owner.query(SCANS, &[&LARGE_ROWS]).await;
    let rows = rows.context("ask what was read")?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

async fn connect(url: &str) -> Result<Client> {
    let connecting = tokio_postgres::connect(url, NoTls).await;
    let (client, connection) = connecting.context("connect to the ledger")?;
    // It ends with the client.
    tokio::spawn(connection);
    Ok(client)
}

//! Owns a house whose rates are taken: what is sent to it, and what its ledger says of when.

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
use crate::house::House;
use crate::ledger::{Ledger, Progress};
use crate::limits::drive::all_at_once;
use crate::machine;
use crate::orders::Ground;
use crate::shape::MEASURED;
use crate::traffic::{Shares, Traffic};
use crate::wire::Request;

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
/// The settings that are told of.
const SETTINGS: &str = "SELECT string_agg(name || ' = ' || current_setting(name), ', ' ORDER BY name) \
    FROM pg_settings WHERE name IN ('shared_buffers', 'max_wal_size', 'checkpoint_timeout', 'fsync', \
    'synchronous_commit', 'full_page_writes', 'wal_compression', 'work_mem', 'server_version')";
/// How often large tables were read from their begin to their end.
const SCANS: &str = "SELECT relname::text, seq_scan::int8 FROM pg_stat_user_tables \
    WHERE n_live_tup > $1 AND schemaname IN ('public', 'privacy')";
/// How many pages were logged whole, each for the first time since a checkpoint.
const FULL_PAGES: &str = "SELECT wal_fpi::int8 FROM pg_stat_wal";
/// Reads all indexes; says how many blocks they have, and how large one is.
const READ: &str = "SELECT sum(pg_prewarm(indexrelid))::int8, current_setting('block_size')::int8 \
    FROM pg_stat_user_indexes";
/// From when to when what was received in a time was written, and until when results, in microseconds since
/// 1970. Both go by an index: what we ask ourselves must not count as a table that was read whole.
const WRITTEN: &str = "SELECT (extract(epoch FROM min(recorded_at)) * 1000000)::int8, \
    (extract(epoch FROM max(recorded_at)) * 1000000)::int8 FROM delivery \
    WHERE received_at BETWEEN to_timestamp($1::int8 / 1000000.0) AND to_timestamp($2::int8 / 1000000.0)";
const RESULTS: &str = "SELECT (extract(epoch FROM max(recorded_at)) * 1000000)::int8 \
    FROM verification_attempt \
    WHERE result = 'unchecked' AND recorded_at >= to_timestamp($1::int8 / 1000000.0)";
/// How late Postgres may count what a connection did that rests since, in seconds, and a little more.
const COUNTED_SECS: u64 = 12;

/// Rates of one ledger.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rates {
    /// Attempts a second that attempt-writer writes.
    pub(super) writer: f64,
    /// Results a second, from the first send to the last of them.
    pub(super) pipeline: f64,
    /// Pages that Postgres logged whole, for each push.
    pub(super) full_pages: f64,
    /// What others had of the machine's processors meanwhile, in percent.
    pub(super) stolen: f64,
}

/// A house and what is sent to it.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) house: House,
    /// The owner's connection to its ledger.
    pub(super) owner: Client,
    pub(super) ledger: Ledger,
    url: Uri,
    traffic: Traffic,
    /// Deliveries of each part of a measurement.
    pub(super) count: u64,
    connections: usize,
    sent: u64,
}

impl Side {
    /// A new house with these settings of Postgres, which is sent so many deliveries twice in each
    /// measurement.
    ///
    /// # Errors
    /// If it does not get ready.
    pub(super) async fn start(settings: Vec<String>, count: u64, common: &Common) -> Result<Self> {
        let house = House::tuned(Programs::find()?, settings).await?;
        let ground = Ground::with(house).await?;
        let traffic = Traffic {
            shares: Shares::default(),
            ..ground.traffic(common)
        };
        let url: Uri = ground.target.url.parse().context("read our own URL")?;
        let house = ground.house.expect("a house of ours was started");
        Ok(Self {
            owner: connect(&house.owner_url()).await?,
            ledger: Ledger::connect(&house.owner_url()).await?,
            house,
            url,
            traffic,
            count,
            connections: common.connections,
            sent: 0,
        })
    }

    /// The settings of its Postgres.
    pub(super) async fn settings(&self) -> Result<String> {
        Ok(self.owner.query_one(SETTINGS, &[]).await?.get(0))
    }

    /// Sends to attempt-writer alone, and then to everybody; gives the rates of both.
    pub(super) async fn measure(&mut self) -> Result<Rates> {
        let results = |times: u64| times * self.count * MEASURED.commits as u64;
        let (one, two) = (results(1), results(2));
        let before = self.ledger.progress().await?;
        let pages = self.full_pages().await?;
        for service in BEHIND {
            self.house.stop(service).await?;
        }
        self.house.stop(Service::AttemptWriter).await?;
        let (begins, machine) = (Utc::now(), machine::processors());
        self.send().await?;
        let writer = Utc::now();
        self.house.start_again(Service::AttemptWriter).await?;
        let receipts = before.receipts + self.count;
        self.until(receipts, |seen| seen.receipts).await?;
        for service in BEHIND {
            self.house.start_again(service).await?;
        }
        self.until(before.results + one, |seen| seen.results)
            .await?;
        let pipeline = Utc::now();
        self.send().await?;
        self.until(before.results + two, |seen| seen.results)
            .await?;
        let stolen = machine::processors().stolen_since(machine);
        let pages = self.full_pages().await? - pages;
        let rates = self.rates((begins, writer), pipeline).await?;
        Ok(Rates {
            full_pages: pages as f64 / (2 * self.count) as f64,
            stolen,
            ..rates
        })
    }

    async fn full_pages(&self) -> Result<i64> {
        Ok(self.owner.query_one(FULL_PAGES, &[]).await?.get(0))
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

    /// Waits by Postgres's own statistics, which cost nothing.
    async fn until(&self, wanted: u64, of: impl Fn(Progress) -> u64) -> Result<()> {
        let last = Instant::now() + Duration::from_secs(PART_SECS_MAX);
        loop {
            let seen = of(self.ledger.progress().await?);
            if seen >= wanted {
                return Ok(());
            }
            if Instant::now() > last {
                bail!("{seen} of {wanted} rows are written");
            }
            tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
        }
    }

    /// The rates of what was received in a time and then written, and of what was sent since `all`.
    async fn rates(
        &self,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        all: DateTime<Utc>,
    ) -> Result<Rates> {
        let attempts = (self.count * MEASURED.commits as u64) as f64;
        let (from, to) = (from.timestamp_micros(), to.timestamp_micros());
        let all = all.timestamp_micros();
        let written = self.owner.query_one(WRITTEN, &[&from, &to]).await?;
        let verified = self.owner.query_one(RESULTS, &[&all]).await?;
        let secs = |from: Option<i64>, to: Option<i64>| {
            let both = from.zip(to).context("nothing was written")?;
            anyhow::Ok(((both.1 - both.0) as f64 / 1_000_000.0).max(0.001))
        };
        Ok(Rates {
            writer: attempts / secs(written.get(0), written.get(1))?,
            pipeline: attempts / secs(Some(all), verified.get(0))?,
            ..Rates::default()
        })
    }

    /// How often each large table was read from its begin to its end, by all that was done before.
    pub(super) async fn scans(&self) -> Result<BTreeMap<String, i64>> {
        tokio::time::sleep(Duration::from_secs(COUNTED_SECS)).await;
        let rows = self.owner.query(SCANS, &[&LARGE_ROWS]).await;
        let rows = rows.context("ask what was read")?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// Makes the extension by which [`Self::read_indexes`] reads.
    ///
    /// # Errors
    /// A Postgres that has come without it.
    pub(super) async fn prepare_to_read(&self) -> Result<()> {
        let made = self
            .owner
            .batch_execute("CREATE EXTENSION pg_prewarm")
            .await;
        made.context(
            "have Postgres read indexes: its extension pg_prewarm comes with most packages of it",
        )
    }

    /// Has Postgres read all indexes once, so that they lie in its memory, as far as that goes, as those do
    /// that each push had a part in. Gives their size in bytes.
    ///
    /// # Errors
    /// What Postgres says.
    pub(super) async fn read_indexes(&self) -> Result<u64> {
        let read = self.owner.query_one(READ, &[]).await;
        let read = read.context("have the indexes read")?;
        let gone = self.owner.batch_execute("DROP EXTENSION pg_prewarm").await;
        gone.context("leave the ledger as it was")?;
        let (blocks, bytes): (i64, i64) = (read.get(0), read.get(1));
        Ok((blocks * bytes).unsigned_abs())
    }
}

async fn connect(url: &str) -> Result<Client> {
    let connecting = tokio_postgres::connect(url, NoTls).await;
    let (client, connection) = connecting.context("connect to the ledger")?;
    // It ends with the client.
    tokio::spawn(connection);
    Ok(client)
}

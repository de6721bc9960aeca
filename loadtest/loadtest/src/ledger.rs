//! Owns what is asked of the ledger: how far it is, and when what was written. As a role that may
//! only read; the counts of a running house come from Postgres's own statistics, which cost nothing.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls, Statement};

/// How far the ledger is, roughly: the statistics are up to a second behind.
const PROGRESS: &str = "SELECT relname::text, n_tup_ins::int8 FROM pg_stat_user_tables \
    WHERE relname IN ('delivery_receipt', 'verification_attempt', 'ledger_leaf')";
/// What waits. Looked at when nothing seems to wait any more. Without a join: where nothing was analysed
/// yet, it would be planned as if the tables were empty, and take minutes.
const WAITING: &str = "SELECT \
    (SELECT count(*) FROM verification_request) - \
    (SELECT count(DISTINCT request_id) FROM verification_attempt WHERE retry_at IS NULL), \
    (SELECT count(*) FROM ledger_pending), \
    (SELECT count(*) FROM delivery_receipt)";
/// What attempt-writer has written, and when it began.
const WRITTEN: &str = "SELECT (SELECT count(*) FROM delivery_receipt), \
    (SELECT count(*) FROM lab_attempt), \
    (SELECT (extract(epoch FROM min(recorded_at)) * 1000000)::int8 FROM delivery_receipt)";
/// When the result of one delivery was written.
const VERIFIED: &str = "SELECT (extract(epoch FROM tried.recorded_at) * 1000000)::int8 \
    FROM delivery_receipt AS receipt \
    JOIN push ON push.delivery_id = receipt.delivery_id \
    JOIN lab_attempt AS attempt ON attempt.push_id = push.id \
    JOIN verification_request AS request ON request.lab_attempt_id = attempt.id \
    JOIN verification_attempt AS tried ON tried.request_id = request.id \
    WHERE receipt.forge_delivery = $1";
/// Every receipt.
const RECEIPTS: &str = "SELECT count(*) FROM delivery_receipt";
/// Every try's result.
const RESULTS: &str = "SELECT count(*) FROM verification_attempt";
/// When what was written, for each result.
const STAGES: &str = include_str!("stages.sql");

/// A connection to the ledger.
#[derive(Debug)]
pub struct Ledger {
    client: Client,
    /// [`VERIFIED`], planned once: who waits for a result asks every few milliseconds, beside what is
    /// measured.
    verified: OnceCell<Statement>,
}

/// How far the ledger is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Receipts.
    pub receipts: u64,
    /// Results.
    pub results: u64,
    /// Leaves.
    pub leaves: u64,
}

/// What waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// Requests without a result.
    pub requests: u64,
    /// Audit entries without a leaf.
    pub entries: u64,
    /// Receipts that are there.
    pub receipts: u64,
}

/// What attempt-writer has written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// Receipts.
    pub receipts: u64,
    /// Attempts.
    pub attempts: u64,
    /// When the first of them was begun.
    pub first: Option<DateTime<Utc>>,
}

/// When what became of one result was written, by the services' own clocks.
#[derive(Clone, PartialEq, Debug)]
pub struct Stages {
    /// The forge's id of its delivery.
    pub forge_id: String,
    /// When webhook-ingest had it.
    pub received: DateTime<Utc>,
    /// When attempt-writer wrote it.
    pub written: DateTime<Utc>,
    /// When its tree was kept, if one was.
    pub preserved: Option<DateTime<Utc>>,
    /// When the verifier wrote its result.
    pub verified: DateTime<Utc>,
    /// When the auditor gave it its leaf.
    pub logged: Option<DateTime<Utc>>,
}

impl Ledger {
    /// Connects.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn connect(url: &str) -> Result<Self> {
        let connecting = tokio_postgres::connect(url, NoTls).await;
        let (client, connection) = connecting.context("connect to the ledger")?;
        // It ends with the client.
        tokio::spawn(connection);
        let verified = OnceCell::new();
        Ok(Self { client, verified })
    }

    /// How many results there are, exactly: statistics are a second behind, and a killed Postgres
    /// forgets them.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn results(&self) -> Result<u64> {
        self.count(RESULTS).await.context("count the results")
    }

    /// How many receipts there are, exactly: it reads them all.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn receipts(&self) -> Result<u64> {
        self.count(RECEIPTS).await.context("count the receipts")
    }

    async fn count(&self, query: &str) -> Result<u64> {
        let row = self.client.query_one(query, &[]).await?;
        Ok(row.get::<_, i64>(0).unsigned_abs())
    }

    /// How far it is.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn progress(&self) -> Result<Progress> {
        let rows = self
            .client
            .query(PROGRESS, &[])
            .await
            .context("ask for the progress")?;
        let counts: HashMap<String, i64> =
            rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let count = |name: &str| counts.get(name).map_or(0, |count| count.unsigned_abs());
        Ok(Progress {
            receipts: count("delivery_receipt"),
            results: count("verification_attempt"),
            leaves: count("ledger_leaf"),
        })
    }

    /// What waits.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn waiting(&self) -> Result<Waiting> {
        let row = self
            .client
            .query_one(WAITING, &[])
            .await
            .context("ask what waits")?;
        let count = |place: usize| row.get::<_, i64>(place).unsigned_abs();
        Ok(Waiting {
            requests: count(0),
            entries: count(1),
            receipts: count(2),
        })
    }

    /// What attempt-writer has written, counted.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn written(&self) -> Result<Written> {
        let row = self
            .client
            .query_one(WRITTEN, &[])
            .await
            .context("count what is written")?;
        Ok(Written {
            receipts: row.get::<_, i64>(0).unsigned_abs(),
            attempts: row.get::<_, i64>(1).unsigned_abs(),
            first: row
                .get::<_, Option<i64>>(2)
                .and_then(DateTime::from_timestamp_micros),
        })
    }

    /// When the result of one delivery was written, if it was.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn verified(&self, forge_id: &str) -> Result<Option<DateTime<Utc>>> {
        let prepare = || self.client.prepare(VERIFIED);
        let statement = self.verified.get_or_try_init(prepare).await;
        let statement = statement.context("prepare to ask for a result")?;
        let rows = self.client.query(statement, &[&forge_id]).await;
        let rows = rows.context("ask for a result")?;
        let micros = rows.first().map(|row| row.get::<_, i64>(0));
        Ok(micros.and_then(DateTime::from_timestamp_micros))
    }

    /// When what was written, for each result so far.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn stages(&self) -> Result<Vec<Stages>> {
        // Each table is read once. Where nothing was analysed yet, the planner takes the tables for
        // nearly empty, and would read one of them for each row of another, for minutes.
        let once = self.client.batch_execute("SET enable_nestloop = off");
        once.await.context("ask for the stages")?;
        let rows = self.client.query(STAGES, &[]).await;
        let rows = rows.context("ask for the stages")?;
        let again = self.client.batch_execute("RESET enable_nestloop");
        again.await.context("ask for the stages")?;
        let moment = |micros: i64| DateTime::from_timestamp_micros(micros).unwrap_or_default();
        let read = |row: &tokio_postgres::Row| Stages {
            forge_id: row.get(0),
            received: moment(row.get(1)),
            written: moment(row.get(2)),
            preserved: row.get::<_, Option<i64>>(3).map(moment),
            verified: moment(row.get(4)),
            logged: row.get::<_, Option<i64>>(5).map(moment),
        };
        Ok(rows.iter().map(read).collect())
    }
}

//! Owns the look at the ledger's tables: plain SQL of its own, in one read-only transaction, as a
//! role that may only read.

use anyhow::{Context as _, Result};
use tokio_postgres::{IsolationLevel, NoTls, Row, Transaction};

/// A delivery id ever seen.
#[derive(Debug)]
pub(crate) struct Receipt {
    pub(crate) delivery: String,
    pub(crate) source: String,
    pub(crate) forge_delivery: String,
    pub(crate) digest: String,
}

/// A delivery.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) id: String,
    pub(crate) digest: String,
    pub(crate) event: String,
    /// Entries of the audit log that say that it was recorded.
    pub(crate) entries: i64,
}

/// Another body under an id.
#[derive(Debug)]
pub(crate) struct Conflict {
    pub(crate) delivery: String,
    pub(crate) digest: String,
}

/// What a body said of one ref.
#[derive(Debug)]
pub(crate) struct Push {
    pub(crate) delivery: String,
    pub(crate) digest: String,
    pub(crate) repository: String,
    pub(crate) ref_name: String,
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
}

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) lab: String,
    pub(crate) repository: String,
    pub(crate) generation: i32,
    pub(crate) starting: Option<String>,
}

/// A commit pushed in a session.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) id: String,
    pub(crate) session: String,
    pub(crate) commit: String,
}

/// A reason to verify an attempt.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: String,
    pub(crate) cause: String,
    pub(crate) attempt: String,
    pub(crate) lab_version: String,
}

/// One try of a request.
#[derive(Debug)]
pub(crate) struct Tried {
    pub(crate) request: String,
    pub(crate) number: i32,
    pub(crate) result: String,
    pub(crate) comes_again: bool,
}

/// A dead letter, or what became of it.
#[derive(Debug)]
pub(crate) struct Dead {
    pub(crate) message_id: String,
    pub(crate) stream: String,
    pub(crate) action: String,
    pub(crate) reason: String,
}

/// The log in numbers.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) leaves: i64,
    pub(crate) last_leaf: i64,
    /// Entries that wait for their leaf.
    pub(crate) pending: i64,
    /// Entries with neither leaf nor place in the queue.
    pub(crate) forgotten: i64,
    /// Entries that say that a delivery came again.
    pub(crate) repeats: i64,
}

/// What the ledger holds.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) conflicts: Vec<Conflict>,
    pub(crate) pushes: Vec<Push>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) requests: Vec<Request>,
    pub(crate) tried: Vec<Tried>,
    pub(crate) dead: Vec<Dead>,
    pub(crate) log: Log,
}

const LOG: &str = "SELECT (SELECT count(*) FROM ledger_leaf), \
    (SELECT coalesce(sum(size), 0)::bigint FROM \
        (SELECT max(leaf_index) + 1 AS size FROM ledger_leaf GROUP BY epoch) AS epochs), \
    (SELECT count(*) FROM ledger_pending), \
    (SELECT count(*) FROM audit_entry AS entry \
     WHERE NOT EXISTS (SELECT FROM ledger_leaf WHERE audit_entry_id = entry.id) \
     AND NOT EXISTS (SELECT FROM ledger_pending WHERE audit_entry_id = entry.id)), \
    (SELECT count(*) FROM audit_entry WHERE action = 'delivery-repeated')";

impl Ledger {
    /// Reads everything, as of one moment.
    pub(crate) async fn read(url: &str) -> Result<Self> {
        let (mut client, connection) = tokio_postgres::connect(url, NoTls)
            .await
            .context("connect to the ledger")?;
        let talking = tokio::spawn(connection);
        let transaction = client
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .read_only(true)
            .start()
            .await
            .context("begin to read")?;
        let ledger = Self::of(&transaction).await?;
        transaction.rollback().await.context("end reading")?;
        talking.abort();
        Ok(ledger)
    }

    async fn of(open: &Transaction<'_>) -> Result<Self> {
        let log = open.query_one(LOG, &[]).await.context("read the log")?;
        Ok(Self {
            receipts: all(open).await?,
            deliveries: all(open).await?,
            conflicts: all(open).await?,
            pushes: all(open).await?,
            sessions: all(open).await?,
            attempts: all(open).await?,
            requests: all(open).await?,
            tried: all(open).await?,
            dead: all(open).await?,
            log: Log {
                leaves: log.get(0),
                last_leaf: log.get(1),
                pending: log.get(2),
                forgotten: log.get(3),
                repeats: log.get(4),
            },
        })
    }
}

async fn all<T: Kept>(open: &Transaction<'_>) -> Result<Vec<T>> {
    let rows = open.query(T::QUERY, &[]).await;
    let rows = rows.with_context(|| format!("run {}", T::QUERY))?;
    Ok(rows.iter().map(T::of).collect())
}

/// What a row of a query says.
trait Kept {
    const QUERY: &'static str;
    fn of(row: &Row) -> Self;
}

impl Kept for Receipt {
    const QUERY: &'static str = "SELECT delivery_id::text, source, forge_delivery, \
        body_digest FROM delivery_receipt";

    fn of(row: &Row) -> Self {
        Self {
            delivery: row.get(0),
            source: row.get(1),
            forge_delivery: row.get(2),
            digest: row.get(3),
        }
    }
}

impl Kept for Delivery {
    const QUERY: &'static str = "SELECT id::text, body_digest, event, \
        (SELECT count(*) FROM audit_entry WHERE action = 'delivery-recorded' \
         AND audit_entry.trace_id = delivery.trace_id \
         AND entry::jsonb ->> 'assay.delivery.id' = delivery.id::text) FROM delivery";

    fn of(row: &Row) -> Self {
        Self {
            id: row.get(0),
            digest: row.get(1),
            event: row.get(2),
            entries: row.get(3),
        }
    }
}

impl Kept for Conflict {
    const QUERY: &'static str = "SELECT delivery_id::text, body_digest \
        FROM delivery_conflict";

    fn of(row: &Row) -> Self {
        Self {
            delivery: row.get(0),
            digest: row.get(1),
        }
    }
}

impl Kept for Push {
    const QUERY: &'static str = "SELECT delivery_id::text, body_digest, repository, ref_name, \
        before_sha, after_sha FROM push";

    fn of(row: &Row) -> Self {
        Self {
            delivery: row.get(0),
            digest: row.get(1),
            repository: row.get(2),
            ref_name: row.get(3),
            before: row.get(4),
            after: row.get(5),
        }
    }
}

impl Kept for Session {
    const QUERY: &'static str = "SELECT id::text, lab_id::text, repository, generation, starting_commit \
        FROM lab_session";

    fn of(row: &Row) -> Self {
        Self {
            id: row.get(0),
            lab: row.get(1),
            repository: row.get(2),
            generation: row.get(3),
            starting: row.get(4),
        }
    }
}

impl Kept for Attempt {
    const QUERY: &'static str =
        "SELECT id::text, lab_session_id::text, commit_sha FROM lab_attempt";

    fn of(row: &Row) -> Self {
        Self {
            id: row.get(0),
            session: row.get(1),
            commit: row.get(2),
        }
    }
}

impl Kept for Request {
    const QUERY: &'static str = "SELECT id::text, cause, lab_attempt_id::text, lab_version_id::text \
        FROM verification_request";

    fn of(row: &Row) -> Self {
        Self {
            id: row.get(0),
            cause: row.get(1),
            attempt: row.get(2),
            lab_version: row.get(3),
        }
    }
}

impl Kept for Tried {
    const QUERY: &'static str = "SELECT request_id::text, try_number, result, retry_at IS NOT NULL \
        FROM verification_attempt ORDER BY request_id, try_number";

    fn of(row: &Row) -> Self {
        Self {
            request: row.get(0),
            number: row.get(1),
            result: row.get(2),
            comes_again: row.get(3),
        }
    }
}

impl Kept for Dead {
    const QUERY: &'static str = "SELECT message_id, stream, action, reason FROM dead_letter";

    fn of(row: &Row) -> Self {
        Self {
            message_id: row.get(0),
            stream: row.get(1),
            action: row.get(2),
            reason: row.get(3),
        }
    }
}

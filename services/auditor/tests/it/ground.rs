//! Owns what these tests stand on: a ledger, keys, auditors that can be killed, and a hand that
//! alters what must not be altered.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use auditor::verify::{Depth, Report, verify};
use contract::audit::{AuditEntry, AuditEvent};
use contract::ids::AuditEntryId;
use contract::time;
use objects::log::LogFile;
use objects::store::Objects;
use process::health::Health;
use process::settings::Settings;
use store::audit_entry::{self, PendingEntry};
use store::pool::Store;
use testkit::house::House;
use testkit::wait;
use tlog::checkpoint::{self, Checkpoint};
use tlog::key::{self, KeyPair, VerifyingKey};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The tables of the log.
const TABLES: [&str; 5] = [
    "audit_entry",
    "ledger_leaf",
    "log_checkpoint",
    "log_epoch",
    "log_head",
];

pub(crate) const ORIGIN: &str = "log.example/lab";

pub(crate) struct Ground {
    pub(crate) house: House,
    pub(crate) keys: KeyPair,
    pub(crate) writer: Store,
    reader: Store,
    next: AtomicU32,
}

/// An auditor that runs in this process. Dropping it kills it: its work ends where it waits.
pub(crate) struct Running {
    pub(crate) health: Health,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Ground {
    pub(crate) async fn start() -> Self {
        Self::in_house(House::with_postgres().await)
    }

    /// With a bus, to which facts are told.
    pub(crate) async fn with_bus() -> Self {
        Self::in_house(House::start().await)
    }

    fn in_house(house: House) -> Self {
        Self {
            writer: house.store("assay_attempt_writer", 4),
            reader: house.store("assay_reader", 4),
            keys: key::generate(ORIGIN).unwrap(),
            next: AtomicU32::new(0),
            house,
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        let file = self.house.folder("keys").join("signing");
        fs::write(&file, &self.keys.signer).unwrap();
        self.settings_without_key()
            .with("log.signing_key_file", &file)
            .unwrap()
    }

    pub(crate) fn settings_without_key(&self) -> Settings {
        let url = self
            .house
            .database_url("assay_role")
            .replace("assay_role", "{role}");
        Settings::default()
            .with("postgres.url", url)
            .and_then(|settings| settings.with("log.origin", ORIGIN))
            .and_then(|settings| settings.with("log.verifier_key", &self.keys.verifier))
            .and_then(|settings| settings.with("objects.folder", self.objects_folder()))
            .unwrap()
    }

    pub(crate) fn objects_folder(&self) -> PathBuf {
        self.house.folder("objects")
    }

    /// The store that the log is published in.
    pub(crate) fn objects(&self) -> Objects {
        Objects::open_folder(&self.objects_folder()).unwrap()
    }

    /// The checkpoint that is published for an epoch, if there is one.
    pub(crate) async fn published(&self, epoch: u64) -> Option<Checkpoint> {
        let read = self.objects().log_file(epoch, LogFile::Checkpoint).await;
        let note = String::from_utf8(read.unwrap()?.to_vec()).unwrap();
        Some(checkpoint::said(&note).unwrap())
    }

    /// Waits until an epoch is published as far as this.
    pub(crate) async fn until_published(&self, epoch: u64, size: u64) {
        wait::until("the log is published", async || {
            let published = self.published(epoch).await.map_or(0, |said| said.size);
            (published == size)
                .then_some(())
                .ok_or(format!("{published} of {size}"))
        })
        .await;
    }

    pub(crate) fn auditor(&self) -> Running {
        Running::start(self.settings())
    }

    /// An auditor that knows where the bus is.
    pub(crate) fn auditor_on_the_bus(&self) -> Running {
        let (user, password) = self.house.nats().credentials();
        let file = self.house.folder("nats").join("password");
        fs::write(&file, password).unwrap();
        let nats = serde_json::json!({
            "url": self.house.nats().url(), "user": user, "password_file": file,
        });
        let settings = self.settings().with("nats", nats);
        Running::start(settings.unwrap())
    }

    pub(crate) fn verifier(&self) -> VerifyingKey {
        self.keys.verifier.parse().unwrap()
    }

    /// Records new entries as a service does, all in one transaction.
    pub(crate) async fn record(&self, count: u32) -> Vec<AuditEntryId> {
        let first = self.next.fetch_add(count, Ordering::Relaxed);
        let entries: Vec<PendingEntry> = (first..first + count)
            .map(|number| pending(number, None))
            .collect();
        let mut conn = self.writer.connection().await.unwrap();
        audit_entry::append(&mut conn, &entries).await.unwrap();
        entries.iter().map(|pending| pending.entry.id).collect()
    }

    pub(crate) async fn verify(&self) -> Report {
        self.verify_with(&self.verifier()).await
    }

    pub(crate) async fn verify_with(&self, key: &VerifyingKey) -> Report {
        let mut conn = self.reader.connection().await.unwrap();
        verify(&mut conn, key, Depth::Rows, time::now())
            .await
            .unwrap()
    }

    pub(crate) async fn writing(&self) -> store::pool::Connection {
        self.writer.connection().await.unwrap()
    }

    pub(crate) async fn reading(&self) -> store::pool::Connection {
        self.reader.connection().await.unwrap()
    }

    /// Waits until all that was recorded is in the log and signed.
    pub(crate) async fn settled(&self) -> Report {
        let recorded = u64::from(self.next.load(Ordering::Relaxed));
        wait::until("every entry is in the log and signed", async || {
            let report = self.verify().await;
            if report.signed == recorded && report.leaves == recorded {
                return Ok(report);
            }
            Err(format!("{report:?} of {recorded}"))
        })
        .await
    }

    /// Keeps a copy of the log, for `restore`.
    pub(crate) async fn keep(&self) {
        let copies = TABLES.map(|table| format!("CREATE TABLE kept_{table} AS TABLE {table};"));
        self.house.sql(&copies.concat()).await;
    }

    /// Makes the log what it was when it was kept.
    pub(crate) async fn restore(&self) {
        let fill =
            |table| format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table};");
        self.tamper(&TABLES.map(fill).concat()).await;
    }

    /// Alters the ledger with its guards taken down, as somebody with the database in hand could.
    pub(crate) async fn tamper(&self, statements: &str) {
        let guards = |verb: &str| {
            TABLES
                .map(|table| format!("ALTER TABLE {table} {verb} TRIGGER ALL;"))
                .concat()
        };
        let all = format!("{} {statements}; {}", guards("DISABLE"), guards("ENABLE"));
        self.house.sql(&all).await;
    }
}

impl Running {
    pub(crate) fn start(settings: Settings) -> Self {
        let (health, stop) = (Health::new(), CancellationToken::new());
        let (said, told) = (health.clone(), stop.clone());
        let task = tokio::spawn(async move { auditor::run(&settings, &said, told).await });
        Self { health, stop, task }
    }

    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.task).await.unwrap().unwrap();
    }

    /// Waits until it is ready.
    pub(crate) async fn until_ready(&self) {
        wait::until("the auditor is ready", async || {
            let report = self.health.report();
            // One that has only begun has nothing that is not ready.
            let is_ready = report.ready && !report.parts.is_empty();
            is_ready.then_some(()).ok_or(format!("{report:?}"))
        })
        .await;
    }

    /// Waits until a part gives a reason for not being ready that holds these words.
    pub(crate) async fn says(&self, part: &str, words: &str) {
        wait::until(&format!("{part} says {words:?}"), async || {
            let report = self.health.report();
            let said = report.parts.get(part).and_then(|part| part.reason.clone());
            match said {
                Some(reason) if reason.contains(words) => Ok(()),
                _ => Err(format!("{report:?}")),
            }
        })
        .await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn pending(number: u32, traceparent: Option<String>) -> PendingEntry {
    PendingEntry {
        entry: entry(number),
        traceparent,
    }
}

fn entry(number: u32) -> AuditEntry {
    AuditEvent {
        action: "delivery-recorded",
        subject: &number.to_string(),
        service: "attempt-writer",
        outcome: "success",
        trace_id: None,
        at: time::now(),
        fields: serde_json::Map::new(),
        rows: Vec::new(),
    }
    .entry()
}

//! How fast entries become leaves, and leaves files, on a Postgres that syncs: leaves a second, and
//! how long one entry waits. `make bench` prints it; nothing is asserted.
#![allow(clippy::unwrap_used, missing_docs, reason = "a program for people")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::audit::{AuditEvent, CoveredRow};
use contract::digest::Digest;
use contract::time::now;
use objects::log::LogFile;
use objects::store::Objects;
use process::health::Health;
use process::settings::Settings;
use serde_json::{Map, Value, json};
use servers::folder::DataFolder;
use servers::postgres::{DATABASE, Durability, PostgresSettings, PrivatePostgres};
use store::audit_entry::{self, PendingEntry};
use store::log_head;
use store::pool::Store;
use tlog::checkpoint;
use tlog::key;
use tokio_util::sync::CancellationToken;

const ORIGIN: &str = "log.example/bench";
/// Entries that wait when the auditor starts.
const BACKLOG: usize = 100_000;
/// Entries of one transaction.
const RECORDED_AT_ONCE: usize = 1_000;
/// Single entries whose way to their leaf is timed.
const SINGLE: usize = 100;
/// How Linux counts processor time.
const MICROS_A_TICK: u64 = 10_000;
/// What the issue asks for, in leaves a second.
const LEAVES_A_SECOND: f64 = 20_000.0;

#[tokio::main]
async fn main() {
    // Whoever runs all targets as tests starts this one too, without the word.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // Postgres runs as somebody else where this runs as root.
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let data = DataFolder::open(&folder.path().join("data")).unwrap();
    let ground = Ground::start(&data, folder.path()).await;
    println!(
        "{BACKLOG} entries wait, each of {} bytes",
        entry(0).entry.text.len()
    );
    for first in (0..BACKLOG).step_by(RECORDED_AT_ONCE) {
        ground.record(first, RECORDED_AT_ONCE).await;
    }
    let stop = CancellationToken::new();
    let running = ground.auditor(&stop);
    let (begun, used) = (Instant::now(), Used::now());
    ground.until_leaves(BACKLOG).await;
    let sequenced = per_second(begun.elapsed());
    println!("leaves: {sequenced:.0} a second, signed meanwhile");
    used.say("until the last leaf");
    ground.until_published(BACKLOG).await;
    used.say("until the last file");
    println!(
        "published as files: {:.0} leaves a second",
        per_second(begun.elapsed())
    );
    let lag_ms = ground.lag_ms().await;
    println!("one entry has its leaf after {lag_ms:.1} ms (median of {SINGLE})");
    stop.cancel();
    running.await.unwrap().unwrap();
    hand_over(sequenced, lag_ms);
}

#[allow(clippy::cast_precision_loss, reason = "a hundred thousand")]
fn per_second(took: Duration) -> f64 {
    BACKLOG as f64 / took.as_secs_f64()
}

/// Processor time of this process and of those that it started, in microseconds: what other work on
/// the machine does not change.
struct Used {
    own: u64,
    postgres: u64,
}

impl Used {
    fn now() -> Self {
        let own = std::process::id();
        let mut used = Self {
            own: 0,
            postgres: 0,
        };
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            // After the name, which may hold anything.
            let Some((_, fields)) = stat.rsplit_once(") ") else {
                continue;
            };
            let field = |place: usize| fields.split(' ').nth(place).and_then(|f| f.parse().ok());
            let ticks = field(11).unwrap_or(0_u64) + field(12).unwrap_or(0);
            let micros = ticks * MICROS_A_TICK;
            match entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            {
                Some(id) if id == own => used.own = micros,
                Some(id) if is_below(id, own) => used.postgres += micros,
                _ => {}
            }
        }
        used
    }

    #[allow(clippy::cast_precision_loss, reason = "seconds of work")]
    fn say(&self, when: &str) {
        let now = Self::now();
        let each = |now: u64, then: u64| (now - then) as f64 / BACKLOG as f64;
        println!(
            "{when}: {:.1} us of the auditor's a leaf, {:.1} us of Postgres'",
            each(now.own, self.own),
            each(now.postgres, self.postgres)
        );
    }
}

/// Whether a process was started by another, or by one that it started.
fn is_below(mut id: u32, ancestor: u32) -> bool {
    while id > 1 && id != ancestor {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        id = parent.and_then(|id| id.trim().parse().ok()).unwrap_or(0);
    }
    id == ancestor
}

struct Ground {
    _postgres: PrivatePostgres,
    store: Store,
    objects: Objects,
    settings: Settings,
}

impl Ground {
    async fn start(data: &Arc<DataFolder>, folder: &Path) -> Self {
        let settings = PostgresSettings::new(Durability::Durable, 50);
        let postgres = PrivatePostgres::start(data, settings).await.unwrap();
        store::migrate::up(&postgres.owner_url()).await.unwrap();
        let role = postgres.url("assay_role", DATABASE);
        let role = role.replace("assay_role", "{role}");
        let pair = key::generate(ORIGIN).unwrap();
        let signing = folder.join("signing");
        std::fs::write(&signing, &pair.signer).unwrap();
        let settings = Settings::default()
            .with("postgres.url", role)
            .and_then(|settings| settings.with("log.origin", ORIGIN))
            .and_then(|settings| settings.with("log.signing_key_file", &signing))
            .and_then(|settings| settings.with("objects.folder", folder.join("objects")))
            .unwrap();
        Self {
            store: Store::open(&postgres.owner_url(), 4).unwrap(),
            objects: Objects::open_folder(&folder.join("objects")).unwrap(),
            _postgres: postgres,
            settings,
        }
    }

    fn auditor(&self, stop: &CancellationToken) -> tokio::task::JoinHandle<anyhow::Result<()>> {
        let (settings, stop) = (self.settings.clone(), stop.clone());
        tokio::spawn(async move { auditor::run(&settings, &Health::new(), stop).await })
    }

    async fn record(&self, first: usize, count: usize) {
        let entries: Vec<PendingEntry> = (first..first + count).map(entry).collect();
        let mut conn = self.store.connection().await.unwrap();
        audit_entry::append(&mut conn, &entries).await.unwrap();
    }

    async fn until_leaves(&self, count: usize) {
        let mut conn = self.store.connection().await.unwrap();
        loop {
            let head = log_head::standing(&mut conn).await.unwrap();
            if head.is_some_and(|kept| kept.head.tree_size >= i64::try_from(count).unwrap()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn until_published(&self, count: usize) {
        loop {
            let read = self.objects.log_file(1, LogFile::Checkpoint).await.unwrap();
            let note = read.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            let said = note.and_then(|note| checkpoint::said(&note).ok());
            if said.is_some_and(|said| said.size >= count as u64) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// How long a single entry waits for its leaf while nothing else happens, in milliseconds.
    async fn lag_ms(&self) -> f64 {
        let mut took = Vec::with_capacity(SINGLE);
        for number in 0..SINGLE {
            let begun = Instant::now();
            self.record(BACKLOG + number, 1).await;
            self.until_leaves(BACKLOG + number + 1).await;
            took.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        took.sort_by(f64::total_cmp);
        took[SINGLE / 2]
    }
}

/// An entry of a usual push: two rows.
fn entry(number: usize) -> PendingEntry {
    let subject = number.to_string();
    let row = |table| CoveredRow {
        table,
        key: format!("01890a5d-ac96-774b-bcce-{number:012}"),
        digest: Digest::of(subject.as_bytes()),
    };
    let event = AuditEvent {
        action: "delivery-recorded",
        subject: &subject,
        service: "attempt-writer",
        outcome: "success",
        trace_id: None,
        at: now(),
        fields: Map::from_iter([("assay.source".to_owned(), Value::from("github"))]),
        rows: vec![row("push"), row("lab_attempt")],
    };
    PendingEntry {
        entry: event.entry(),
        traceparent: None,
    }
}

/// Hands the figures over to `make bench`, which asks for them: see loadtest's README.
fn hand_over(leaves: f64, lag_ms: f64) {
    let Some(folder) = std::env::var_os("ASSAY_BENCH_FIGURES") else {
        return;
    };
    let figures = json!([
        { "id": "auditor.leaves-per-second", "value": leaves, "unit": "1/s",
          "must": { "at_least": LEAVES_A_SECOND } },
        { "id": "auditor.lag", "value": lag_ms, "unit": "ms" },
    ]);
    let file = Path::new(&folder).join("auditor-sequence.json");
    std::fs::write(file, figures.to_string()).unwrap();
}

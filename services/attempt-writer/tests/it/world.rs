//! Owns what these tests stand on: servers, a published lab, and writers that run in this process.

use std::sync::atomic::{AtomicU64, Ordering};

use bus::connect::Bus;
use contract::command::SessionOpenRequested;
use contract::ids::{CommandId, LaneId};
use contract::name::{CommitSha, Repository};
use contract::time::now;
use process::health::Health;
use process::settings::Settings;
use serde_json::{Value, json};
use servers::postgres::OWNER;
use store::command::CommandRow;
use store::lab::LabRow;
use store::lab_version::LabVersionRow;
use testkit::house::House;
use testkit::wait;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::deliveries::{Delivery, sha};

/// The repositories that the sample lab enrols by itself.
pub(crate) const ENROLLED: &str = "course-1/intro-1";
/// What people's keys are wrapped by.
pub(crate) const MASTER_KEY: &str = "a master key of the tests, thirty-two bytes";
/// One that it does not.
pub(crate) const OTHER: &str = "someone/else";

pub(crate) struct World {
    pub(crate) house: House,
    pub(crate) bus: Bus,
    pub(crate) lane: LaneId,
    settings: Settings,
    last_number: AtomicU64,
}

/// A writer that runs in this process. Dropping it kills it: its work ends where it waits.
pub(crate) struct Writer {
    health: Health,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl World {
    /// Servers, and the sample lab published.
    pub(crate) async fn start() -> Self {
        let world = Self::without_lab().await;
        world.publish_lab(sample::lab::LAB_TOML).await;
        world
    }

    pub(crate) async fn without_lab() -> Self {
        let house = House::start().await;
        let bus = house.bus("webhook-ingest").await;
        Self {
            settings: settings(&house),
            bus,
            lane: LaneId::new(),
            last_number: AtomicU64::new(0),
            house,
        }
    }

    /// Publishes a version of the lab that a `lab.toml` describes, as snapshot-builder records it.
    pub(crate) async fn publish_lab(&self, lab_toml: &str) {
        let spec = lab::spec::parse("lab.toml", lab_toml).unwrap();
        let store = self.house.store(OWNER, 1);
        let conn = &mut store.connection().await.unwrap();
        let command = CommandRow {
            id: CommandId::new().as_uuid(),
            kind: "lab-publish".to_owned(),
            actor: "operator".to_owned(),
            body: json!({}),
            outcome: "accepted".to_owned(),
            reason: None,
            result: None,
            recorded_at: now(),
        };
        let id = Uuid::now_v7();
        let lab = LabRow {
            id,
            slug: spec.slug.to_string(),
            recorded_at: now(),
        };
        let version = LabVersionRow {
            id: Uuid::now_v7(),
            lab_id: id,
            number: 1,
            digest: contract::digest::Digest::of(id.as_bytes()).to_string(),
            title: spec.title.clone(),
            spec: serde_json::to_value(&spec).unwrap(),
            commit_sha: "a".repeat(40),
            location: "https://forge.example/lab.git".to_owned(),
            files: 1,
            bytes: 1,
            command_id: command.id,
            recorded_at: now(),
        };
        CommandRow::insert(conn, &[command]).await.unwrap();
        LabRow::insert(conn, &[lab]).await.unwrap();
        LabVersionRow::insert(conn, &[version]).await.unwrap();
    }

    /// Starts a writer.
    pub(crate) fn writer(&self) -> Writer {
        self.writer_with(self.settings.clone())
    }

    /// The same with a writer that looks every second for work of which nothing was heard for so
    /// many seconds.
    pub(crate) fn writer_that_seeks(&self, after_secs: u64) -> Writer {
        let settings = self.settings.clone().with("writer.lost_every_seconds", 1);
        let settings = settings
            .unwrap()
            .with("writer.lost_after_seconds", after_secs);
        self.writer_with(settings.unwrap())
    }

    /// The same whose first master key is another one, beside the first or alone.
    pub(crate) fn writer_with_master(&self, which: &str) -> Writer {
        let folder = self.house.folder("secrets");
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            json!({ "id": name, "file": path })
        };
        let second = file("second", "another master key of the tests, of enough bytes");
        let keys = match which {
            "second" => json!([second, file("first", MASTER_KEY)]),
            _ => json!([second]),
        };
        let settings = self.settings.clone().with("privacy.master_keys", keys);
        self.writer_with(settings.unwrap())
    }

    fn writer_with(&self, settings: Settings) -> Writer {
        let health = Health::new();
        let stop = CancellationToken::new();
        let (told, shown) = (stop.clone(), health.clone());
        let run = async move { attempt_writer::run::run(&settings, &health, told).await };
        let task = tokio::spawn(run);
        let health = shown;
        Writer { health, stop, task }
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.last_number.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Publishes deliveries, all of them together, so that a writer finds them in one batch.
    pub(crate) async fn deliver(&self, deliveries: &[Delivery]) {
        let messages: Vec<_> = deliveries.iter().map(Delivery::message).collect();
        self.bus.publish_batch(&messages).await.unwrap();
    }

    /// Waits until nothing is left to be recorded.
    pub(crate) async fn settled(&self) {
        wait::until("every delivery and command is taken in", async || {
            let states = self.bus.stream_states().await;
            let states = states.map_err(|error| error.to_string())?;
            let left: Vec<_> = states
                .iter()
                .filter(|state| ["DELIVERIES", "COMMANDS"].contains(&state.name))
                .filter(|state| state.messages > 0)
                .collect();
            if left.is_empty() {
                return Ok(());
            }
            Err(format!("{left:?}"))
        })
        .await;
        self.house.entries_are_by_the_schema().await;
    }

    /// How many dead letters there are.
    pub(crate) async fn dead(&self) -> u64 {
        let states = self.bus.stream_states().await.unwrap();
        states.iter().find(|s| s.name == "DEAD").unwrap().messages
    }

    /// Asks for a session of the sample lab; gives the command.
    pub(crate) async fn ask_for_session(
        &self,
        repository: &str,
        starting: Option<u32>,
    ) -> CommandId {
        let asked = self.asked(repository, starting);
        self.bus.publish(&asked).await.unwrap();
        asked.command
    }

    pub(crate) fn asked(&self, repository: &str, starting: Option<u32>) -> SessionOpenRequested {
        let repository = Repository::new(&"github".parse().unwrap(), repository).unwrap();
        let starting = starting.map(sha);
        SessionOpenRequested {
            command: CommandId::new(),
            actor: "operator".parse().unwrap(),
            lab: "calculator".parse().unwrap(),
            repository,
            starting: starting.map(|sha| CommitSha::try_from(sha).unwrap()),
        }
    }

    /// Waits for a command's outcome, as JSON.
    pub(crate) async fn outcome(&self, command: CommandId) -> Value {
        let query = format!("SELECT * FROM command WHERE id = '{command}'");
        wait::until("the command has an outcome", async || {
            let rows = self.house.rows(&query).await;
            let row = rows.first().ok_or("none yet")?;
            Ok(serde_json::from_str(row).unwrap())
        })
        .await
    }

    /// How many rows a table has, in all or where something holds.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        self.house
            .number(&format!("SELECT count(*) FROM {table}"))
            .await
    }

    /// The rows of a query, as JSON.
    pub(crate) async fn rows(&self, query: &str) -> Vec<Value> {
        let rows = self.house.rows(query).await;
        rows.iter()
            .map(|row| serde_json::from_str(row).unwrap())
            .collect()
    }
}

impl Writer {
    /// Waits until it is ready.
    pub(crate) async fn ready(&self) {
        wait::until("the writer is ready", async || {
            let report = self.health.report();
            match report.ready && report.parts.len() > 1 {
                true => Ok(()),
                false => Err(format!("{report:?}")),
            }
        })
        .await;
    }

    /// What a part of it says beside its readiness.
    pub(crate) fn note(&self, part: &str) -> Option<String> {
        self.health.report().parts.get(part)?.note.clone()
    }

    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.task).await.unwrap().unwrap();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn settings(house: &House) -> Settings {
    let file = |name: &str, content: &str| {
        let path = house.folder("secrets").join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let (user, password) = house.nats().credentials();
    let source = json!({
        "provider": "github",
        "fetch_url": "https://forge.example/{full_name}.git",
        "secrets": [{ "name": "main", "file": file("source", "secret") }],
    });
    let mut of_bitbucket = source.clone();
    of_bitbucket["provider"] = json!("bitbucket");
    let postgres = house
        .database_url("assay_role")
        .replace("assay_role", "{role}");
    let nats = json!({
        "url": house.nats().url(),
        "user": user,
        "password_file": file("nats", &password),
    });
    let all = [
        ("nats", nats),
        ("postgres.url", json!(postgres)),
        ("objects.folder", json!(house.folder("objects"))),
        (
            "privacy.pseudonym_key_file",
            json!(file("key", "a key of the tests")),
        ),
        (
            "privacy.master_keys",
            json!([{ "id": "first", "file": file("master", MASTER_KEY) }]),
        ),
        ("sources.bitbucket", of_bitbucket),
        ("sources.github", source),
    ];
    let with = |settings: Settings, (setting, value)| settings.with(setting, value).unwrap();
    all.into_iter().fold(Settings::default(), with)
}

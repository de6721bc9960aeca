//! Owns what these tests stand on: servers, the APIs, attempts in the ledger, and status-reporters
//! that run in this process.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use bus::connect::Bus;
use contract::digest::Digest;
use contract::fact::Fact;
use contract::ids::AuditEntryId;
use process::health::Health;
use process::settings::Settings;
use sample::status_api::{Dialect, Posted, StatusApi, TOKEN};
use testkit::house::House;
use testkit::wait;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What stands for the lab and its version, which all sessions share.
const LAB: Uuid = Uuid::from_u128(1);

pub(crate) struct World {
    pub(crate) house: House,
    bus: Bus,
    /// The API of the source `github`.
    pub(crate) github: StatusApi,
    /// The API of the source `gitea`.
    pub(crate) gitea: StatusApi,
    /// The API of the source `gitlab`.
    pub(crate) gitlab: StatusApi,
    numbers: AtomicU64,
}

/// An attempt in the ledger.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) id: Uuid,
    pub(crate) request: Uuid,
}

/// A status-reporter that runs in this process. Dropping it kills it: its work ends where it waits.
pub(crate) struct Reporter {
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl World {
    /// Servers, a lab, and three forges; nothing is swept for a day.
    pub(crate) async fn start() -> Self {
        let house = House::start().await;
        house
            .sql(&format!(
                "INSERT INTO lab VALUES ('{LAB}', 'intro', now()); \
                 INSERT INTO command VALUES ('{LAB}', 'lab-publish', 'operator', '{{}}', \
                     'accepted', NULL, NULL, now()); \
                 INSERT INTO lab_version VALUES ('{LAB}', '{LAB}', 1, 'd', 'Intro', '{{}}', 'c', \
                     'l', 0, 0, '{LAB}', now());"
            ))
            .await;
        let world = Self {
            bus: house.bus("assay").await,
            house,
            github: StatusApi::start(Dialect::Github).await.unwrap(),
            gitea: StatusApi::start(Dialect::Gitea).await.unwrap(),
            gitlab: StatusApi::start(Dialect::Gitlab).await.unwrap(),
            numbers: AtomicU64::new(1),
        };
        for name in ["github", "gitea", "gitlab"] {
            world.write_token(name, TOKEN);
        }
        world.write_settings();
        world
    }

    /// Writes the token that a source's forge is told with.
    pub(crate) fn write_token(&self, source: &str, token: &str) {
        self.write(&format!("{source}-token"), token);
    }

    fn write_settings(&self) {
        let (user, password) = self.house.nats().credentials();
        let folder = self.folder().display().to_string();
        self.write("nats", &password);
        self.write("webhook", "a secret of the tests");
        let postgres = self.house.database_url("assay_role");
        let postgres = postgres.replace("assay_role", "{role}");
        let nats = self.house.nats().url();
        let mut text = format!(
            r#"
[nats]
url = "{nats}"
user = "{user}"
password_file = "{folder}/nats"
[postgres]
url = "{postgres}"
[status]
sweep_seconds = 86400
"#
        );
        for (name, api) in [
            ("github", &self.github),
            ("gitea", &self.gitea),
            ("gitlab", &self.gitlab),
        ] {
            let url = api.url();
            text += &format!(
                r#"
[sources.{name}]
provider = "{name}"
fetch_url = "http://127.0.0.1:9/{{full_name}}.git"
secrets = [{{ name = "main", file = "{folder}/webhook" }}]
[sources.{name}.status]
url = "{url}"
token_file = "{folder}/{name}-token"
target_url = "https://assay.example/{{attempt}}"
"#
            );
        }
        text += &format!(
            r#"
[sources.silent]
provider = "github"
fetch_url = "http://127.0.0.1:9/{{full_name}}.git"
secrets = [{{ name = "main", file = "{folder}/webhook" }}]
"#
        );
        self.write("assay.toml", &text);
    }

    fn folder(&self) -> PathBuf {
        self.house.folder("settings")
    }

    /// Writes a file whole, and puts it in its place then.
    fn write(&self, name: &str, text: &str) {
        let new = self.folder().join(format!("{name}.new"));
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, self.folder().join(name)).unwrap();
    }

    /// Starts a status-reporter, and does not wait.
    pub(crate) fn begin(&self) -> Reporter {
        let settings = Settings::load(Some(&self.folder().join("assay.toml"))).unwrap();
        let health = Health::new();
        let stop = CancellationToken::new();
        let told = stop.clone();
        let run = async move { status_reporter::run::run(&settings, &health, told).await };
        let task = tokio::spawn(run);
        Reporter { stop, task }
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Records an attempt of a new session of `repository`, and a request to verify it. Nobody is
    /// told of it yet.
    pub(crate) async fn attempt(&self, repository: &str) -> Attempt {
        let (id, request, session) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
        let (delivery, push) = (Uuid::now_v7(), Uuid::now_v7());
        let number = self.number();
        let source = repository.split(':').next().unwrap();
        self.house
            .sql(&format!(
                "INSERT INTO lab_session VALUES ('{session}', '{LAB}', '{LAB}', '{repository}', \
                     {number}, NULL, NULL, 'command:{LAB}', now()); \
                 INSERT INTO delivery_receipt VALUES ('{delivery}', '{source}', '{delivery}', 'd', \
                     '{LAB}', {number}, now()); \
                 INSERT INTO delivery VALUES ('{delivery}', '{source}', 'push', 'd', 1, 'main', \
                     't', '{LAB}', {number}, now(), now()); \
                 INSERT INTO push VALUES ('{push}', '{delivery}', 'd', '{repository}', \
                     'refs/heads/main', 'branch', NULL, 'c{number}', false, 1, NULL, now(), now()); \
                 INSERT INTO lab_attempt VALUES ('{id}', '{session}', '{push}', '{delivery}', \
                     'c{number}', 'main', NULL, NULL, NULL, now(), 'payload', 't', now()); \
                 INSERT INTO verification_request VALUES ('{request}', 'push:{push}', '{id}', \
                     '{LAB}', 'live', 't', now());"
            ))
            .await;
        Attempt { id, request }
    }

    /// Asks for an attempt to be verified again, in a lane, and tells the fact.
    pub(crate) async fn again(&self, attempt: Attempt, lane: &str) -> Attempt {
        let (request, id) = (Uuid::now_v7(), attempt.id);
        self.house
            .sql(&format!(
                "INSERT INTO verification_request VALUES ('{request}', 'command:{request}', '{id}', \
                     '{LAB}', '{lane}', 't', now())"
            ))
            .await;
        self.fact("verification_request", request).await;
        Attempt { id, request }
    }

    /// Records how a try of an attempt came out. Nobody is told of it yet.
    pub(crate) async fn result(&self, attempt: Attempt, number: u32, result: &str) -> Uuid {
        let id = Uuid::now_v7();
        let request = attempt.request;
        let (result, cause, retry_at) = match result {
            "retry" => ("error", "'fetch'", "now()"),
            "error" => ("error", "'worker-lost'", "NULL"),
            other => (other, "NULL", "NULL"),
        };
        self.house
            .sql(&format!(
                "INSERT INTO verification_attempt VALUES ('{id}', '{request}', {number}, 1, \
                     '{result}', {cause}, 'test adds: expected 4', 3, 4, '[]', '{{}}', '[]', 's', \
                     'v', NULL, NULL, 'r', 'w', {retry_at}, now(), now(), now())"
            ))
            .await;
        id
    }

    /// Tells the fact that a row was written.
    pub(crate) async fn fact(&self, table: &str, key: Uuid) {
        let leaf = self.number();
        let entry = AuditEntryId::compute("fact", &leaf.to_string());
        let rows = format!(r#"[{{"digest":"","key":"{key}","table":"{table}"}}]"#);
        let text = format!(r#"{{"assay.rows":{rows},"event.action":"recorded"}}"#);
        let fact = Fact {
            epoch: 1,
            leaf,
            entry,
            action: "recorded".to_owned(),
            leaf_hash: Digest::of(text.as_bytes()),
            text,
        };
        self.bus.publish(&fact).await.unwrap();
    }

    /// Records an attempt, and tells the fact.
    pub(crate) async fn attempt_with_fact(&self, repository: &str) -> Attempt {
        let attempt = self.attempt(repository).await;
        self.fact("lab_attempt", attempt.id).await;
        attempt
    }

    /// Records a result, and tells the fact.
    pub(crate) async fn result_with_fact(&self, attempt: Attempt, number: u32, result: &str) {
        let id = self.result(attempt, number, result).await;
        self.fact("verification_attempt", id).await;
    }

    /// How many there are of something.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        let query = format!("SELECT count(*) FROM {table}");
        self.house.number(&query).await
    }

    /// Waits until there are so many of something.
    pub(crate) async fn until_count(&self, table: &str, expected: i64) {
        wait::until(&format!("{expected} of {table}"), async || {
            let count = self.count(table).await;
            (count == expected).then_some(()).ok_or(count.to_string())
        })
        .await;
    }

    /// Waits until every fact was read and nothing is due any more.
    pub(crate) async fn until_calm(&self) {
        wait::until("every fact was read", async || {
            let states = self.bus.consumer_states().await;
            let states = states.map_err(|error| error.to_string())?;
            let state = states
                .iter()
                .find(|state| state.durable == "status-reporter");
            let left = state.map_or(0, |state| state.waiting + state.unacked);
            (left == 0).then_some(()).ok_or(left.to_string())
        })
        .await;
        self.until_count("work.status_due", 0).await;
        self.house.entries_are_by_the_schema().await;
    }
}

/// The states that a forge was told, in order.
pub(crate) fn states(api: &StatusApi) -> Vec<String> {
    api.posted().into_iter().map(|one| one.state).collect()
}

/// Waits until a forge was told these states.
pub(crate) async fn until_told(api: &StatusApi, expected: &[&str]) -> Vec<Posted> {
    wait::until("the forge is told", async || {
        let told = states(api);
        (told == expected)
            .then(|| api.posted())
            .ok_or(format!("{told:?}"))
    })
    .await
}

impl Reporter {
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.task).await.unwrap().unwrap();
    }

    /// Kills it, and waits until nothing of it is left that could still write to the ledger.
    pub(crate) async fn kill(mut self, world: &World) {
        self.task.abort();
        assert!((&mut self.task).await.unwrap_err().is_cancelled());
        let connections = "pg_stat_activity WHERE usename = 'assay_status_reporter'";
        world.until_count(connections, 0).await;
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

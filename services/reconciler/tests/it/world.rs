//! Owns what these tests stand on: servers, the API, and reconcilers that run in this process.

use std::path::PathBuf;

use bus::connect::Bus;
use bus::outgoing::Outgoing;
use contract::command::ReconcileRequested;
use contract::ids::{CommandId, DeliveryId};
use contract::name::SourceName;
use contract::time::now;
use process::health::Health;
use process::settings::Settings;
use sample::delivery::{SignedDelivery, sign};
use sample::hooks_api::{HooksApi, TOKEN};
use serde_json::{Value, json};
use testkit::house::House;
use testkit::wait;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The organization whose hook is ours.
const OWNER: &str = "octo";
/// Where its hook delivers to: nobody listens there, so no delivery arrives.
const HOOK_URL: &str = "http://127.0.0.1:9/hooks/github";

pub(crate) struct World {
    pub(crate) house: House,
    pub(crate) bus: Bus,
    pub(crate) api: HooksApi,
    pub(crate) hook: u64,
}

/// A reconciler that runs in this process. Dropping it kills it: its work ends where it waits.
pub(crate) struct Reconciler {
    health: Health,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl World {
    /// Servers, and the API with one hook that is ours.
    pub(crate) async fn start() -> Self {
        let house = House::start().await;
        let api = HooksApi::start().await.unwrap();
        let world = Self {
            bus: house.bus("assay").await,
            hook: api.add_hook(OWNER, HOOK_URL),
            api,
            house,
        };
        world.write_token(TOKEN);
        world.write_settings(&world.source(&world.api.url()));
        world
    }

    /// The part of the settings that is about a source `github` whose API is at `url`.
    pub(crate) fn source(&self, url: &str) -> String {
        let folder = self.folder().display().to_string();
        format!(
            r#"
[sources.github]
provider = "github"
fetch_url = "http://127.0.0.1:9/{{full_name}}.git"
secrets = [{{ name = "main", file = "{folder}/webhook" }}]

[sources.github.api]
url = "{url}"
token_file = "{folder}/token"
hooks = ["{OWNER}"]
"#
        )
    }

    /// Writes the settings file, with these sources.
    pub(crate) fn write_settings(&self, sources: &str) {
        let (user, password) = self.house.nats().credentials();
        let folder = self.folder().display().to_string();
        self.write("nats", &password);
        self.write("webhook", "a secret of the tests");
        let postgres = self.house.database_url("assay_role");
        let postgres = postgres.replace("assay_role", "{role}");
        let nats = self.house.nats().url();
        self.write(
            "assay.toml",
            &format!(
                r#"
[nats]
url = "{nats}"
user = "{user}"
password_file = "{folder}/nats"
[postgres]
url = "{postgres}"
[reconcile]
every_seconds = 86400
grace_seconds = 0
redeliveries_per_minute = 6000
{sources}
"#
            ),
        );
    }

    /// Writes the token that the API is asked with.
    pub(crate) fn write_token(&self, token: &str) {
        self.write("token", token);
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

    /// Starts a reconciler, and does not wait.
    pub(crate) fn begin(&self) -> Reconciler {
        let settings = Settings::load(Some(&self.folder().join("assay.toml"))).unwrap();
        let health = Health::new();
        let stop = CancellationToken::new();
        let (told, shown) = (stop.clone(), health.clone());
        let run = async move { reconciler::run::run(&settings, &health, told).await };
        let task = tokio::spawn(run);
        let health = shown;
        Reconciler { health, stop, task }
    }

    /// Starts a reconciler, and waits until it has made its first comparison by schedule, and has
    /// recorded what that found: the gaps come after the comparison that they belong to.
    pub(crate) async fn reconciler(&self) -> Reconciler {
        let reconciler = self.begin();
        let made = "SELECT count(*) FROM reconciliation WHERE cause = 'schedule' \
             AND delivery_gaps + ref_gaps <= (SELECT count(*) FROM reconciliation_gap)";
        wait::until("a comparison by schedule", async || {
            let made = self.house.number(made).await;
            (made > 0).then_some(()).ok_or(made.to_string())
        })
        .await;
        reconciler
    }

    /// What asks for a comparison of the source.
    pub(crate) fn asked(&self) -> ReconcileRequested {
        ReconcileRequested {
            command: CommandId::new(),
            actor: "operator".parse().unwrap(),
            source: source(),
            repository: None,
            since: None,
            reason: "a test".to_owned(),
            plan: false,
        }
    }

    /// Has the source compared; gives what came of it.
    pub(crate) async fn compared(&self) -> Value {
        let asked = self.asked();
        self.bus.publish(&asked).await.unwrap();
        let outcome = self.outcome(asked.command).await;
        assert_eq!(outcome["outcome"], "accepted", "{outcome}");
        self.house.entries_are_by_the_schema().await;
        outcome["result"].clone()
    }

    /// Publishes a command once more, as a message that the stream does not know.
    pub(crate) async fn publish_again(&self, asked: &ReconcileRequested) {
        let first = Outgoing::of("assay", asked).unwrap();
        let another = Uuid::now_v7().to_string();
        let headers = first.headers().map(|(name, value)| {
            let is_id = name.eq_ignore_ascii_case("nats-msg-id");
            (name, if is_id { another.as_str() } else { value })
        });
        let payload = first.payload().clone();
        let again = Outgoing::from_parts(first.subject().to_owned(), headers, payload);
        self.bus.publish_raw(again.unwrap()).await.unwrap();
    }

    /// Waits for a command's outcome.
    pub(crate) async fn outcome(&self, command: CommandId) -> Value {
        let query = format!("SELECT outcome, reason, result FROM command WHERE id = '{command}'");
        wait::until("the command has an outcome", async || {
            let rows = self.house.rows(&query).await;
            let row = rows.first().ok_or("none yet")?;
            Ok(serde_json::from_str(row).unwrap())
        })
        .await
    }

    /// Records that a delivery was received, as attempt-writer does.
    pub(crate) async fn record(&self, guid: &str) {
        let delivery = DeliveryId::compute("github", guid);
        let (lane, digest) = (Uuid::now_v7(), "a".repeat(64));
        let recorded_at = now();
        self.house
            .sql(&format!(
                "INSERT INTO delivery_receipt VALUES \
                 ('{delivery}', 'github', '{guid}', '{digest}', '{lane}', 1, '{recorded_at}')"
            ))
            .await;
    }

    /// How many there are of something.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        let query = format!("SELECT count(*) FROM {table}");
        self.house.number(&query).await
    }

    /// How many dead letters there are.
    pub(crate) async fn dead(&self) -> u64 {
        let states = self.bus.stream_states().await.unwrap();
        states.iter().find(|s| s.name == "DEAD").unwrap().messages
    }

    /// How many tries of a delivery there were.
    pub(crate) fn tries(&self, guid: &str) -> usize {
        self.api.tries(guid).len()
    }
}

impl Reconciler {
    /// What it says beside the readiness of a part.
    pub(crate) fn note(&self, part: &str) -> Option<String> {
        self.health.report().parts.get(part)?.note.clone()
    }

    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.task).await.unwrap().unwrap();
    }
}

impl Drop for Reconciler {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The source of these tests.
pub(crate) fn source() -> SourceName {
    "github".parse().unwrap()
}

/// A push webhook with this GUID.
pub(crate) fn push(guid: &str) -> SignedDelivery {
    let payload = json!({ "ref": "refs/heads/main" });
    sign("push", guid, &payload, b"a secret of the tests")
}

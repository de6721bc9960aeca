//! Owns what these tests stand on: a server, and an ingest that runs in this process.

use std::path::{Path, PathBuf};

use contract::ids::DeliveryId;
use process::health::Health;
use process::settings::Settings;
use serde_json::{Value, json};
use testkit::house::House;
use testkit::wait;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::request::{Request, SECRET};

/// The cap of bodies in these tests, in bytes: GitHub's own.
pub(crate) const CAP: usize = 25 * 1024 * 1024;

pub(crate) struct World {
    pub(crate) house: House,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    pub(crate) health: Health,
    pub(crate) stop: CancellationToken,
    settings: Settings,
    task: JoinHandle<anyhow::Result<()>>,
}

/// Another ingest.
pub(crate) struct Beside {
    pub(crate) url: String,
    task: JoinHandle<()>,
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl World {
    /// A server, and an ingest that answers.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with further settings.
    pub(crate) async fn start_with(more: &[(&str, Value)]) -> Self {
        Self::start_in(House::with_nats().await, more).await
    }

    /// The same with a spool.
    pub(crate) async fn with_spool(more: &[(&str, Value)]) -> Self {
        Self::with_spool_in(House::with_nats().await, more).await
    }

    /// The same with servers that are there.
    pub(crate) async fn with_spool_in(house: House, more: &[(&str, Value)]) -> Self {
        let spool = [
            ("ingest.spool.folder", json!(house.folder("spool"))),
            ("ingest.spool.persistent", json!(true)),
        ];
        Self::start_in(house, &[&spool, more].concat()).await
    }

    async fn start_in(house: House, more: &[(&str, Value)]) -> Self {
        let mut settings = settings(&house);
        for (setting, value) in more {
            settings = settings.with(setting, value).unwrap();
        }
        let file = house.folder("settings").join("assay.toml");
        write_settings(&file, &settings);
        let settings = Settings::load_from(Some(&file), []).unwrap();
        let mut world = Self {
            house,
            url: String::new(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            health: Health::new(),
            stop: CancellationToken::new(),
            settings,
            task: tokio::spawn(async { Ok(()) }),
        };
        world.start_ingest().await;
        world
    }

    /// Starts another ingest with the same settings; the one before it must have ended.
    pub(crate) async fn start_ingest(&mut self) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.url = format!("http://{}", listener.local_addr().unwrap());
        (self.health, self.stop) = (Health::new(), CancellationToken::new());
        let (said, told) = (self.health.clone(), self.stop.clone());
        let settings = self.settings.clone();
        let run = async move { webhook_ingest::run::run(&settings, listener, &said, told).await };
        self.task = tokio::spawn(run);
        let ping = Request::new("ping", "ping", "{}");
        wait::until("the ingest answers", async || {
            ping.try_send(self).await.map_err(|e| e.to_string())
        })
        .await;
    }

    /// Runs another ingest beside the first one, as a replica. Dropping it ends it.
    pub(crate) async fn beside(&self) -> Beside {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let settings = self.settings.clone();
        let (health, stop) = (Health::new(), CancellationToken::new());
        let run = async move {
            let ended = webhook_ingest::run::run(&settings, listener, &health, stop).await;
            panic!("the second ingest ended: {ended:?}");
        };
        let beside = Beside {
            url,
            task: tokio::spawn(run),
        };
        let ping = Request::new("ping", "ping", "{}");
        wait::until("the second ingest answers", async || {
            let sent = ping.post(&self.client, &beside.url).send().await;
            sent.map(drop).map_err(|error| error.to_string())
        })
        .await;
        beside
    }

    /// The file that the ingest has its settings from.
    pub(crate) fn settings_file(&self) -> PathBuf {
        self.house.folder("settings").join("assay.toml")
    }

    /// Writes the settings file with one setting changed, for those that are read again.
    pub(crate) fn change(&mut self, setting: &str, value: Value) {
        self.settings = self.settings.clone().with(setting, value).unwrap();
        write_settings(&self.settings_file(), &self.settings);
    }

    /// Runs a second ingest beside the first one, which is expected to end by itself.
    pub(crate) async fn second(&self) -> anyhow::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (health, stop) = (Health::new(), CancellationToken::new());
        webhook_ingest::run::run(&self.settings, listener, &health, stop).await
    }

    /// Stops the ingest and gives how it ended.
    pub(crate) async fn stopped(&mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        (&mut self.task).await.unwrap()
    }

    /// Where the ingest keeps large bodies.
    pub(crate) fn objects(&self) -> objects::store::Objects {
        objects::store::Objects::open_folder(&self.house.folder("objects")).unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The id that a delivery of the tests' source has.
pub(crate) fn id(forge_delivery: &str) -> DeliveryId {
    DeliveryId::compute("github", forge_delivery)
}

fn write_settings(file: &Path, settings: &Settings) {
    std::fs::write(file, toml::to_string(settings).unwrap()).unwrap();
}

fn settings(house: &House) -> Settings {
    let file = |name: &str, content: &[u8]| {
        let path = house.folder("secrets").join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let (user, password) = house.nats().credentials();
    let source = json!({
        "provider": "github",
        "fetch_url": "https://forge.example/{full_name}.git",
        "secrets": [
            { "name": "older", "file": file("older", b"another secret of the tests") },
            { "name": "newer", "file": file("newer", SECRET) },
        ],
    });
    let nats = json!({
        "url": house.nats().url(),
        "user": user,
        "password_file": file("nats", password.as_bytes()),
        "monitor_url": house.nats().monitoring_url(),
    });
    let all = [
        ("nats", nats),
        ("objects.folder", json!(house.folder("objects"))),
        ("sources.github", source),
    ];
    let with = |settings: Settings, (setting, value)| settings.with(setting, value).unwrap();
    all.into_iter().fold(Settings::default(), with)
}

//! Owns a test's servers: started for it, reachable by it, gone after it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream;
use bus::connect::{Bus, ConnectSettings};
use bus::key::UserKey;
use contract::fact::Fact;
use servers::folder::{self, DataFolder};
use servers::nats::{NatsSettings, PrivateNats};
use servers::postgres::{DATABASE, Durability, PostgresSettings, PrivatePostgres};
use store::pool::Store;

use crate::authority::Authority;
use crate::room::{self, Gate};
use crate::template::{self, CONNECTIONS_MAX};
use crate::users;
use crate::wait;

/// Lines of the Postgres log that a failing test shows.
const LOG_LINES_MAX: usize = 20;

/// A nats-server, a Postgres, or both, for one test. What cannot be had is a panic: a test can do
/// nothing about it. Dropping the house ends the servers and removes their files.
#[derive(Debug)]
pub struct House {
    // Dropped in this order: the servers first, then the lock on their folder.
    nats: Option<PrivateNats>,
    pub(crate) postgres: Option<PrivatePostgres>,
    pub(crate) data: Arc<DataFolder>,
    /// The keys of the users of NATS, by their names.
    pub(crate) keys: BTreeMap<String, UserKey>,
    /// What its servers are recognised by, and where its Postgres is, if that is by TLS.
    pub(crate) known_by: Option<(Authority, IpAddr)>,
}

impl House {
    /// Both servers: NATS with the topology applied, Postgres migrated.
    pub async fn start() -> Self {
        let mut house = Self::with_postgres().await;
        house.start_nats().await;
        house.apply_topology().await;
        house
    }

    /// NATS alone, with the topology applied.
    pub async fn with_nats() -> Self {
        let house = Self::with_bare_nats().await;
        house.apply_topology().await;
        house
    }

    /// NATS alone, without a stream.
    pub async fn with_bare_nats() -> Self {
        let mut house = Self::empty(|_, _, _| ()).await;
        house.start_nats().await;
        house
    }

    /// Postgres alone, migrated.
    pub async fn with_postgres() -> Self {
        let mut house = Self::empty(template::copy_into).await;
        let settings = PostgresSettings::new(Durability::ForTests, CONNECTIONS_MAX);
        let started = PrivatePostgres::start(&house.data, settings).await;
        house.postgres = Some(started.expect("a private Postgres"));
        house
    }

    /// The NATS of this house.
    pub fn nats(&self) -> &PrivateNats {
        self.nats
            .as_ref()
            .expect("this house was started with NATS")
    }

    /// The NATS of this house, to kill, stop or start again.
    pub fn nats_mut(&mut self) -> &mut PrivateNats {
        self.nats
            .as_mut()
            .expect("this house was started with NATS")
    }

    /// Whether there is a Postgres of this house.
    pub fn has_postgres(&self) -> bool {
        self.postgres.is_some()
    }

    /// The Postgres of this house.
    pub fn postgres(&self) -> &PrivatePostgres {
        self.postgres
            .as_ref()
            .expect("this house was started with Postgres")
    }

    /// The Postgres of this house, to kill, stop or start again.
    pub fn postgres_mut(&mut self) -> &mut PrivatePostgres {
        self.postgres
            .as_mut()
            .expect("this house was started with Postgres")
    }

    /// What a service needs to connect to NATS.
    pub fn connect_settings(&self) -> ConnectSettings {
        ConnectSettings {
            url: self.nats().url(),
            credentials: Some(self.nats().credentials()),
            tls: self.tls(),
            ..ConnectSettings::default()
        }
    }

    /// A connection to NATS, as the service.
    pub async fn bus(&self, service: &'static str) -> Bus {
        let connected = Bus::connect(&self.connect_settings(), service).await;
        connected.expect("a connection to the private NATS")
    }

    /// Takes a stream away with all that is in it: what nothing of ours ever does.
    pub async fn remove_stream(&self, name: &str) {
        let (user, password) = self.nats().credentials();
        let options = async_nats::ConnectOptions::with_user_and_password(user, password);
        let client = options.connect(self.nats().url()).await;
        let client = client.expect("a connection to the private NATS");
        let removed = async_nats::jetstream::new(client).delete_stream(name).await;
        removed.expect("the stream was there");
    }

    /// What a stream holds now, in its order: each message's id and payload.
    pub async fn messages(&self, name: &str) -> Vec<(String, Vec<u8>)> {
        let read = |found: StreamMessage| {
            let id = found.headers.get("Nats-Msg-Id");
            let id = id.map_or_else(String::new, ToString::to_string);
            (id, found.payload.to_vec())
        };
        self.stored(name).await.into_iter().map(read).collect()
    }

    /// The facts that their stream holds now, in its order.
    pub async fn facts(&self) -> Vec<Fact> {
        let stored = self.stored("FACTS").await.into_iter();
        stored
            .flat_map(|found| bus::facts::read(&found.headers, found.payload))
            .collect()
    }

    async fn stored(&self, name: &str) -> Vec<StreamMessage> {
        let (user, password) = self.nats().credentials();
        let options = async_nats::ConnectOptions::with_user_and_password(user, password);
        let client = options.connect(self.nats().url()).await;
        let context = async_nats::jetstream::new(client.expect("a connection to the private NATS"));
        let stream = context.get_stream(name).await.expect("the stream is there");
        let state = &stream.cached_info().state;
        let mut messages = Vec::new();
        for place in state.first_sequence..=state.last_sequence {
            // One that was taken out leaves a gap.
            messages.extend(stream.get_raw_message(place).await);
        }
        messages
    }

    /// Takes a consumer away, with what it knows of how far it came.
    pub async fn remove_consumer(&self, stream: &str, consumer: &str) {
        let (user, password) = self.nats().credentials();
        let options = async_nats::ConnectOptions::with_user_and_password(user, password);
        let client = options.connect(self.nats().url()).await;
        let context = async_nats::jetstream::new(client.expect("a connection to the private NATS"));
        let removed = context.delete_consumer_from_stream(consumer, stream).await;
        removed.expect("the consumer was there");
    }

    /// Lets a stream hold no more than so many messages; -1 is as many as it likes.
    pub async fn bound_stream(&self, name: &str, messages_max: i64) {
        self.change_stream(name, |config| config.max_messages = messages_max)
            .await;
    }

    /// Lets a stream remember message ids for so long and no longer.
    pub async fn shorten_window(&self, name: &str, window: Duration) {
        self.change_stream(name, |config| config.duplicate_window = window)
            .await;
    }

    async fn change_stream(&self, name: &str, change: impl FnOnce(&mut stream::Config)) {
        let (user, password) = self.nats().credentials();
        let options = async_nats::ConnectOptions::with_user_and_password(user, password);
        let client = options.connect(self.nats().url()).await;
        let context = async_nats::jetstream::new(client.expect("a connection to the private NATS"));
        let stream = context.get_stream(name).await.expect("the stream is there");
        let mut config = stream.cached_info().config.clone();
        change(&mut config);
        let changed = context.update_stream(config).await;
        changed.expect("the stream takes the change");
    }

    /// Where a role (`assay_verifier`, …) reaches the migrated database.
    pub fn database_url(&self, role: &str) -> String {
        self.postgres().url(role, DATABASE)
    }

    /// Where the database's owner reaches it.
    pub fn owner_url(&self) -> String {
        self.postgres().owner_url()
    }

    /// The ledger, as the role.
    pub fn store(&self, role: &str, connections_max: usize) -> Store {
        let opened = Store::open(&self.database_url(role), connections_max);
        opened.expect("a pool of connections to the private Postgres")
    }

    /// A folder of the test's own that goes with the house, for objects and the like.
    pub fn folder(&self, name: &str) -> PathBuf {
        let folder = self.data.path().join("test").join(name);
        std::fs::create_dir_all(&folder).expect("a folder in the test's room");
        folder
    }

    /// A room, furnished while nobody can sweep it.
    pub(crate) async fn empty(furnish: fn(&Arc<DataFolder>, &Path, &Gate)) -> Self {
        let prepare = move || {
            let base = room::base();
            room::sweep(&base);
            let gate = Gate::of(&base);
            gate.enter();
            let data = room::make(&base);
            furnish(&data, &base, &gate);
            gate.leave();
            data
        };
        let data = tokio::task::spawn_blocking(prepare).await;
        Self {
            nats: None,
            postgres: None,
            data: data.expect("a room for the test's servers"),
            keys: users::keys(),
            known_by: None,
        }
    }

    pub(crate) async fn start_nats(&mut self) {
        let settings = NatsSettings {
            program: pinned_nats_server(),
            users: users::entries(&self.keys),
            more: self.nats_by_tls(),
            ..NatsSettings::default()
        };
        let started = PrivateNats::start(&self.data, settings).await;
        self.nats = Some(started.expect("a private nats-server"));
    }

    /// Makes the streams and consumers that are missing.
    pub async fn apply_topology(&self) {
        let bus = self.bus("testkit").await;
        // A disk that much else waits for may take longer than the server's answer may.
        wait::until("the topology is applied", async || {
            let applied = bus.apply_topology(1).await;
            applied.map(drop).map_err(|error| error.to_string())
        })
        .await;
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(postgres) = self.postgres.as_ref().filter(|_| thread::panicking()) {
            let log = std::fs::read_to_string(postgres.log()).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(LOG_LINES_MAX)..];
            eprintln!(
                "the last lines of the test's Postgres log:\n{}",
                tail.join("\n")
            );
        }
        self.nats = None;
        self.postgres = None;
        if let Err(error) = folder::remove(self.data.path()) {
            // The next sweep tries again.
            eprintln!("the test's room stays for now: {error}");
        }
    }
}

/// The project's own nats-server, wherever the test program lies; `ASSAY_NATS_SERVER` goes first.
pub(crate) fn pinned_nats_server() -> Option<PathBuf> {
    let pinned = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/bin/nats-server");
    let asked = std::env::var_os("ASSAY_NATS_SERVER").map(PathBuf::from);
    asked.or_else(|| pinned.exists().then_some(pinned))
}

//! Owns the service at work: with its servers, and with what its neighbours would have written
//! and would read.

use std::sync::{Arc, Mutex};

use bus::connect::Bus;
use bus::consume::{Consumption, Handler, Outcome, each};
use bus::incoming::Incoming;
use bus::outgoing::Outgoing;
use bus::topology::{ATTEMPT_WRITER_LIVE, CONSUMERS, VERIFIER_LIVE, VERIFIER_UNCHECKED};
use contract::command::LabPublishRequested;
use contract::ids::CommandId;
use contract::job::{CommitsFound, VerificationRequested};
use contract::message::Message;
use contract::unchecked::UncheckedRequested;
use objects::store::Objects;
use process::health::{Gate, Health};
use process::settings::Settings;
use serde_json::{Value, json};
use testkit::house::House;
use testkit::wait;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::world::World;

/// What the neighbours were told.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) verifications: Mutex<Vec<VerificationRequested>>,
    pub(crate) found: Mutex<Vec<CommitsFound>>,
    pub(crate) unchecked: Mutex<Vec<UncheckedRequested>>,
}

pub(crate) struct Office {
    pub(crate) house: House,
    pub(crate) world: World,
    pub(crate) bus: Bus,
    pub(crate) heard: Arc<Heard>,
    pub(crate) objects: Objects,
    pub(crate) health: Health,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Office {
    pub(crate) async fn open() -> Self {
        Self::of(|settings| settings).await
    }

    /// The same with another setting.
    pub(crate) async fn open_with(setting: &str, value: bool) -> Self {
        Self::of(|settings| settings.with(setting, value).unwrap()).await
    }

    async fn of(change: impl FnOnce(Settings) -> Settings) -> Self {
        let house = House::start().await;
        let world = World::make().await;
        let bus = house.bus("office").await;
        let settings = change(settings(&house, &world));
        let objects = Objects::open_folder(&settings.objects.folder).unwrap();
        let (stop, heard) = (CancellationToken::new(), Arc::new(Heard::default()));
        let mut office = Self {
            house,
            world,
            bus,
            heard,
            objects,
            health: Health::new(),
            stop,
            tasks: Vec::new(),
        };
        office.run_service(settings);
        office.listen();
        office
    }

    fn run_service(&mut self, settings: Settings) {
        let (health, stop) = (self.health.clone(), self.stop.clone());
        self.tasks.push(tokio::spawn(async move {
            snapshot_builder::run::run(&settings, &health, stop)
                .await
                .unwrap();
        }));
    }

    fn listen(&mut self) {
        for consumer in [&VERIFIER_LIVE, &VERIFIER_UNCHECKED, &ATTEMPT_WRITER_LIVE] {
            let consumption = Consumption {
                bus: self.bus.clone(),
                consumer,
                gate: Gate::new(vec![]),
                stop: self.stop.clone(),
            };
            let ear = Arc::new(Ear(Arc::clone(&self.heard)));
            self.tasks.push(tokio::spawn(async move {
                each(consumption, 1, ear).await.unwrap()
            }));
        }
    }

    /// Stops the service and whoever listens; nothing of theirs may fail.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        for task in self.tasks {
            task.await.unwrap();
        }
        self.house.entries_are_by_the_schema().await;
    }

    /// Publishes a message anew, as a queue would deliver it again.
    pub(crate) async fn say_again<M: Message>(&self, message: &M) {
        let id = CommandId::new().to_string();
        let payload = serde_json::to_vec(message).unwrap().into();
        let again = Outgoing::raw("office", M::KIND, message.subject(), &id, payload).unwrap();
        self.bus.publish_raw(again).await.unwrap();
    }

    /// Waits until the queue `durable` is empty and nothing of it is being worked on.
    pub(crate) async fn settled(&self, durable: &str) {
        let consumer = CONSUMERS.iter().find(|one| one.durable == durable);
        self.house.until_queued(consumer.unwrap(), 0).await;
    }

    pub(crate) async fn command(&self, request: &LabPublishRequested) -> Value {
        let query = format!("SELECT * FROM command WHERE id = '{}'", request.command);
        wait::until("the command has an outcome", async || {
            let rows = self.house.rows(&query).await;
            rows.first()
                .map(|row| serde_json::from_str(row).unwrap())
                .ok_or("no row".to_owned())
        })
        .await
    }

    pub(crate) async fn publish_lab(&self) -> Value {
        let request = publish(&self.world.lab.clone_url(), None);
        self.bus.publish(&request).await.unwrap();
        self.command(&request).await
    }

    /// The verifications that were asked for, once there are as many.
    pub(crate) async fn verifications(&self, count: usize) -> Vec<VerificationRequested> {
        heard(&self.heard.verifications, count).await
    }

    /// What nothing is to be run for, once there are as many messages of it.
    pub(crate) async fn unchecked(&self, count: usize) -> Vec<UncheckedRequested> {
        heard(&self.heard.unchecked, count).await
    }

    /// The commits that were handed on, once there are as many messages of them.
    pub(crate) async fn found(&self, count: usize) -> Vec<CommitsFound> {
        heard(&self.heard.found, count).await
    }

    /// How many repositories are cached.
    pub(crate) fn caches(&self) -> usize {
        let entries = std::fs::read_dir(self.house.folder("caches")).unwrap();
        let names = entries.map(|one| one.unwrap().file_name().to_string_lossy().into_owned());
        names.filter(|name| name.ends_with(".git")).count()
    }

    pub(crate) async fn dead_letters(&self) -> u64 {
        let states = self.bus.stream_states().await.unwrap();
        states
            .iter()
            .find(|state| state.name == "DEAD")
            .unwrap()
            .messages
    }
}

async fn heard<T: Clone>(said: &Mutex<Vec<T>>, count: usize) -> Vec<T> {
    wait::until("the neighbours were told", async || {
        let said = said.lock().unwrap();
        if said.len() >= count {
            Ok(said.clone())
        } else {
            Err(format!("{} messages", said.len()))
        }
    })
    .await
}

pub(crate) fn publish(location: &str, reference: Option<&str>) -> LabPublishRequested {
    LabPublishRequested {
        command: CommandId::new(),
        actor: "operator".parse().unwrap(),
        location: location.to_owned(),
        reference: reference.map(str::to_owned),
    }
}

fn settings(house: &House, world: &World) -> Settings {
    let connect = house.connect_settings();
    let (user, password) = connect.credentials.unwrap();
    let secrets = house.folder("secrets");
    let (nats, hook) = (secrets.join("nats"), secrets.join("hook"));
    std::fs::write(&nats, password).unwrap();
    std::fs::write(&hook, "secret").unwrap();
    let role = "assay_reader";
    let source = json!({
        "provider": "github",
        "fetch_url": world.forge.fetch_url_template(),
        "secrets": [{ "name": "first", "file": hook }],
    });
    Settings::load_from(None, [])
        .unwrap()
        .with(
            "nats",
            json!({ "url": connect.url, "user": user, "password_file": nats }),
        )
        .unwrap()
        .with(
            "postgres.url",
            house.database_url(role).replace(role, "{role}"),
        )
        .unwrap()
        .with("objects.folder", house.folder("objects"))
        .unwrap()
        .with("snapshots.cache_folder", house.folder("caches"))
        .unwrap()
        .with("sources.github", source)
        .unwrap()
}

struct Ear(Arc<Heard>);

impl Handler for Ear {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        if let Ok(message) = incoming.decode() {
            self.0.verifications.lock().unwrap().push(message);
        } else if let Ok(message) = incoming.decode() {
            self.0.found.lock().unwrap().push(message);
        } else if let Ok(message) = incoming.decode() {
            self.0.unchecked.lock().unwrap().push(message);
        }
        Outcome::Done
    }
}

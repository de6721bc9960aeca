//! Owns the service at work: with its servers, and with what its neighbours would have written
//! and would read.

use std::path::Path;
use std::sync::{Arc, Mutex};

use bus::connect::Bus;
use bus::consume::{Consumption, each};
use bus::outgoing::Outgoing;
use bus::topology::{CONSUMERS, SNAPSHOT_BUILDER_BULK};
use contract::digest::Digest;
use contract::ids::{
    AttemptId, CommandId, DeliveryId, LabId, LabVersionId, PushId, RequestId, SessionId,
};
use contract::job::{
    Handed, PreservedTree, PushOfSession, SnapshotRequested, VerificationRequested,
};
use contract::message::{Lane, Message};
use contract::name::CommitSha;
use contract::time::now;
use objects::manifest::{Blob, BlobKind, Content, Entry, Manifest};
use objects::owner::Owner;
use objects::path::TreePath;
use objects::store::Objects;
use process::health::{Gate, Health};
use process::settings::Settings;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::house::House;
use testkit::wait;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::bench::scratch;

// By its path: the benches take this file from elsewhere.
#[path = "workshop/ear.rs"]
mod ear;

use ear::Ear;

/// A file of a tree: its path, its kind, its bytes.
pub(crate) type TreeEntry<'a> = (&'a str, BlobKind, &'a str);

pub(crate) struct Workshop {
    pub(crate) house: House,
    pub(crate) bus: Bus,
    pub(crate) objects: Objects,
    heard: Arc<Mutex<Vec<SnapshotRequested>>>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    scratch: TempDir,
}

/// A session of a lab that was published.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) version: LabVersionId,
    pub(crate) push: PushOfSession,
}

impl Workshop {
    pub(crate) async fn open() -> Self {
        let mut workshop = Self::furnish().await;
        workshop.serve(2);
        workshop
    }

    /// All but the service.
    pub(crate) async fn furnish() -> Self {
        let house = House::start().await;
        let bus = house.bus("workshop").await;
        let scratch = scratch();
        let settings = settings(&house, scratch.path());
        let objects = Objects::open_folder(&settings.objects.folder).unwrap();
        let (stop, heard) = (CancellationToken::new(), Arc::default());
        let mut workshop = Self {
            house,
            bus,
            objects,
            heard,
            stop,
            tasks: Vec::new(),
            scratch,
        };
        workshop.listen();
        workshop
    }

    /// Starts the service, with so many slots.
    pub(crate) fn serve(&mut self, slots: usize) {
        let settings = settings(&self.house, self.scratch.path());
        self.serve_as(settings.with("verifier.slots", slots).unwrap());
    }

    /// The settings of a service.
    pub(crate) fn settings(&self) -> Settings {
        settings(&self.house, self.scratch.path())
    }

    /// Starts the service with these settings.
    pub(crate) fn serve_as(&mut self, settings: Settings) {
        let stop = self.stop.clone();
        self.tasks.push(tokio::spawn(async move {
            verifier::run::run(&settings, &Health::new(), stop)
                .await
                .unwrap();
        }));
    }

    fn listen(&mut self) {
        let consumption = Consumption {
            bus: self.bus.clone(),
            consumer: &SNAPSHOT_BUILDER_BULK,
            gate: Gate::new(vec![]),
            stop: self.stop.clone(),
        };
        let ear = Arc::new(Ear(Arc::clone(&self.heard)));
        self.tasks.push(tokio::spawn(async move {
            each(consumption, 1, ear).await.unwrap();
        }));
    }

    /// Stops the service, which finishes what it holds, and whoever listens; nothing may fail.
    pub(crate) async fn close(&mut self) {
        self.stop.cancel();
        for task in self.tasks.drain(..) {
            task.await.unwrap();
        }
    }

    /// Keeps a tree as snapshot-builder would, and gives its manifest's digest.
    pub(crate) async fn keep(&self, owner: Owner, tree: &[TreeEntry<'_>]) -> Digest {
        let mut entries = Vec::new();
        for (path, kind, text) in tree {
            let bytes = text.as_bytes().to_vec();
            let blob = Blob {
                kind: *kind,
                bytes: bytes.len() as u64,
                digest: self.objects.put(owner, bytes.into()).await.unwrap(),
            };
            entries.push(Entry {
                path: TreePath::new(*path).unwrap(),
                content: Content::Blob(blob),
            });
        }
        let manifest = Manifest::new(entries).unwrap();
        self.objects
            .put(owner, manifest.to_text().into())
            .await
            .unwrap()
    }

    /// A lab of these files, one of them its `lab.toml`, and a session of it with one push.
    pub(crate) async fn session(&self, lab_files: &[TreeEntry<'_>]) -> Session {
        let (lab, version) = (LabId::new(), LabVersionId::new());
        let digest = self.keep(Owner::Lab(lab), lab_files).await;
        let toml = lab_files
            .iter()
            .find(|(path, ..)| *path == "lab.toml")
            .unwrap();
        let spec = lab::spec::parse("lab.toml", toml.2).unwrap();
        let spec = serde_json::to_string(&spec).unwrap();
        let (id, command) = (SessionId::new(), CommandId::new());
        let delivery = DeliveryId::compute("github", &command.to_string());
        let push = PushId::new();
        let repository = "github:course-1/intro-ada";
        self.house.sql(&format!(
            "INSERT INTO command VALUES ('{command}', 'lab-publish', 'op', '{{}}', 'accepted', NULL, NULL, now());
             INSERT INTO lab VALUES ('{lab}', '{lab}', now());
             INSERT INTO lab_version VALUES ('{version}', '{lab}', 1, '{digest}', 'T', $spec${spec}$spec$, 'c', 'l', 1, 1, '{command}', now());
             INSERT INTO lab_session VALUES ('{id}', '{lab}', '{version}', '{repository}', 1, NULL, NULL, 'test', now());
             INSERT INTO delivery_receipt VALUES ('{delivery}', 'github', '{push}', 'd', '{command}', 1, now());
             INSERT INTO delivery VALUES ('{delivery}', 'github', 'push', 'd', 1, 'k', 't', '{command}', 1, now(), now());
             INSERT INTO push VALUES ('{push}', '{delivery}', 'd', '{repository}', 'refs/heads/main', 'branch', NULL, NULL, false, 1, NULL, now(), now())"
        )).await;
        let push = PushOfSession {
            delivery,
            push,
            session: id,
            lab_version: version,
            repository: repository.parse().unwrap(),
            branch: "main".into(),
            before: None,
            after: commit(0),
            starting: None,
            received_at: now(),
        };
        Session { id, version, push }
    }

    /// An attempt of the session with a request to verify it, and the message that asks for it.
    pub(crate) async fn request(
        &self,
        session: &Session,
        tree: PreservedTree,
    ) -> VerificationRequested {
        let (attempt, request) = (AttemptId::new(), RequestId::new());
        let PushOfSession { push, delivery, .. } = &session.push;
        let (id, version) = (session.id, session.version);
        let commit = commit(attempt.as_uuid().as_u128());
        self.house.sql(&format!(
            "INSERT INTO lab_attempt VALUES ('{attempt}', '{id}', '{push}', '{delivery}', '{commit}', \
             'main', NULL, NULL, NULL, now(), 'payload', 't', now());
             INSERT INTO verification_request VALUES ('{request}', 'push:{push}', '{attempt}', '{version}', 'live', 't', now())"
        )).await;
        VerificationRequested {
            push: session.push.clone(),
            request,
            attempt,
            commit,
            tree,
            try_number: 1,
            not_before: None,
            lane: Lane::Live,
            handed: Handed::default(),
        }
    }

    /// Has a learner's tree verified, and gives the result's row.
    pub(crate) async fn verify(&self, session: &Session, tree: &[TreeEntry<'_>]) -> Value {
        let digest = self.keep(Owner::Session(session.id), tree).await;
        let job = self.request(session, PreservedTree::Kept { digest }).await;
        self.bus.publish(&job).await.unwrap();
        self.result(&job).await
    }

    /// The row of the job's try, once it is there.
    pub(crate) async fn result(&self, job: &VerificationRequested) -> Value {
        let query = format!(
            "SELECT * FROM verification_attempt WHERE request_id = '{}' AND try_number = {}",
            job.request, job.try_number
        );
        wait::until("there is a result", async || {
            let rows = self.house.rows(&query).await;
            let row = rows.first().ok_or_else(|| "no row".to_owned())?;
            Ok(serde_json::from_str(row).unwrap())
        })
        .await
    }

    /// Publishes a message anew, as a queue would deliver it again.
    pub(crate) async fn say_again<M: Message>(&self, message: &M) {
        let id = CommandId::new().to_string();
        let payload = serde_json::to_vec(message).unwrap().into();
        let again = Outgoing::raw("workshop", M::KIND, message.subject(), &id, payload).unwrap();
        self.bus.publish_raw(again).await.unwrap();
    }

    /// Waits until the lane's queue holds this many messages that are not acked.
    pub(crate) async fn unacked(&self, durable: &str, count: u64) {
        let consumer = CONSUMERS.iter().find(|one| one.durable == durable);
        self.house.until_queued(consumer.unwrap(), count).await;
        wait::until("the queue is as it should be", async || {
            let states = self.bus.consumer_states().await;
            let states = states.map_err(|error| error.to_string())?;
            let state = states
                .iter()
                .find(|state| state.durable == durable)
                .unwrap();
            if state.waiting == 0 && state.unacked == count {
                Ok(())
            } else {
                Err(format!("{state:?}"))
            }
        })
        .await;
    }

    /// What snapshot-builder was told, once it is this much.
    pub(crate) async fn snapshots_asked(&self, count: usize) -> Vec<SnapshotRequested> {
        wait::until("snapshot-builder was told", async || {
            let heard = self.heard.lock().unwrap();
            if heard.len() >= count {
                Ok(heard.clone())
            } else {
                Err(format!("{} messages", heard.len()))
            }
        })
        .await
    }
}

pub(crate) fn commit(number: u128) -> CommitSha {
    format!("{:040x}", number | 1).parse().unwrap()
}

fn settings(house: &House, scratch: &Path) -> Settings {
    let connect = house.connect_settings();
    let (user, password) = connect.credentials.unwrap();
    let nats = house.folder("secrets").join("nats");
    std::fs::write(&nats, password).unwrap();
    let role = "assay_reader";
    let url = house.database_url(role).replace(role, "{role}");
    let nats = json!({ "url": connect.url, "user": user, "password_file": nats });
    let set = |settings: Settings, name: &str, value: Value| settings.with(name, value).unwrap();
    let settings = set(Settings::load_from(None, []).unwrap(), "nats", nats);
    let settings = set(settings, "postgres.url", json!(url));
    let settings = set(settings, "objects.folder", json!(house.folder("objects")));
    // A user who cannot enforce limits tests all the rest.
    let waiver = "verifier.dangerously_run_without_limits";
    let settings = set(settings, waiver, json!(crate::bench::lacking().is_some()));
    set(settings, "verifier.scratch_folder", json!(scratch))
}

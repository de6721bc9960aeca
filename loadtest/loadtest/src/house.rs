//! Owns the house of a run: real servers that sync every write, and each service as a process of its
//! own, so that what they use can be told apart.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use process::settings::service::Service;
use rand::RngCore as _;
use sample::forge::LoopbackForge;
use sample::lab::make_lab;
use sample::repository::{Change, Clock};
use servers::folder::DataFolder;
use servers::nats::{NatsSettings, PrivateNats};
use servers::postgres::{DATABASE, Durability, PostgresSettings, PrivatePostgres};
use tempfile::TempDir;
use testkit::port::Port;
use testkit::program::{Plan, Program};
use testkit::users::{self, Keys};
use tokio::time::Instant;
use witness::programs::Programs;

use crate::machine::Watched;
use crate::operate::operate;
use crate::settings::Told;
use crate::target::Target;

/// Connections that the private Postgres takes.
const POSTGRES_CONNECTIONS: u16 = 100;
/// How long the house may take to be ready, in seconds.
const READY_SECS_MAX: u64 = 90;
/// The pause between two looks, in milliseconds.
const LOOK_MS: u64 = 50;
/// The source that webhooks come to.
pub(crate) const SOURCE: &str = "github";
/// Length of the webhooks' secret, in bytes before it is written as hex.
const SECRET_BYTES: usize = 16;
/// A lab that has nothing run.
pub(crate) const UNCHECKED_LAB: &str = "[lab]\nslug = \"unchecked\"\n\n[session]\n\
    enrol = [\"github:class/learner-*\"]\n\n[verify]\ncommits = \"all\"\nexecutor = \"none\"\n";

/// A house that stands until it is dropped.
#[derive(Debug)]
pub struct House {
    // Dropped in this order: who uses the servers first.
    services: Vec<(Service, Program)>,
    /// The forge that labs and learners are fetched from.
    pub forge: LoopbackForge,
    nats: PrivateNats,
    keys: Keys,
    postgres: PrivatePostgres,
    programs: Programs,
    hooks: Port,
    _health: Vec<Port>,
    secret: String,
    folder: TempDir,
}

impl House {
    /// Starts servers and services, and waits until each is ready.
    ///
    /// # Errors
    /// What is missing, or does not get ready.
    pub async fn start(programs: Programs) -> Result<Self> {
        let postgres = PostgresSettings::new(Durability::Durable, POSTGRES_CONNECTIONS);
        Self::start_on(programs, postgres).await
    }

    /// The same with settings of Postgres's own, each as `name=value`.
    ///
    /// # Errors
    /// As [`House::start`].
    pub async fn tuned(programs: Programs, settings: Vec<String>) -> Result<Self> {
        let postgres = PostgresSettings::new(Durability::Durable, POSTGRES_CONNECTIONS);
        Self::start_on(programs, postgres.tuned(settings)).await
    }

    async fn start_on(programs: Programs, postgres: PostgresSettings) -> Result<Self> {
        let folder = tempfile::tempdir().context("make a folder")?;
        // The accounts of boxes and servers get through.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
        let forge = LoopbackForge::start(&folder.path().join("forge")).await?;
        let data = DataFolder::open(&folder.path().join("data")).context("make a data folder")?;
        let keys = users::keys();
        let settings = NatsSettings {
            users: users::entries(&keys),
            ..NatsSettings::default()
        };
        let nats = PrivateNats::start(&data, settings);
        let nats = nats.await.context("start a nats-server")?;
        let postgres = PrivatePostgres::start(&data, postgres);
        let postgres = postgres.await.context("start a Postgres")?;
        let mut secret = [0; SECRET_BYTES];
        rand::thread_rng().fill_bytes(&mut secret);
        let mut house = Self {
            services: Vec::new(),
            forge,
            nats,
            keys,
            postgres,
            programs,
            hooks: Port::take(),
            _health: Vec::new(),
            secret: hex::encode(secret),
            folder,
        };
        house.write_settings()?;
        house.assay(&["migrate"]).await?;
        house.assay(&["topology", "apply"]).await?;
        house.start_services().await?;
        Ok(house)
    }

    /// What is sent to, and where it is looked at.
    pub fn target(&self) -> Target {
        Target {
            url: format!("http://{}/hooks/{SOURCE}", self.hooks.address),
            source: SOURCE.to_owned(),
            secret: self.secret.clone().into_bytes(),
            ledger: Some(self.postgres.url("assay_reader", DATABASE)),
            monitor: Some(self.nats.monitoring_url()),
            watched: self.watched(),
        }
    }

    /// The owner's way to the ledger, for rows of the same shape beside it.
    pub fn owner_url(&self) -> String {
        self.postgres.owner_url()
    }

    /// The programs.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// The folder of the run's files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Publishes the lab that has nothing run: each push to one of the class's repositories opens a
    /// session by itself.
    ///
    /// # Errors
    /// What git or the publication says.
    pub async fn publish_unchecked(&self) -> Result<()> {
        let lab = self.forge.create("labs/unchecked", Clock::Fixed).await?;
        let content = [Change::File(b"lab.toml", UNCHECKED_LAB.as_bytes())];
        lab.commit("main", "Write the lab", &content).await?;
        let published = self.assay(&["lab", "publish", &lab.clone_url()]).await;
        published.context("publish the lab").map(drop)
    }

    /// Publishes the sample's lab, whose steps run in boxes.
    ///
    /// # Errors
    /// What git or the publication says.
    pub async fn publish_boxed(&self) -> Result<sample::repository::Repository> {
        let lab = make_lab(&self.forge, "labs/boxed", Clock::Fixed).await?;
        let trivial = "[lab]\nslug = \"trivial\"\n\n[session]\nenrol = [\"github:course-*/intro-*\"]\n\
            \n[[step]]\nname = \"step\"\nrun = \"exit 0\"\nreport = \"exit-code\"\npoints = 1\n";
        let content = [Change::File(b"lab.toml", trivial.as_bytes())];
        lab.commit("main", "Ask for nothing", &content).await?;
        let published = self.assay(&["lab", "publish", &lab.clone_url()]).await;
        published.context("publish the lab")?;
        Ok(lab)
    }

    /// Ends a service, as an operator does who takes it out of service.
    ///
    /// # Errors
    /// If it does not run.
    pub async fn stop(&mut self, service: Service) -> Result<()> {
        let place = self.services.iter().position(|(one, _)| *one == service);
        let place = place.with_context(|| format!("{service} does not run"))?;
        let (_, mut program) = self.services.remove(place);
        program.signal(rustix::process::Signal::TERM);
        program.ended().await;
        Ok(())
    }

    /// Starts a service that was ended, and waits until it is ready.
    ///
    /// # Errors
    /// If it does not get ready.
    pub async fn start_again(&mut self, service: Service) -> Result<()> {
        let health = self.launch(service);
        self.until_ready(service, &health).await
    }

    async fn start_services(&mut self) -> Result<()> {
        let mut waiting = Vec::new();
        for service in Service::ALL {
            waiting.push((service, self.launch(service)));
        }
        for (service, health) in waiting {
            self.until_ready(service, &health).await?;
        }
        Ok(())
    }

    fn launch(&mut self, service: Service) -> String {
        let health = Port::take();
        let address = health.address.to_string();
        let folder = self.folder.path();
        let config = folder.join("assay.toml").display().to_string();
        let plan = Plan {
            program: self.programs.assay.clone(),
            arguments: vec!["--config".into(), config, "run".into(), service.to_string()],
            variables: vec![
                ("ASSAY__HEALTH__LISTEN", address.clone()),
                ("ASSAY__HTTP__LISTEN", self.hooks.address.to_string()),
            ],
            folder,
        };
        let program = plan.start(&self.log(service));
        self.services.push((service, program));
        self._health.push(health);
        address
    }

    async fn until_ready(&mut self, service: Service, health: &str) -> Result<()> {
        let until = Instant::now() + Duration::from_secs(READY_SECS_MAX);
        let log = self.log(service);
        loop {
            if crate::http::get(&format!("http://{health}/ready"))
                .await
                .is_ok()
            {
                return Ok(());
            }
            let place = self.services.iter_mut().find(|(one, _)| *one == service);
            let ended = place.and_then(|(_, program)| program.has_ended());
            if ended.is_some() || Instant::now() > until {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                let last: Vec<&str> = said.lines().rev().take(3).collect();
                bail!("{service} is not ready: {}", last.join("\n"));
            }
            tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
        }
    }

    fn log(&self, service: Service) -> PathBuf {
        self.folder.path().join(format!("{service}.log"))
    }

    fn watched(&self) -> Vec<Watched> {
        let services = self.services.iter().map(|(service, program)| Watched {
            name: service.to_string(),
            id: program.id(),
        });
        let server = |name: &str, id: i32| Watched {
            name: name.to_owned(),
            id: u32::try_from(id).unwrap_or(0),
        };
        let servers = [
            server("nats-server", self.nats.process_id()),
            server("postgres", self.postgres.process_id()),
        ];
        let driver = Watched {
            name: DRIVER.to_owned(),
            id: std::process::id(),
        };
        services.chain(servers).chain([driver]).collect()
    }

    /// Runs a command of the operator's.
    ///
    /// # Errors
    /// What the command says, where it does not succeed.
    pub async fn assay(&self, arguments: &[&str]) -> Result<String> {
        operate(&self.programs, self.folder.path(), arguments).await
    }

    fn write_settings(&self) -> Result<()> {
        let told = Told {
            nats: self.nats.url(),
            monitoring: self.nats.monitoring_url(),
            keys: &self.keys,
            owner_url: self.postgres.owner_url(),
            fetch: self.forge.fetch_url_template(),
            source: SOURCE,
            secret: &self.secret,
        };
        told.write(self.folder.path())
    }
}

/// What this program is called among the processes.
pub const DRIVER: &str = "loadtest";

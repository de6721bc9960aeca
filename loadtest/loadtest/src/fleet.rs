//! Owns a fleet: several processes of each service behind a proxy, on a cluster of three
//! nats-servers, as a deployment has them, all of it real and on this machine.

pub mod bench;
pub mod cli;
pub mod orders;
pub mod page;
pub mod proxy;
pub mod replica;
pub mod roll;
pub mod spread;
pub mod streams;
pub mod trouble;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use process::settings::service::Service;
use rand::RngCore as _;
use sample::forge::LoopbackForge;
use sample::repository::{Change, Clock};
use servers::folder::DataFolder;
use servers::postgres::{DATABASE, Durability, PostgresSettings, PrivatePostgres};
use tempfile::TempDir;
use testkit::cluster::{Cluster, SERVERS};
use tokio::sync::Mutex;
use witness::programs::Programs;

use crate::fleet::proxy::Proxy;
use crate::fleet::replica::{Replica, Who};
use crate::house::{DRIVER, SOURCE, UNCHECKED_LAB};
use crate::machine::Watched;
use crate::operate::operate;
use crate::settings::Told;
use crate::target::Target;
use crate::template::Template;

/// Connections of each process's pool: small, since they are direct and there are many processes.
pub const POOL_SIZE: usize = 4;
/// What Postgres has beyond the services' pools: operators, the checker, the leaders' own.
const CONNECTIONS_BESIDE: usize = 30;
/// How often the topology is applied until it is there.
const APPLIED_MAX: u32 = 5;
/// Length of the webhooks' secret, in bytes before it is written as hex.
const SECRET_BYTES: usize = 16;

/// How large a fleet is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    /// Processes of each service.
    pub replicas: usize,
    /// Whether each nats-server has a network of its own, so that it can be cut off.
    pub apart: bool,
}

/// A fleet that stands until it is dropped.
#[derive(Debug)]
pub struct Fleet {
    // Dropped in this order: who uses the servers first.
    /// What webhooks come through.
    pub proxy: Proxy,
    /// The processes of the services.
    pub replicas: Vec<Replica>,
    /// Where labs are fetched from.
    pub forge: LoopbackForge,
    /// The bus.
    pub cluster: Mutex<Cluster>,
    /// The ledger.
    pub postgres: Mutex<PrivatePostgres>,
    programs: Programs,
    target: Target,
    folder: TempDir,
}

impl Fleet {
    /// Starts everything, and waits until all of it is ready.
    ///
    /// # Errors
    /// What is missing, or does not get ready.
    pub async fn start(size: Size) -> Result<Self> {
        ensure!(
            size.replicas > 0,
            "a fleet has at least one process of each service"
        );
        // Said before anything is begun.
        let haproxy = proxy::find()?;
        let programs = Programs::find()?;
        let folder = tempfile::tempdir().context("make a folder")?;
        // The accounts of boxes and servers get through.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
        let forge = LoopbackForge::start(&folder.path().join("forge")).await?;
        let cluster = match size.apart {
            true => match Cluster::start_apart(&folder.path().join("nats")).await {
                Ok(cluster) => cluster,
                Err(why) => bail!("the servers cannot have networks of their own: {why}"),
            },
            false => Cluster::start(&folder.path().join("nats")).await,
        };
        let data = DataFolder::open(&folder.path().join("data")).context("make a data folder")?;
        let connections = connections(size.replicas);
        let postgres = PostgresSettings::new(Durability::Durable, connections);
        let postgres = PrivatePostgres::start(&data, postgres);
        let postgres = postgres.await.context("start a Postgres")?;
        let secret = secret();
        let told = Told {
            nats: cluster.url(),
            monitoring: cluster.monitoring_urls(),
            keys: cluster.keys(),
            owner_url: postgres.owner_url(),
            fetch: forge.fetch_url_template(),
            source: SOURCE,
            secret: &secret,
        };
        told.write(folder.path())?;
        let all = Service::ALL
            .into_iter()
            .flat_map(|service| (1..=size.replicas).map(move |number| Who { service, number }));
        let replicas: Vec<Replica> = all
            .map(|who| Replica::new(who, &programs.assay, folder.path()))
            .collect();
        let proxy = Proxy::new(haproxy, &replicas, folder.path());
        let target = Target {
            url: format!("{}/hooks/{SOURCE}", proxy.url()),
            source: SOURCE.to_owned(),
            secret: secret.into_bytes(),
            ledger: Some(postgres.url("assay_reader", DATABASE)),
            monitor: Some(cluster.monitoring_urls()),
            watched: Vec::new(),
        };
        let mut fleet = Self {
            proxy,
            replicas,
            forge,
            cluster: Mutex::new(cluster),
            postgres: Mutex::new(postgres),
            programs,
            target,
            folder,
        };
        fleet.begin().await?;
        Ok(fleet)
    }

    async fn begin(&mut self) -> Result<()> {
        self.assay(&["migrate"]).await?;
        self.apply_topology().await?;
        for replica in &self.replicas {
            replica.start().await;
        }
        for replica in &self.replicas {
            replica.until_ready().await?;
        }
        self.proxy.start().await?;
        self.publish_unchecked().await?;
        self.target.watched = self.watched().await;
        Ok(())
    }

    /// Makes streams and consumers: servers that have only just found each other may be slow to
    /// answer, and what was made stays.
    async fn apply_topology(&self) -> Result<()> {
        let copies = SERVERS.to_string();
        let apply = ["topology", "apply", "--replicas", &copies];
        for _ in 1..APPLIED_MAX {
            if self.assay(&apply).await.is_ok() {
                return Ok(());
            }
        }
        self.assay(&apply).await.map(drop)
    }

    async fn publish_unchecked(&self) -> Result<()> {
        let lab = self.forge.create("labs/unchecked", Clock::Fixed).await?;
        let content = [Change::File(b"lab.toml", UNCHECKED_LAB.as_bytes())];
        lab.commit("main", "Write the lab", &content).await?;
        let published = self.assay(&["lab", "publish", &lab.clone_url()]).await;
        published.context("publish the lab").map(drop)
    }

    /// What is sent to, and where it is looked at.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The programs.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// What bodies are written from.
    ///
    /// # Errors
    /// What git says.
    pub async fn template(&self) -> Result<Template> {
        Template::make(&self.forge).await
    }

    /// The processes of one service.
    pub fn of(&self, service: Service) -> impl Iterator<Item = &Replica> {
        self.replicas
            .iter()
            .filter(move |replica| replica.who.service == service)
    }

    /// Where a process writes its log, for whoever looks into a run that went wrong.
    pub fn logs(&self) -> Vec<PathBuf> {
        self.replicas.iter().map(Replica::log).collect()
    }

    async fn watched(&self) -> Vec<Watched> {
        let mut watched = Vec::new();
        let mut watch = |name: String, id: Option<u32>| {
            watched.extend(id.map(|id| Watched { name, id }));
        };
        for replica in &self.replicas {
            watch(replica.who.to_string(), replica.process_id().await);
        }
        let cluster = self.cluster.lock().await;
        for place in 0..SERVERS {
            watch(
                format!("nats-server-{}", place + 1),
                cluster.process_id(place),
            );
        }
        let postgres = u32::try_from(self.postgres.lock().await.process_id()).ok();
        watch("postgres".to_owned(), postgres);
        watch("haproxy".to_owned(), self.proxy.process_id());
        watch(DRIVER.to_owned(), Some(std::process::id()));
        watched
    }

    /// Runs a command of the operator's.
    ///
    /// # Errors
    /// What the command says, where it does not succeed.
    pub async fn assay(&self, arguments: &[&str]) -> Result<String> {
        operate(&self.programs, self.folder.path(), arguments).await
    }
}

/// What Postgres must take: the formula of docs/OPERATIONS.md.
pub fn connections(replicas: usize) -> u16 {
    let all = Service::ALL.len() * replicas * POOL_SIZE + 2 * replicas + CONNECTIONS_BESIDE;
    u16::try_from(all).unwrap_or(u16::MAX)
}

fn secret() -> String {
    let mut secret = [0; SECRET_BYTES];
    rand::thread_rng().fill_bytes(&mut secret);
    hex::encode(secret)
}

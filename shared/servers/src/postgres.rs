//! Owns a private Postgres: a cluster in the data folder, served on a unix socket and no port.

mod cluster;
mod options;

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::child::{Child, Plan};
use crate::error::ServerError;
use crate::folder::DataFolder;
use crate::postgres::cluster::Cluster;
use crate::program::PostgresPrograms;
use crate::{log, program};

/// The role that owns the database, a superuser of the private cluster.
pub const OWNER: &str = "assay_owner";
/// The database that is made with the cluster.
pub const DATABASE: &str = "assay";
/// The name of the socket inside its folder: of the port number that clients assume.
pub(crate) const SOCKET: &str = ".s.PGSQL.5432";

/// How long the server may take to be ready, crash recovery included, in seconds.
const READY_SECS_MAX: u64 = 120;
/// How long it may take to end when asked, in seconds; then it is told to quit.
const STOP_SECS_MAX: u64 = 30;
/// How long it may take to be gone after that, in seconds (it gives its own children 5).
const QUIT_SECS_MAX: u64 = 10;
/// The step of every wait here.
const STEP: Duration = Duration::from_millis(5);

/// What a crash of the machine may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was committed.
    Durable,
    /// The cluster. For tests, whose data lives as long as they do; a crash of the server alone
    /// still costs nothing.
    ForTests,
}

/// What a private Postgres is to be.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    durability: Durability,
    max_connections: u16,
    listen: Option<IpAddr>,
    tuning: Vec<String>,
}

impl PostgresSettings {
    /// Settings for a server that lets `max_connections` clients in at a time.
    pub fn new(durability: Durability, max_connections: u16) -> Self {
        Self {
            durability,
            max_connections,
            listen: None,
            tuning: Vec::new(),
        }
    }

    /// The same with settings of its own, each as `name=value`. They win over ours.
    #[must_use]
    pub fn tuned(mut self, settings: Vec<String>) -> Self {
        self.tuning = settings;
        self
    }

    /// The same, listening on port 5432 of this address as well. Whom it lets in there is for the
    /// cluster to say.
    #[must_use]
    pub fn listening(mut self, at: IpAddr) -> Self {
        self.listen = Some(at);
        self
    }
}

/// A running Postgres that belongs to this process. Dropping it ends the server at once, which
/// costs the next start a recovery; `stop` is the polite way.
#[derive(Debug)]
pub struct PrivatePostgres {
    _data: Arc<DataFolder>,
    settings: PostgresSettings,
    programs: PostgresPrograms,
    cluster: Cluster,
    child: Child,
}

/// Where the files of the cluster of `data` lie, or will: a test's prepared copy goes there.
pub fn cluster_folder(data: &Arc<DataFolder>) -> Result<PathBuf, ServerError> {
    Ok(Cluster::of(data)?.data)
}

/// The major version of the Postgres that a new cluster would get.
pub fn major_version() -> Result<u32, ServerError> {
    Ok(program::postgres(None)?.major)
}

impl PrivatePostgres {
    /// Makes the cluster if there is none, with role `OWNER` and database `DATABASE`, starts the
    /// server and waits until it answers.
    pub async fn start(
        data: &Arc<DataFolder>,
        settings: PostgresSettings,
    ) -> Result<Self, ServerError> {
        let cluster = Cluster::of(data)?;
        let programs = program::postgres(cluster.made_by()?)?;
        cluster.end_leftovers().await?;
        if !cluster.data.exists() {
            cluster.create(&programs, settings.durability).await?;
        }
        let child = launch(&cluster, &programs, &settings).await?;
        Ok(Self {
            _data: Arc::clone(data),
            settings,
            programs,
            cluster,
            child,
        })
    }

    /// Where a role reaches a database: `postgres://role@<socket folder>/database`. Whoever can
    /// enter the socket folder is believed to be who they say.
    pub fn url(&self, role: &str, database: &str) -> String {
        options::url(&self.cluster.sockets, role, database)
    }

    /// The owner's way to its database.
    pub fn owner_url(&self) -> String {
        self.url(OWNER, DATABASE)
    }

    /// The folder with the server's socket, for who stands between it and its clients.
    pub fn socket_folder(&self) -> PathBuf {
        self.cluster.sockets.clone()
    }

    /// The server's log file.
    pub fn log(&self) -> PathBuf {
        self.cluster.log.clone()
    }

    /// The server's process id.
    pub fn process_id(&self) -> i32 {
        self.child.id()
    }

    /// Waits until the server has ended, and says how. For an owner that must not run without it.
    pub async fn ended(&self) -> ExitStatus {
        self.child.wait().await
    }

    /// Lets running statements be cut off, writes a checkpoint and ends (`SIGINT`, "fast").
    pub async fn stop(&mut self) -> Result<(), ServerError> {
        self.child.signal(Signal::INT);
        let limit = Duration::from_secs(STOP_SECS_MAX);
        if self.child.wait_for(limit).await {
            return Ok(());
        }
        tracing::warn!("Postgres did not end in {STOP_SECS_MAX} s and is told to quit");
        self.child.signal(Signal::QUIT);
        let limit = Duration::from_secs(QUIT_SECS_MAX);
        if self.child.wait_for(limit).await {
            return Ok(());
        }
        self.kill().await
    }

    /// Kills the server, as a crash would (`SIGKILL`). Its helpers notice and end on their own.
    pub async fn kill(&mut self) -> Result<(), ServerError> {
        self.child.signal(Signal::KILL);
        let limit = Duration::from_secs(QUIT_SECS_MAX);
        match self.child.wait_for(limit).await {
            true => Ok(()),
            false => Err(too_slow(&self.cluster, "gone", QUIT_SECS_MAX)),
        }
    }

    /// Starts the server again after `stop`, `kill` or a death of its own, on the same cluster and
    /// the same socket, so that pools recover by themselves. Does nothing while it runs.
    pub async fn start_again(&mut self) -> Result<(), ServerError> {
        if self.child.ended().is_none() {
            return Ok(());
        }
        self.cluster.end_leftovers().await?;
        self.child = launch(&self.cluster, &self.programs, &self.settings).await?;
        Ok(())
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        // Not SIGKILL: this way the server still ends its own children and its shared memory.
        self.child.signal(Signal::QUIT);
        let limit = Duration::from_secs(QUIT_SECS_MAX);
        if !self.child.wait_blocking(limit) {
            self.child.signal(Signal::KILL);
            self.child.wait_blocking(limit);
        }
    }
}

async fn launch(
    cluster: &Cluster,
    programs: &PostgresPrograms,
    settings: &PostgresSettings,
) -> Result<Child, ServerError> {
    cluster.prepare()?;
    let child = Child::start(Plan {
        program: programs.folder.join("postgres"),
        arguments: options::server(cluster, settings),
        variables: &options::MEMORY,
        folder: cluster.data.clone(),
        input: None,
        log: log::open(&cluster.log)?,
        account: cluster.account,
        // An immediate shutdown: it ends its own children, and the next start recovers.
        death_signal: "QUIT",
    })?;
    match ready(cluster, &child).await {
        Ok(()) => Ok(child),
        Err(error) => {
            child.signal(Signal::QUIT);
            child.wait_for(Duration::from_secs(QUIT_SECS_MAX)).await;
            child.signal(Signal::KILL);
            Err(error)
        }
    }
}

async fn ready(cluster: &Cluster, child: &Child) -> Result<(), ServerError> {
    let until = Instant::now() + Duration::from_secs(READY_SECS_MAX);
    while !cluster.is_ready(child.id()) {
        if let Some(status) = child.ended() {
            return Err(cluster.ended("Postgres", status));
        }
        if Instant::now() > until {
            return Err(too_slow(cluster, "ready", READY_SECS_MAX));
        }
        tokio::time::sleep(STEP).await;
    }
    Ok(())
}

fn too_slow(cluster: &Cluster, wanted: &'static str, limit_secs: u64) -> ServerError {
    ServerError::TooSlow {
        server: "Postgres",
        wanted,
        limit_secs,
        log: cluster.log.clone(),
        tail: log::tail(&cluster.log),
    }
}

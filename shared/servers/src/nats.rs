//! Owns a private nats-server: JetStream that syncs every message before it acks, on loopback.

mod config;
mod identity;
mod reload;

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::child::{Child, Plan};
use crate::error::ServerError;
use crate::folder::DataFolder;
use crate::leftover::Leftover;
use crate::nats::config::Config;
use crate::nats::identity::{Identity, Ports};
use crate::{log, place, program};

/// How long the server may take to answer, a recovery of its streams included, in seconds.
const READY_SECS_MAX: u64 = 120;
/// How long it may take to end when asked, in seconds; then it is killed, which loses nothing.
const STOP_SECS_MAX: u64 = 10;
/// How long a killed server may take to be gone, in seconds.
const KILL_SECS_MAX: u64 = 10;
/// How long the ports that clients know may be taken before that is an error, in seconds.
const PORT_SECS_MAX: u64 = 15;
/// The step of every wait here.
const STEP: Duration = Duration::from_millis(5);
/// What JetStream may reserve for files, in bytes: a limit, not a claim on the disk.
const STORE_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;

/// What a private nats-server is to be.
#[derive(Clone, Debug)]
pub struct NatsSettings {
    /// The program; `None` looks at `ASSAY_NATS_SERVER`, `.tools/bin` and the `PATH`.
    pub program: Option<PathBuf>,
    /// Most bytes that its streams may reserve on disk.
    pub store_bytes_max: u64,
    /// Users beside its owner, who may do anything: entries of `users`, in the words of the
    /// server's configuration.
    pub users: String,
    /// Further configuration, in its words.
    pub more: String,
}

impl Default for NatsSettings {
    fn default() -> Self {
        Self {
            program: None,
            store_bytes_max: STORE_BYTES_MAX,
            users: String::new(),
            more: String::new(),
        }
    }
}

/// A running nats-server that belongs to this process. Dropping it kills the server, which loses
/// no acked message; `stop` is the polite way.
#[derive(Debug)]
pub struct PrivateNats {
    data: Arc<DataFolder>,
    settings: NatsSettings,
    program: PathBuf,
    identity: Identity,
    ports: Ports,
    /// The ports that it was told at its start; without them it chose.
    told: Option<Ports>,
    child: Child,
}

impl PrivateNats {
    /// Starts the server in `nats/` of the data folder and waits until it answers. What the folder
    /// held before is served again, on the same ports if they are free.
    pub async fn start(
        data: &Arc<DataFolder>,
        settings: NatsSettings,
    ) -> Result<Self, ServerError> {
        let program = program::nats_server(settings.program.as_deref())?;
        let folder = data.path().join("nats");
        place::make(&folder)?;
        let old = Leftover {
            folder: &folder,
            name: "nats-server",
            recorded: identity::recorded_process(&folder),
            signal: Signal::KILL,
        };
        old.end().await?;
        let identity = Identity::load_or_create(&folder)?;
        let mut told = identity.ports.filter(|ports| ports.are_free());
        let launch = |ports| launch(data, &settings, &program, &identity, ports);
        let started = match told {
            Some(ports) => match launch(Some(ports)).await {
                // Somebody may have taken a port since it was tried.
                Err(ServerError::Ended { .. }) if !ports.are_free() => {
                    told = None;
                    launch(None).await
                }
                other => other,
            },
            None => launch(None).await,
        };
        let (child, ports) = started?;
        let identity = identity.with_ports(&folder, ports)?;
        Ok(Self {
            data: Arc::clone(data),
            settings,
            program,
            identity,
            ports,
            told,
            child,
        })
    }

    /// Where clients connect, without credentials: `nats://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.ports.client)
    }

    /// The user and the password that clients need.
    pub fn credentials(&self) -> (String, String) {
        (self.identity.user.clone(), self.identity.password.clone())
    }

    /// The same with credentials inside, for the `nats` command line. Secret.
    pub fn url_with_credentials(&self) -> String {
        let (user, password) = (&self.identity.user, &self.identity.password);
        format!("nats://{user}:{password}@127.0.0.1:{}", self.ports.client)
    }

    /// Where the server's monitoring answers: `http://127.0.0.1:<port>`.
    pub fn monitoring_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.monitoring)
    }

    /// Where the server keeps its streams. For looking, while it is stopped.
    pub fn streams_folder(&self) -> PathBuf {
        self.data.path().join("nats").join("store")
    }

    /// The server's log file.
    pub fn log(&self) -> PathBuf {
        log_path(&self.data)
    }

    /// The server's process id.
    pub fn process_id(&self) -> i32 {
        self.child.id()
    }

    /// Waits until the server has ended, and says how. For an owner that must not run without it.
    pub async fn ended(&self) -> ExitStatus {
        self.child.wait().await
    }

    /// Asks the server to end, and kills it when it takes too long.
    pub async fn stop(&mut self) -> Result<(), ServerError> {
        self.child.signal(Signal::TERM);
        if self
            .child
            .wait_for(Duration::from_secs(STOP_SECS_MAX))
            .await
        {
            return Ok(());
        }
        tracing::warn!("nats-server did not end in {STOP_SECS_MAX} s and is killed");
        self.kill().await
    }

    /// Kills the server, as a crash would (`SIGKILL`).
    pub async fn kill(&mut self) -> Result<(), ServerError> {
        self.child.signal(Signal::KILL);
        let limit = Duration::from_secs(KILL_SECS_MAX);
        match self.child.wait_for(limit).await {
            true => Ok(()),
            false => Err(too_slow(&self.data, "gone", KILL_SECS_MAX)),
        }
    }

    /// Freezes the server, as a stalled machine would; `resume` wakes it.
    pub fn pause(&self) {
        self.child.signal(Signal::STOP);
    }

    /// Wakes a paused server.
    pub fn resume(&self) {
        self.child.signal(Signal::CONT);
    }

    /// Starts the server again after `stop`, `kill` or a death of its own, on the same folder and
    /// on the same ports, so that clients come back by themselves. Does nothing while it runs.
    pub async fn start_again(&mut self) -> Result<(), ServerError> {
        if self.child.ended().is_none() {
            return Ok(());
        }
        let ports = self.ports;
        let until = Instant::now() + Duration::from_secs(PORT_SECS_MAX);
        while !ports.are_free() {
            if Instant::now() > until {
                return Err(ServerError::PortTaken { port: ports.client });
            }
            tokio::time::sleep(STEP).await;
        }
        let (child, _) = launch(
            &self.data,
            &self.settings,
            &self.program,
            &self.identity,
            Some(ports),
        )
        .await?;
        (self.child, self.told) = (child, Some(ports));
        Ok(())
    }
}

impl Drop for PrivateNats {
    fn drop(&mut self) {
        self.child.signal(Signal::KILL);
        self.child.wait_blocking(Duration::from_secs(KILL_SECS_MAX));
    }
}

impl Ports {
    fn are_free(&self) -> bool {
        [self.client, self.monitoring]
            .iter()
            .all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
    }
}

/// Starts the program and waits until it says on which ports it listens.
async fn launch(
    data: &Arc<DataFolder>,
    settings: &NatsSettings,
    program: &std::path::Path,
    identity: &Identity,
    ports: Option<Ports>,
) -> Result<(Child, Ports), ServerError> {
    let folder = data.path().join("nats");
    let config = Config {
        folder: &folder,
        identity,
        ports,
        store_bytes_max: settings.store_bytes_max,
        users: &settings.users,
        more: &settings.more,
    };
    let path = config.write()?;
    identity::forget_announced_ports(&folder)?;
    let child = Child::start(Plan {
        program: program.to_owned(),
        arguments: vec!["-c".to_owned(), path.display().to_string()],
        variables: &[],
        folder,
        input: None,
        log: log::open(&log_path(data))?,
        account: None,
        death_signal: "KILL",
    })?;
    match ready(data, &child).await {
        Ok(ports) => Ok((child, ports)),
        Err(error) => {
            child.signal(Signal::KILL);
            child.wait_for(Duration::from_secs(KILL_SECS_MAX)).await;
            Err(error)
        }
    }
}

async fn ready(data: &Arc<DataFolder>, child: &Child) -> Result<Ports, ServerError> {
    let folder = data.path().join("nats");
    let until = Instant::now() + Duration::from_secs(READY_SECS_MAX);
    loop {
        if let Some(status) = child.ended() {
            let log = log_path(data);
            let tail = log::tail(&log);
            return Err(ServerError::Ended {
                server: "nats-server",
                status,
                log,
                tail,
            });
        }
        if let Some(ports) = identity::announced_ports(&folder, child.id()) {
            return Ok(ports);
        }
        if Instant::now() > until {
            return Err(too_slow(data, "ready", READY_SECS_MAX));
        }
        tokio::time::sleep(STEP).await;
    }
}

fn too_slow(data: &Arc<DataFolder>, wanted: &'static str, limit_secs: u64) -> ServerError {
    let log = log_path(data);
    let tail = log::tail(&log);
    ServerError::TooSlow {
        server: "nats-server",
        wanted,
        limit_secs,
        log,
        tail,
    }
}

fn log_path(data: &Arc<DataFolder>) -> PathBuf {
    data.path().join("nats").join("nats-server.log")
}

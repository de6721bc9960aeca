//! Owns a seat: the place of one process, with its ports and its wires, that somebody sits in again
//! and again.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};

use process::settings::service::Service;
use rustix::process::Signal;
use testkit::port::Port;
use testkit::program::{Plan, Program};
use testkit::wire::Wire;
use tokio::sync::Mutex;

/// Which process of which service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Who {
    /// The service.
    pub service: Service,
    /// Counts from 1.
    pub number: u8,
}

/// Everybody who is killed.
pub const ROSTER: [Who; 8] = [
    who(Service::WebhookIngest, 1),
    who(Service::WebhookIngest, 2),
    who(Service::AttemptWriter, 1),
    who(Service::AttemptWriter, 2),
    who(Service::SnapshotBuilder, 1),
    who(Service::Verifier, 1),
    who(Service::Auditor, 1),
    who(Service::Auditor, 2),
];

const fn who(service: Service, number: u8) -> Who {
    Who { service, number }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.service, self.number)
    }
}

/// The place of one process.
#[derive(Debug)]
pub struct Seat {
    /// Whose it is.
    pub who: Who,
    /// Its wire to NATS.
    pub nats: Wire,
    /// Its wire to Postgres.
    pub postgres: Wire,
    /// Where webhooks are posted, if it is webhook-ingest's.
    pub hooks: Port,
    health: Port,
    /// Whether somebody needs its process to live on for a while.
    spared: AtomicBool,
    program: Mutex<Option<Program>>,
    assay: PathBuf,
    folder: PathBuf,
}

impl Seat {
    /// An empty seat with its wires laid. `folder` has the settings.
    pub fn new(who: Who, nats: Wire, postgres: Wire, assay: &Path, folder: &Path) -> Self {
        Self {
            who,
            nats,
            postgres,
            hooks: Port::take(),
            health: Port::take(),
            spared: AtomicBool::new(false),
            program: Mutex::new(None),
            assay: assay.to_owned(),
            folder: folder.to_owned(),
        }
    }

    fn plan(&self) -> Plan<'_> {
        let own = self.folder.join(self.who.to_string()).display().to_string();
        let variables = vec![
            ("ASSAY__HEALTH__LISTEN", self.health.address.to_string()),
            ("ASSAY__HTTP__LISTEN", self.hooks.address.to_string()),
            ("ASSAY__NATS__URL", self.nats.url()),
            (
                "ASSAY__POSTGRES__URL",
                self.postgres.postgres_url("{role}", "assay"),
            ),
            ("ASSAY__SNAPSHOTS__CACHE_FOLDER", format!("{own}/git-cache")),
            ("ASSAY__INGEST__SPOOL__FOLDER", format!("{own}/spool")),
            ("ASSAY__VERIFIER__SCRATCH_FOLDER", format!("{own}/scratch")),
        ];
        let config = self.folder.join("assay.toml").display().to_string();
        let service = self.who.service.to_string();
        Plan {
            program: self.assay.clone(),
            arguments: vec!["--config".into(), config, "run".into(), service],
            variables,
            folder: &self.folder,
        }
    }

    /// Where its process writes its log.
    pub fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.who))
    }

    /// Where it says how it is.
    pub fn health_url(&self) -> String {
        format!("http://{}", self.health.address)
    }

    /// Keeps the killing away from it, or no more.
    pub fn spare(&self, spared: bool) {
        self.spared.store(spared, Ordering::Relaxed);
    }

    /// Whether it is not to be killed now.
    pub fn is_spared(&self) -> bool {
        self.spared.load(Ordering::Relaxed)
    }

    /// Starts its process, if none runs.
    pub async fn start(&self) {
        let mut program = self.program.lock().await;
        if program
            .as_mut()
            .is_none_or(|program| program.has_ended().is_some())
        {
            *program = Some(self.plan().start(&self.log()));
        }
    }

    /// Kills its process, loses what was on its wires, and leaves the seat empty; says whether
    /// there was one to kill.
    pub async fn kill(&self) -> bool {
        let mut program = self.program.lock().await;
        let ran = program.take().is_some_and(|mut program| {
            let runs = program.has_ended().is_none();
            if runs {
                program.kill();
            }
            runs
        });
        self.lose_wires();
        ran
    }

    /// Cuts both wires, and takes away what disturbs them.
    pub fn lose_wires(&self) {
        for wire in [&self.nats, &self.postgres] {
            wire.clear();
            wire.cut();
            wire.release();
        }
    }

    /// Sends its process a signal, if one runs.
    pub async fn signal(&self, signal: Signal) -> bool {
        let mut program = self.program.lock().await;
        let Some(program) = program.as_mut() else {
            return false;
        };
        let runs = program.has_ended().is_none();
        if runs {
            program.signal(signal);
        }
        runs
    }

    /// How its process ended, if it has ended by itself.
    pub async fn has_ended(&self) -> Option<ExitStatus> {
        let mut program = self.program.lock().await;
        program.as_mut()?.has_ended()
    }
}

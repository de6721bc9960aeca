//! Owns a seat: the place of one process, with its ports and its wires, that somebody sits in again
//! and again.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use process::settings::service::Service;
use rustix::process::Signal;
use testkit::port::Port;
use testkit::program::{Plan, Program};
use testkit::wire::Wire;
use tokio::sync::Mutex;

use crate::mischief::Mischief;

/// Which process of which service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Who {
    /// The service.
    pub service: Service,
    /// Counts from 1.
    pub number: u8,
}

/// Everybody who is killed.
pub const ROSTER: [Who; 10] = [
    who(Service::WebhookIngest, 1),
    who(Service::WebhookIngest, 2),
    who(Service::AttemptWriter, 1),
    who(Service::AttemptWriter, 2),
    who(Service::SnapshotBuilder, 1),
    who(Service::Verifier, 1),
    who(Service::Auditor, 1),
    who(Service::Auditor, 2),
    who(Service::Reconciler, 1),
    who(Service::StatusReporter, 1),
];

/// The first webhook-ingest.
pub const INGEST: Who = ROSTER[0];
/// Has but one connection to the ledger, so that its pool is soon empty.
pub const TIGHT: Who = ROSTER[3];
/// Finds what no webhook told of.
pub const RECONCILER: Who = ROSTER[8];

const fn who(service: Service, number: u8) -> Who {
    Who { service, number }
}

impl Who {
    /// Another process of the same service, or itself where there is none.
    pub fn other(self) -> Self {
        let same = |who: &&Self| who.service == self.service && **who != self;
        *ROSTER.iter().find(same).unwrap_or(&self)
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.service, self.number)
    }
}

/// The file of the password of who may do anything at NATS.
pub const OWNERS_PASSWORD: &str = "nats-owner";

/// As whom a process comes to NATS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Login {
    /// By the key of its service or operator, with the rights of that and no others.
    Key,
    /// As this user, who may do anything: a version that knows no keys.
    Owner(String),
}

impl Login {
    /// What tells it to a process whose secrets lie in a folder.
    pub(crate) fn variables(&self, folder: &Path) -> Vec<(&'static str, String)> {
        let file = |name: &str| folder.join(name).display().to_string();
        match self {
            Self::Key => vec![("ASSAY__NATS__NKEY_SEED_FILE", file("nats-{user}"))],
            Self::Owner(user) => vec![
                ("ASSAY__NATS__USER", user.clone()),
                ("ASSAY__NATS__PASSWORD_FILE", file(OWNERS_PASSWORD)),
            ],
        }
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
    /// What is done to its process from within, where that can be had.
    pub mischief: Option<Mischief>,
    /// Who has it does something to the process, and nobody else meanwhile.
    pub turn: Mutex<()>,
    /// Work that does not show on the wires.
    elsewhere: AtomicU64,
    /// The work of those before it, when the process began.
    began_with: AtomicU64,
    program: Mutex<Option<Program>>,
    /// What its next process runs, and as whom that comes to NATS.
    sits: RwLock<(PathBuf, Login)>,
    folder: PathBuf,
}

impl Seat {
    /// An empty seat with its wires laid. `folder` has the settings.
    pub fn new(
        who: Who,
        [nats, postgres]: [Wire; 2],
        assay: &Path,
        mischief: Option<&Path>,
        folder: &Path,
    ) -> Self {
        let mischief = mischief.map(|library| {
            let orders = folder.join(who.to_string()).join("mischief");
            Mischief::new(library, orders)
        });
        Self {
            who,
            nats,
            postgres,
            hooks: Port::take(),
            health: Port::take(),
            mischief,
            turn: Mutex::new(()),
            elsewhere: AtomicU64::new(0),
            began_with: AtomicU64::new(0),
            program: Mutex::new(None),
            sits: RwLock::new((assay.to_owned(), Login::Key)),
            folder: folder.to_owned(),
        }
    }

    fn plan(&self) -> Plan<'_> {
        let own = self.folder.join(self.who.to_string()).display().to_string();
        let mut variables = vec![
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
        if self.who == TIGHT {
            variables.push(("ASSAY__POSTGRES__POOL_SIZE", "1".to_owned()));
        }
        variables.extend(self.mischief.iter().flat_map(Mischief::variables));
        let sits = self.sits.read().unwrap_or_else(PoisonError::into_inner);
        let (program, login) = sits.clone();
        variables.extend(login.variables(&self.folder));
        let config = self.folder.join("assay.toml").display().to_string();
        let service = self.who.service.to_string();
        Plan {
            program,
            arguments: vec!["--config".into(), config, "run".into(), service],
            variables,
            folder: &self.folder,
        }
    }

    /// Where its process writes its log.
    pub fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.who))
    }

    /// How often its process, or one before it, said something.
    pub fn said(&self, words: &str) -> usize {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        log.matches(words).count()
    }

    /// Where it says how it is.
    pub fn health_url(&self) -> String {
        format!("http://{}", self.health.address)
    }

    /// Notes work that does not show on a wire.
    pub fn note_work(&self) {
        self.elsewhere.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether its process has done something that is to be remembered, or been given it: not
    /// one that only just begins.
    pub fn is_at_work(&self) -> bool {
        self.work() > self.began_with.load(Ordering::Relaxed)
    }

    fn work(&self) -> u64 {
        self.nats.work() + self.postgres.work() + self.elsewhere.load(Ordering::Relaxed)
    }

    /// Has its next process run another program: that of another version.
    pub fn give(&self, assay: &Path, login: Login) {
        let mut sits = self.sits.write().unwrap_or_else(PoisonError::into_inner);
        *sits = (assay.to_owned(), login);
    }

    /// Starts its process, if none runs.
    pub async fn start(&self) {
        let mut program = self.program.lock().await;
        if program
            .as_mut()
            .is_none_or(|program| program.has_ended().is_some())
        {
            self.began_with.store(self.work(), Ordering::Relaxed);
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

//! Owns what a service needs of its surroundings beyond what its own crate says: secrets, folders,
//! subjects, how it is scaled. As data; a test holds it against the topology and the settings.

use process::settings::service::Service;

/// A secret, by the file that holds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Secret {
    /// The file's name in the folder of secrets.
    pub file: &'static str,
    /// The setting that names it; `*` stands for a source's name.
    pub setting: &'static str,
    /// Who reads it.
    pub read_by: &'static [Service],
    /// What it is.
    pub what: &'static str,
}

/// A folder that a service writes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Folder {
    /// The setting that names it.
    pub setting: &'static str,
    /// What it is called in the deployment files.
    pub name: &'static str,
    /// How long it must live, and whose it is.
    pub kind: FolderKind,
    /// Who uses it.
    pub used_by: &'static [Service],
}

/// How long a folder must live, and whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FolderKind {
    /// The same for all who use it, on every machine, and as precious as the ledger.
    Shared,
    /// One process's own, and outlives it.
    Own,
    /// One process's own, and may be lost at any time.
    Scratch,
}

/// How a service is made to have more processes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scaling {
    /// By the processor time that it takes: what it is handed comes from outside.
    Processor {
        /// Most processes.
        most: u16,
        /// Part of the requested processor time from which on there is one more, in percent.
        percent: u16,
    },
    /// By what waits for its consumers.
    Lag {
        /// Most processes.
        most: u16,
        /// Messages that wait for each process from which on there is one more.
        messages: u32,
    },
    /// Not: one process does the work, and the others stand by.
    Standby,
}

/// What a service needs of its surroundings.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// Which.
    pub service: Service,
    /// What it publishes beside dead letters, and beside what it takes itself, which it may put
    /// back as fresh messages.
    pub publishes: &'static [&'static str],
    /// Whether it asks forges: fetches, lists, marks.
    pub asks_forges: bool,
    /// How it gets more processes.
    pub scaling: Scaling,
    /// Longest time from the stop signal to its end, in seconds.
    pub stop_seconds: u32,
    /// Processor time that it is given for certain, in thousandths of a core.
    pub cpu_millis: u32,
    /// Memory that it may take at most, in MiB.
    pub memory_mib: u32,
}

/// Processes of each service from the start, so that one may end at any time.
pub const REPLICAS_MIN: u16 = 2;

use Service::{
    AttemptWriter, Auditor, Reconciler, SnapshotBuilder, StatusReporter, Verifier, WebhookIngest,
};

/// What each service needs.
pub const NEEDS: &[Needs] = &[
    Needs {
        service: WebhookIngest,
        publishes: &[
            "assay.delivery.*",
            "assay.command.reconcile.webhook-ingest",
            "assay.audit.webhook-ingest",
        ],
        asks_forges: false,
        scaling: Scaling::Processor {
            most: 8,
            percent: 70,
        },
        stop_seconds: 40,
        cpu_millis: 250,
        memory_mib: 512,
    },
    Needs {
        service: AttemptWriter,
        publishes: &[
            "assay.delivery.*",
            "assay.job.*.*",
            "assay.command.*.*",
            "assay.audit.*",
            "assay.fact.*",
        ],
        asks_forges: false,
        scaling: Scaling::Lag {
            most: 8,
            messages: 2_000,
        },
        stop_seconds: 60,
        cpu_millis: 250,
        memory_mib: 512,
    },
    Needs {
        service: SnapshotBuilder,
        publishes: &["assay.job.record.*", "assay.job.verify.*"],
        asks_forges: true,
        scaling: Scaling::Lag {
            most: 16,
            messages: 50,
        },
        stop_seconds: 150,
        cpu_millis: 500,
        memory_mib: 4_096,
    },
    Needs {
        service: Verifier,
        publishes: &["assay.job.snapshot.*", "assay.job.verify.*", "assay.live.*"],
        asks_forges: false,
        scaling: Scaling::Lag {
            most: 32,
            messages: 20,
        },
        stop_seconds: 900,
        cpu_millis: 2_000,
        memory_mib: 8_192,
    },
    Needs {
        service: Reconciler,
        publishes: &["assay.delivery.*"],
        asks_forges: true,
        scaling: Scaling::Standby,
        stop_seconds: 60,
        cpu_millis: 100,
        memory_mib: 512,
    },
    Needs {
        service: Auditor,
        publishes: &[
            "assay.fact.*",
            // What it hands again, whom it asks about what is missing, what the broker told it.
            "assay.delivery.*",
            "assay.command.reconcile.auditor",
            "assay.audit.broker",
        ],
        asks_forges: false,
        scaling: Scaling::Standby,
        stop_seconds: 60,
        cpu_millis: 250,
        memory_mib: 512,
    },
    Needs {
        service: StatusReporter,
        publishes: &[],
        asks_forges: true,
        scaling: Scaling::Standby,
        stop_seconds: 60,
        cpu_millis: 100,
        memory_mib: 256,
    },
];

/// Every secret but the passwords of the database's roles, which are files by the roles' names.
pub const SECRETS: &[Secret] = &[
    Secret {
        file: "webhook",
        setting: "sources.*.secrets.0.file",
        read_by: &[WebhookIngest],
        what: "the secret that a forge signs its webhooks with",
    },
    Secret {
        file: "fetch-token",
        setting: "sources.*.fetch.token_file",
        read_by: &[SnapshotBuilder, Reconciler],
        what: "a token that may read repositories",
    },
    Secret {
        file: "api-token",
        setting: "sources.*.api.token_file",
        read_by: &[Reconciler],
        what: "a token for the forge's hooks and their deliveries",
    },
    Secret {
        file: "status-token",
        setting: "sources.*.status.token_file",
        read_by: &[StatusReporter],
        what: "a token that may set commit statuses",
    },
    Secret {
        file: "pseudonym",
        setting: "privacy.pseudonym_key_file",
        read_by: &[AttemptWriter],
        what: "the key that accounts are turned into pseudonyms with",
    },
    Secret {
        file: "privacy-master",
        setting: "privacy.master_keys.0.file",
        read_by: &[AttemptWriter],
        what: "the master key that wraps the keys of what identifies people",
    },
    Secret {
        file: "log-signing",
        setting: "log.signing_key_file",
        read_by: &[Auditor],
        what: "the key that signs the log's checkpoints",
    },
    Secret {
        file: "log-verifier",
        setting: "log.verifier_key_file",
        read_by: &[Auditor],
        what: "the key that checks them; no secret, but to be pinned",
    },
];

/// Every folder.
pub const FOLDERS: &[Folder] = &[
    Folder {
        setting: "objects.folder",
        name: "objects",
        kind: FolderKind::Shared,
        used_by: &[
            WebhookIngest,
            AttemptWriter,
            SnapshotBuilder,
            Verifier,
            Auditor,
        ],
    },
    Folder {
        setting: "ingest.spool.folder",
        name: "spool",
        kind: FolderKind::Own,
        used_by: &[WebhookIngest],
    },
    Folder {
        setting: "snapshots.cache_folder",
        name: "git-cache",
        kind: FolderKind::Scratch,
        used_by: &[SnapshotBuilder],
    },
    Folder {
        setting: "verifier.scratch_folder",
        name: "scratch",
        kind: FolderKind::Scratch,
        used_by: &[Verifier],
    },
];

/// The port on which every service says how it is, in the deployment files.
pub const HEALTH_PORT: u16 = 8_081;
/// The port on which webhook-ingest receives webhooks, in the deployment files.
pub const HOOKS_PORT: u16 = 8_080;
/// NATS: for clients, for its cluster, for its monitoring.
pub const NATS_PORTS: (u16, u16, u16) = (4_222, 6_222, 8_222);
/// Postgres.
pub const POSTGRES_PORT: u16 = 5_432;
/// The servers of the NATS cluster, and the copies of each stream.
pub const NATS_SERVERS: u16 = 3;
/// Where secrets are in the deployment files.
pub const SECRETS_FOLDER: &str = "/run/secrets/assay";
/// Where folders are in the deployment files.
pub const DATA_FOLDER: &str = "/var/lib/assay";
/// Where the settings are in the deployment files.
pub const SETTINGS_FILE: &str = "/etc/assay/assay.toml";
/// The certificate of the authority that NATS' and Postgres' servers are recognised by, beside the
/// secrets.
pub const AUTHORITY_FILE: &str = "ca.crt";
/// The user and group as which every service but the verifier runs in a container.
pub const USER: u32 = 10_001;

/// What starts a verifier in a container. It is root there, and keeps objects in a folder that
/// others write to as well: what it makes must be the group's.
pub const VERIFIER_ENTRY: [&str; 3] = [
    "/bin/sh",
    "-c",
    "umask 0007 && exec /usr/bin/assay run verifier",
];

/// What a service needs.
///
/// # Panics
/// Never: a test holds that every service has its needs.
pub fn needs_of(service: Service) -> &'static Needs {
    let found = NEEDS.iter().find(|needs| needs.service == service);
    found.expect("every service has its needs")
}

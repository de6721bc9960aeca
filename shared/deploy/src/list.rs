//! Owns the list of everything that a deployment consists of, made of what its owners say.

use bus::topology::{CONSUMERS, STREAMS, StreamKind};
use process::settings::Settings;
use process::settings::postgres::Role;
use process::settings::service::Service;
use serde::Serialize;
use serde_json::Value;

use crate::plan::{FOLDERS, FolderKind, HEALTH_PORT, HOOKS_PORT, SECRETS, needs_of};
use crate::users::{User, users};

/// Everything that a deployment consists of.
#[derive(Debug, Serialize)]
pub struct List {
    /// The processes.
    pub services: Vec<ServiceEntry>,
    /// The streams on the bus.
    pub streams: Vec<StreamEntry>,
    /// The roles of the database.
    pub roles: Vec<&'static str>,
    /// The users of NATS, and what each may do there.
    pub users: Vec<User>,
    /// The files with secrets.
    pub secrets: Vec<SecretEntry>,
    /// The settings with their defaults; those without one are null.
    pub settings: Vec<SettingEntry>,
}

/// A service.
#[derive(Debug, Serialize)]
pub struct ServiceEntry {
    /// Its name.
    pub name: &'static str,
    /// What it listens on, by what for.
    pub ports: Vec<PortEntry>,
    /// The parts that `/ready` names.
    pub parts: &'static [&'static str],
    /// The role as which it uses the database.
    pub role: Option<&'static str>,
    /// The consumers that it takes messages from.
    pub consumers: Vec<ConsumerEntry>,
    /// What it publishes, without what it puts back and dead letters.
    pub publishes: &'static [&'static str],
    /// The files with secrets that it reads.
    pub secrets: Vec<String>,
    /// The folders that it uses.
    pub folders: Vec<FolderEntry>,
    /// Longest time from the stop signal to its end, in seconds.
    pub stop_seconds: u32,
}

/// A port.
#[derive(Debug, Serialize)]
pub struct PortEntry {
    /// What it is for.
    pub name: &'static str,
    /// Its number in the deployment files.
    pub port: u16,
    /// The setting that says where it is.
    pub setting: &'static str,
}

/// A consumer.
#[derive(Debug, Serialize)]
pub struct ConsumerEntry {
    /// Its stream.
    pub stream: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it is given.
    pub subject: &'static str,
}

/// A stream.
#[derive(Debug, Serialize)]
pub struct StreamEntry {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub subjects: &'static [&'static str],
    /// `queue`, `kept` or `rolling`.
    pub kind: &'static str,
    /// Largest size, in bytes.
    pub bytes_max: i64,
}

/// A secret.
#[derive(Debug, Serialize)]
pub struct SecretEntry {
    /// The file's name.
    pub file: String,
    /// The setting that names it.
    pub setting: &'static str,
    /// What it is.
    pub what: &'static str,
}

/// A folder.
#[derive(Debug, Serialize)]
pub struct FolderEntry {
    /// What it is called.
    pub name: &'static str,
    /// The setting that names it.
    pub setting: &'static str,
    /// `shared`, `own` or `scratch`.
    pub kind: &'static str,
}

/// A setting.
#[derive(Debug, Serialize)]
pub struct SettingEntry {
    /// Its dotted path.
    pub name: String,
    /// Its default.
    pub default: Value,
}

/// The list.
pub fn list() -> List {
    let roles = Role::ALL.iter().map(|role| role.as_str());
    let passwords = roles.clone().map(|role| SecretEntry {
        file: role.to_owned(),
        setting: "postgres.password_file",
        what: "the password of this role of the database",
    });
    let keys = users().into_iter().map(|user| SecretEntry {
        file: key_file(&user.name),
        setting: "nats.nkey_seed_file",
        what: "the seed of this user's key at NATS",
    });
    let secrets = SECRETS.iter().map(|secret| SecretEntry {
        file: secret.file.to_owned(),
        setting: secret.setting,
        what: secret.what,
    });
    List {
        services: Service::ALL.map(service).into(),
        streams: STREAMS
            .iter()
            .map(|spec| StreamEntry {
                name: spec.name,
                subjects: spec.subjects,
                kind: match spec.kind {
                    StreamKind::Queue => "queue",
                    StreamKind::Kept(_) => "kept",
                    StreamKind::Rolling(_) => "rolling",
                },
                bytes_max: spec.bytes_max,
            })
            .collect(),
        roles: roles.clone().collect(),
        secrets: passwords.chain(keys).chain(secrets).collect(),
        users: users(),
        settings: settings(),
    }
}

fn service(service: Service) -> ServiceEntry {
    ServiceEntry {
        name: service.as_str(),
        ports: ports(service),
        parts: service.parts(),
        role: service.role().map(Role::as_str),
        consumers: consumers(service),
        publishes: needs_of(service).publishes,
        secrets: secrets(service),
        folders: folders(service),
        stop_seconds: needs_of(service).stop_seconds,
    }
}

/// What a service listens on.
pub fn ports(service: Service) -> Vec<PortEntry> {
    let mut ports = vec![PortEntry {
        name: "health",
        port: HEALTH_PORT,
        setting: "health.listen",
    }];
    if service == Service::WebhookIngest {
        ports.push(PortEntry {
            name: "hooks",
            port: HOOKS_PORT,
            setting: "http.listen",
        });
    }
    ports
}

/// The consumers of a service: those that bear its name.
pub fn consumers(service: Service) -> Vec<ConsumerEntry> {
    let owned = CONSUMERS
        .iter()
        .filter(|spec| owner(spec.durable) == Some(service));
    owned
        .map(|spec| ConsumerEntry {
            stream: spec.stream,
            name: spec.durable,
            subject: spec.filter,
        })
        .collect()
}

/// Whose consumer this is, by its name: the service's, with what it is for behind it.
pub fn owner(durable: &str) -> Option<Service> {
    let owns = |service: &Service| {
        let rest = durable.strip_prefix(service.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    Service::ALL.into_iter().find(owns)
}

/// The files with secrets that a service reads.
pub fn secrets(service: Service) -> Vec<String> {
    let password = service.role().map(|role| role.as_str().to_owned());
    let key = key_file(service.as_str());
    let read = SECRETS
        .iter()
        .filter(|secret| secret.read_by.contains(&service))
        .map(|secret| secret.file.to_owned());
    password.into_iter().chain([key]).chain(read).collect()
}

/// The file with the seed of a user's key at NATS.
pub fn key_file(user: &str) -> String {
    format!("nats-{user}")
}

/// The folders that a service uses.
pub fn folders(service: Service) -> Vec<FolderEntry> {
    let used = FOLDERS
        .iter()
        .filter(|folder| folder.used_by.contains(&service));
    used.map(|folder| FolderEntry {
        name: folder.name,
        setting: folder.setting,
        kind: match folder.kind {
            FolderKind::Shared => "shared",
            FolderKind::Own => "own",
            FolderKind::Scratch => "scratch",
        },
    })
    .collect()
}

/// Every setting that has a default, by its dotted path.
fn settings() -> Vec<SettingEntry> {
    let defaults = serde_json::to_value(Settings::default());
    let mut found = Vec::new();
    flatten("", defaults.unwrap_or_default(), &mut found);
    found
}

fn flatten(path: &str, value: Value, found: &mut Vec<SettingEntry>) {
    let Value::Object(table) = value else {
        let name = path.to_owned();
        found.push(SettingEntry {
            name,
            default: value,
        });
        return;
    };
    for (key, value) in table {
        let path = if path.is_empty() {
            key
        } else {
            format!("{path}.{key}")
        };
        flatten(&path, value, found);
    }
}

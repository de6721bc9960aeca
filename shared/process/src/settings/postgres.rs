//! Owns the settings of the ledger's database, and the roles of those who use it.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::settings::check::Check;
use crate::settings::error::SettingsError;

/// What stands for the role's name in `url` and `password_file`.
pub const ROLE_PLACEHOLDER: &str = "{role}";
/// Most connections of one pool.
pub const POOL_SIZE_MAX: u32 = 100;

/// A role of the database. Each service has its own, which may do what the service must.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// Owns the tables: migrates, and does nothing else.
    Owner,
    /// attempt-writer's.
    AttemptWriter,
    /// snapshot-builder's.
    SnapshotBuilder,
    /// verifier's.
    Verifier,
    /// reconciler's.
    Reconciler,
    /// auditor's.
    Auditor,
    /// status-reporter's.
    StatusReporter,
    /// Reads what identifies people, sealed: `assay privacy`.
    Privacy,
    /// May read: the operator's commands, the console.
    Reader,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 9] = [
        Self::Owner,
        Self::AttemptWriter,
        Self::SnapshotBuilder,
        Self::Verifier,
        Self::Reconciler,
        Self::Auditor,
        Self::StatusReporter,
        Self::Privacy,
        Self::Reader,
    ];

    /// The role's name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "assay_owner",
            Self::AttemptWriter => "assay_attempt_writer",
            Self::SnapshotBuilder => "assay_snapshot_builder",
            Self::Verifier => "assay_verifier",
            Self::Reconciler => "assay_reconciler",
            Self::Auditor => "assay_auditor",
            Self::StatusReporter => "assay_status_reporter",
            Self::Privacy => "assay_privacy",
            Self::Reader => "assay_reader",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `[postgres]`
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Postgres {
    /// The URL, with `{role}` where the role's name goes, and without a password.
    pub url: String,
    /// Connections of one service's pool.
    pub pool_size: u32,
    /// A file with the password; its path may hold `{role}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<String>,
    /// The variable with the password, the same for every role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
}

impl Default for Postgres {
    fn default() -> Self {
        Self {
            url: format!("postgres://{ROLE_PLACEHOLDER}@127.0.0.1:5432/assay"),
            pool_size: 8,
            password_file: None,
            password_env: None,
        }
    }
}

/// Whether TLS, where it is asked for, is asked for with a look at the server's certificate.
fn is_recognised(url: &Url) -> bool {
    let value = |name: &str| {
        let mut pairs = url.query_pairs();
        pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    };
    match value("sslmode").as_deref() {
        None | Some("disable") => value("sslrootcert").is_none(),
        Some("verify-full") => value("sslrootcert").is_some(),
        Some(_) => false,
    }
}

impl Postgres {
    pub(crate) fn check(&self, check: &Check<'_>) -> Result<(), SettingsError> {
        let refuse = |reason: &str| Err(check.refused("postgres.url", reason));
        if !self.url.contains(ROLE_PLACEHOLDER) {
            return refuse("expected {role} where the role's name goes");
        }
        let filled = self.url.replace(ROLE_PLACEHOLDER, Role::Owner.as_str());
        match Url::parse(&filled) {
            Ok(url) if !matches!(url.scheme(), "postgres" | "postgresql") => {
                refuse("expected a URL that begins with postgres://")
            }
            Ok(url) if url.password().is_some() => {
                refuse("holds a password; expected it in postgres.password_file or password_env")
            }
            Ok(url) if !is_recognised(&url) => refuse(
                "expected ?sslmode=verify-full&sslrootcert=<file>, which recognises the server, or \
                 no sslmode",
            ),
            Ok(_) => check.number("postgres.pool_size", self.pool_size, 1..=POOL_SIZE_MAX),
            Err(_) => refuse("expected a URL like postgres://{role}@host:5432/assay"),
        }
    }
}

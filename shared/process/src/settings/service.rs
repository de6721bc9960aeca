//! Owns the names of the services, and what each needs of the settings beyond their form.

use std::fmt;

use crate::settings::Settings;
use crate::settings::error::SettingsError;
use crate::settings::postgres::Role;

/// A service.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Service {
    /// Receives webhooks.
    WebhookIngest,
    /// Writes deliveries and attempts.
    AttemptWriter,
    /// Preserves trees.
    SnapshotBuilder,
    /// Runs checks.
    Verifier,
    /// Compares forges with the ledger.
    Reconciler,
    /// Writes and signs the log.
    Auditor,
    /// Tells the forges how their commits stand.
    StatusReporter,
}

impl Service {
    /// Every service, in the order in which a push meets them.
    pub const ALL: [Self; 7] = [
        Self::WebhookIngest,
        Self::AttemptWriter,
        Self::SnapshotBuilder,
        Self::Verifier,
        Self::Reconciler,
        Self::Auditor,
        Self::StatusReporter,
    ];

    /// The service's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WebhookIngest => "webhook-ingest",
            Self::AttemptWriter => "attempt-writer",
            Self::SnapshotBuilder => "snapshot-builder",
            Self::Verifier => "verifier",
            Self::Reconciler => "reconciler",
            Self::Auditor => "auditor",
            Self::StatusReporter => "status-reporter",
        }
    }

    /// The parts of its readiness that it has whatever its settings are.
    pub const fn parts(self) -> &'static [&'static str] {
        match self {
            Self::WebhookIngest => &["bus", "sources"],
            Self::AttemptWriter => &["bus", "ledger", "objects", "jobs"],
            Self::SnapshotBuilder => &["bus", "ledger", "objects", "git"],
            Self::Verifier => &["bus", "ledger", "objects", "sandbox"],
            Self::Reconciler | Self::StatusReporter => &["bus", "ledger", "sources"],
            Self::Auditor => &["log", "signing"],
        }
    }

    /// Whether it puts or reads objects.
    pub const fn keeps_objects(self) -> bool {
        match self {
            Self::WebhookIngest
            | Self::AttemptWriter
            | Self::SnapshotBuilder
            | Self::Verifier
            | Self::Auditor => true,
            Self::Reconciler | Self::StatusReporter => false,
        }
    }

    /// The role as which it uses the database, if it does.
    pub const fn role(self) -> Option<Role> {
        match self {
            Self::WebhookIngest => None,
            Self::AttemptWriter => Some(Role::AttemptWriter),
            Self::SnapshotBuilder => Some(Role::SnapshotBuilder),
            Self::Verifier => Some(Role::Verifier),
            Self::Reconciler => Some(Role::Reconciler),
            Self::Auditor => Some(Role::Auditor),
            Self::StatusReporter => Some(Role::StatusReporter),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Settings {
    /// Checks that what `service` needs beyond well-formed settings is there: its secrets and keys.
    /// To be called before any port is opened. What other services need is not asked for, since
    /// it may rightly be absent from this machine.
    ///
    /// # Errors
    /// The first setting that does not hold.
    pub fn check_for(&self, service: Service) -> Result<(), SettingsError> {
        self.nats_login(service.as_str())?;
        if let Some(role) = service.role() {
            self.postgres_url(role)?;
        }
        if service.keeps_objects() {
            self.bucket_secret()?;
        }
        match service {
            Service::WebhookIngest => {
                if self.sources.is_empty() {
                    let reason = "expected at least one source, [sources.<name>]";
                    return Err(self.check().refused("sources", reason));
                }
                for source in self.sources.keys() {
                    self.source_secrets(source)?;
                }
                if self.nats.monitor_url.is_none() && !self.nats.dangerously_accept_unsynced {
                    let reason = "expected the address of NATS's monitoring, where it shows \
                                  whether it syncs before it acks (or \
                                  nats.dangerously_accept_unsynced = true)";
                    return Err(self.check().refused("nats.monitor_url", reason));
                }
            }
            Service::AttemptWriter => {
                self.pseudonym_key()?;
                self.master_keys()?;
            }
            Service::Reconciler => {
                for source in self.sources.keys() {
                    self.api_token(source)?;
                }
            }
            Service::StatusReporter => {
                for source in self.sources.keys() {
                    self.status_token(source)?;
                }
            }
            // Without its key the auditor still gives entries their leaves: it is not ready, and
            // says why.
            Service::Auditor | Service::SnapshotBuilder | Service::Verifier => {}
        }
        Ok(())
    }
}

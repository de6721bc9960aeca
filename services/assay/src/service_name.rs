//! Owns the services' names on the command line.

use clap::ValueEnum;
use process::settings::service::Service;

/// A service's name on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ServiceName {
    WebhookIngest,
    AttemptWriter,
    SnapshotBuilder,
    Verifier,
    Reconciler,
    Auditor,
    StatusReporter,
}

impl From<ServiceName> for Service {
    fn from(name: ServiceName) -> Self {
        match name {
            ServiceName::WebhookIngest => Self::WebhookIngest,
            ServiceName::AttemptWriter => Self::AttemptWriter,
            ServiceName::SnapshotBuilder => Self::SnapshotBuilder,
            ServiceName::Verifier => Self::Verifier,
            ServiceName::Reconciler => Self::Reconciler,
            ServiceName::Auditor => Self::Auditor,
            ServiceName::StatusReporter => Self::StatusReporter,
        }
    }
}

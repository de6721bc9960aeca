//! Owns what becomes of a message whose work met trouble that is not the learner's.

use std::time::Duration;

use bus::consume::Outcome;
use bus::error::PublishError;
use objects::store::ObjectsError;
use store::error::StoreError;
use thiserror::Error;

use crate::desk::Desk;
use git::error::GitError;

/// Pause before work is tried again that this machine stood in the way of, in seconds.
const MACHINE_RETRY_SECS: u64 = 5;

/// Trouble.
#[derive(Debug, Error)]
pub(crate) enum Trouble {
    #[error("use the ledger")]
    Ledger(#[from] StoreError),
    #[error("use the bus")]
    Bus(#[from] PublishError),
    #[error("use the objects")]
    Objects(#[from] ObjectsError),
    #[error("use git")]
    Git(#[from] GitError),
    #[error("{0}")]
    Hopeless(String),
}

impl Trouble {
    /// What becomes of the message.
    pub(crate) fn outcome(self, desk: &Desk) -> Outcome {
        let later = Outcome::Later(Duration::from_secs(MACHINE_RETRY_SECS));
        match self {
            Self::Ledger(error) => desk.ground.ledger_refused(&error),
            Self::Bus(error) => desk.ground.bus_refused(&error),
            Self::Objects(error) if error.is_transient() => {
                let cause = std::error::Error::source(&error);
                tracing::warn!(%error, ?cause, "the objects' store is in trouble");
                desk.store_of_objects.report_trouble(error.to_string());
                later
            }
            // An object that is not what it was written as waits for an operator, and so does the
            // message: nothing of it is the learner's fault.
            Self::Objects(error) => {
                tracing::error!(%error, "an object of a lab is missing or corrupt");
                later
            }
            Self::Git(error) => {
                tracing::warn!(%error, cause = ?std::error::Error::source(&error), "git cannot run");
                later
            }
            Self::Hopeless(reason) => Outcome::Never(reason),
        }
    }
}

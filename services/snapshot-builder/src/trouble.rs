//! Owns what becomes of a message whose work met trouble that is not the learner's.

use std::time::Duration;

use bus::consume::Outcome;
use bus::error::PublishError;
use bus::incoming::Incoming;
use objects::store::ObjectsError;
use store::error::StoreError;
use thiserror::Error;

use crate::desk::{Desk, chain};
use git::error::GitError;

/// Pause before work is tried again that this machine stood in the way of, in seconds.
const MACHINE_RETRY_SECS: u64 = 5;

/// Pause before a tree is preserved whose session is swept, in seconds.
const SWEPT_RETRY_SECS: u64 = 2;

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
    #[error("objects of the session are removed")]
    Swept,
    #[error("{0}")]
    Hopeless(String),
}

impl Trouble {
    /// What becomes of the message.
    pub(crate) fn outcome(self, incoming: &Incoming, desk: &Desk) -> Outcome {
        incoming.note(chain(&self));
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
            // Somebody else works on the repository, and is done with it in time.
            Self::Git(error @ GitError::Busy) => {
                tracing::warn!(%error, "wait for a repository");
                later
            }
            Self::Git(error) => {
                tracing::warn!(%error, cause = ?std::error::Error::source(&error), "git cannot run");
                desk.git.report_trouble(chain(&error));
                later
            }
            // What was put may have been removed with what was to go: it is put again.
            Self::Swept => Outcome::Later(Duration::from_secs(SWEPT_RETRY_SECS)),
            Self::Hopeless(reason) => Outcome::Never(reason),
        }
    }
}

//! Owns why a comparison was broken off. What a forge does not tell is no reason: that makes a
//! comparison incomplete, and it is recorded.

use bus::error::{PublishError, TopologyError};
use store::error::StoreError;
use thiserror::Error;

use crate::desk::Stopped;

/// Why a comparison was broken off.
#[derive(Debug, Error)]
pub(crate) enum Halt {
    #[error("use the ledger")]
    Ledger(#[from] StoreError),
    #[error("publish")]
    Bus(#[from] PublishError),
    #[error("look at the queue")]
    Queue(#[from] TopologyError),
    #[error("stopped")]
    Stopped,
}

impl From<Stopped> for Halt {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

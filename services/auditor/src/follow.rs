//! Owns following the log from any of its leaves on, without missing one: what is in the ledger is
//! read there, and what is new is heard as facts. The stream of facts keeps them for days, the ledger
//! for ever: whoever was away longer begins where it ended all the same.

use std::collections::VecDeque;
use std::time::Duration;

use bus::connect::Bus;
use bus::facts::FactEar;
use bus::live::ListenError;
use contract::fact::Fact;
use store::error::StoreError;
use store::pool::Store;
use store::{ledger_leaf, log_epoch};
use thiserror::Error;
use tokio::time::timeout;

use crate::facts::fact;
use crate::head::column;

/// Most leaves that are read at once.
const PAGE_LEAVES: i64 = 500;
/// How long nothing may be heard until the ledger is asked, in seconds: what is told while there is
/// no connection is not heard.
pub const ASK_SECS: u64 = 5;

/// A place in the log: the leaf that comes next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// Its epoch.
    pub epoch: u64,
    /// The leaf.
    pub leaf: u64,
}

impl Place {
    /// The first leaf of a log.
    pub const BEGIN: Self = Self { epoch: 1, leaf: 0 };
}

/// Following cannot go on.
#[derive(Debug, Error)]
pub enum FollowError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bus does not let us listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

/// Follows the log.
pub struct Follower {
    store: Store,
    ear: FactEar,
    next: Place,
    /// Facts that were heard, in the order they came.
    heard: VecDeque<Fact>,
}

impl Follower {
    /// Follows from a place on.
    ///
    /// # Errors
    /// [`FollowError::Listen`].
    pub async fn from(store: Store, bus: &Bus, next: Place) -> Result<Self, FollowError> {
        // First the ear, then the ledger: what comes between the two is heard.
        let ear = bus.listen_to_facts().await?;
        let heard = VecDeque::new();
        Ok(Self {
            store,
            ear,
            next,
            heard,
        })
    }

    /// The leaf that comes next: where to begin the next time.
    pub const fn place(&self) -> Place {
        self.next
    }

    /// The next leaves, one after the other and none left out; waits until there is one.
    ///
    /// # Errors
    /// [`FollowError::Store`]; called again, it goes on from the same place.
    pub async fn next(&mut self) -> Result<Vec<Fact>, FollowError> {
        loop {
            if let Some(fact) = self.heard_next() {
                return Ok(vec![fact]);
            }
            let page = self.read().await?;
            if !page.is_empty() {
                return Ok(page);
            }
            // Whatever is heard, or nothing for a while: there may be more.
            let limit = Duration::from_secs(ASK_SECS);
            if let Ok(Some(facts)) = timeout(limit, self.ear.next()).await {
                self.heard.extend(facts);
            }
        }
    }

    /// The fact that comes next, if it was heard; what came before is forgotten.
    fn heard_next(&mut self) -> Option<Fact> {
        while let Some(fact) = self.heard.pop_front() {
            let place = Place {
                epoch: fact.epoch,
                leaf: fact.leaf,
            };
            if place == self.next {
                self.next.leaf += 1;
                return Some(fact);
            }
        }
        None
    }

    async fn read(&mut self) -> Result<Vec<Fact>, FollowError> {
        let mut conn = self.store.connection().await?;
        loop {
            let (epoch, leaf) = (column(self.next.epoch), column(self.next.leaf));
            let page = ledger_leaf::page(&mut conn, epoch, leaf, PAGE_LEAVES).await?;
            if let Some(last) = page.last() {
                self.next.leaf = last.leaf.leaf_index.unsigned_abs() + 1;
                return Ok(page.iter().filter_map(fact).collect());
            }
            let epochs = log_epoch::all(&mut conn).await?;
            let mut numbers = epochs.iter().map(|row| row.epoch.unsigned_abs());
            let Some(later) = numbers.find(|number| *number > self.next.epoch) else {
                return Ok(Vec::new());
            };
            self.next = Place {
                epoch: later,
                leaf: 0,
            };
        }
    }
}

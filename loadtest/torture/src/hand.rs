//! Owns the hand that does things to the house, and writes down and counts what it did.

use std::sync::Arc;
use std::time::Duration;

use crate::driver::Driver;
use crate::ground::Ground;
use crate::tally::Tally;

/// What things are done to, and where that is counted.
#[derive(Clone, Debug)]
pub struct Hand {
    /// The house.
    pub ground: Arc<Ground>,
    /// Who posts.
    pub driver: Arc<Driver>,
    /// What was done.
    pub tally: Arc<Tally>,
    /// How long a fault lasts at most.
    pub lasts_max: Duration,
}

impl Hand {
    /// Writes down that something was done.
    pub fn tell(&self, what: &str) {
        self.driver.account.fault(what);
        self.tally.add(what);
    }
}

//! Owns the count of what was done to the house, kind by kind.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// How often each kind of thing was done.
#[derive(Debug, Default)]
pub struct Tally(Mutex<BTreeMap<String, u64>>);

impl Tally {
    /// Counts one more.
    pub fn add(&self, what: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(what.to_owned()).or_default() += 1;
    }

    /// How many there are whose name begins so.
    pub fn beginning(&self, begin: &str) -> u64 {
        let counts = self.counts();
        let those = counts.iter().filter(|(what, _)| what.starts_with(begin));
        those.map(|(_, number)| number).sum()
    }

    /// All of them.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.clone()
    }
}

//! Owns what this process remembers of messages that failed: their last failure, for the dead
//! letter. It is lost with the process; the broker's count is what decides.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Most messages whose last failure is remembered; beyond, the oldest are forgotten.
const FAILURES_MAX: usize = 1_000;

/// The last failures of a consumer's messages, by their place in the stream. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failures {
    by_sequence: Arc<Mutex<BTreeMap<u64, String>>>,
}

impl Failures {
    pub(crate) fn remember(&self, sequence: u64, failure: String) {
        let mut kept = self.kept();
        kept.insert(sequence, failure);
        if kept.len() > FAILURES_MAX {
            kept.pop_first();
        }
    }

    /// Gives back what is remembered, and forgets it.
    pub(crate) fn take(&self, sequence: u64) -> Option<String> {
        self.kept().remove(&sequence)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, String>> {
        self.by_sequence
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_failure_is_remembered_and_the_oldest_are_forgotten() {
        let failures = Failures::default();
        for sequence in 1..=FAILURES_MAX as u64 + 1 {
            failures.remember(sequence, "first".to_owned());
        }
        failures.remember(2, "last".to_owned());
        assert_eq!(failures.take(1), None);
        assert_eq!(failures.take(2).as_deref(), Some("last"));
        assert_eq!(failures.take(2), None);
    }
}

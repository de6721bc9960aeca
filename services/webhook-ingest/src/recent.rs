//! Owns the memory of what this process has lately seen acked: such an id would make a whole
//! atomic batch be refused, so it never enters one.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use contract::time::Timestamp;
use lru::LruCache;

/// How many ids are remembered: about 10 MiB.
const IDS_MAX: NonZeroUsize = NonZeroUsize::new(65_536).expect("it is not zero");

pub(crate) struct Recent {
    /// With when the first of each was received, if it was received here.
    ids: Mutex<LruCache<String, Option<Timestamp>>>,
}

impl Recent {
    pub(crate) fn new() -> Self {
        Self {
            ids: Mutex::new(LruCache::new(IDS_MAX)),
        }
    }

    pub(crate) fn holds(&self, id: &str) -> bool {
        self.ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .is_some()
    }

    /// When the first delivery under `id` was received, as far as is known here.
    pub(crate) fn first(&self, id: &str) -> Option<Timestamp> {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.get(id).copied().flatten()
    }

    /// Remembers an id that was stored, `first` received at that time. What is known is not
    /// forgotten for what is not.
    pub(crate) fn remember(&self, id: String, first: Option<Timestamp>) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let first = first.or(ids.get(&id).copied().flatten());
        ids.put(id, first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_the_first_was_received_is_said_only_by_whoever_received_it() {
        let recent = Recent::new();
        let at = contract::time::now();
        assert!(!recent.holds("a"));
        recent.remember("a".to_owned(), None);
        assert!(recent.holds("a"));
        assert_eq!(recent.first("a"), None);
        recent.remember("a".to_owned(), Some(at));
        recent.remember("a".to_owned(), None);
        assert_eq!(recent.first("a"), Some(at));
    }
}

//! Owns the memory of what this process has lately seen acked: such an id would make a whole
//! atomic batch be refused, so it never enters one.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use lru::LruCache;

/// How many ids are remembered: about 10 MiB.
const IDS_MAX: NonZeroUsize = NonZeroUsize::new(65_536).expect("it is not zero");

pub(crate) struct Recent {
    ids: Mutex<LruCache<String, ()>>,
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

    pub(crate) fn remember(&self, id: String) {
        self.ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .put(id, ());
    }
}

//! Owns the lane: one run of one ingest process, which numbers what it publishes, so that a hole
//! can be named later.

use std::sync::atomic::{AtomicU64, Ordering};

use contract::ids::LaneId;

pub(crate) struct Lane {
    id: LaneId,
    last: AtomicU64,
}

impl Lane {
    pub(crate) fn open() -> Self {
        Self {
            id: LaneId::new(),
            last: AtomicU64::new(0),
        }
    }

    pub(crate) fn id(&self) -> LaneId {
        self.id
    }

    /// The next number, from 1.
    pub(crate) fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }
}

//! Owns the memory of what this process has lately stored and is storing: of copies that come, also in
//! one moment, it stores one as the first.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use contract::digest::Digest;
use contract::ids::DeliveryId;
use contract::time::Timestamp;
use lru::LruCache;
use tokio::sync::Notify;

/// How many are remembered: about 10 MiB.
const KEPT_MAX: NonZeroUsize = NonZeroUsize::new(65_536).expect("it is not zero");

/// What copies have in common: the forge's delivery, and its body.
pub(crate) type Content = (DeliveryId, Digest);

pub(crate) struct Recent {
    memory: Mutex<Memory>,
    /// Somebody's turn is over.
    over: Notify,
}

struct Memory {
    /// With when the first of each was received, if it was received here.
    stored: LruCache<Content, Option<Timestamp>>,
    /// What somebody is storing now.
    under_way: HashSet<Content>,
}

/// Storing what this process has not stored, as far as it remembers. Copies wait until it is dropped.
pub(crate) struct Turn<'a> {
    recent: &'a Recent,
    content: Content,
}

impl Recent {
    pub(crate) fn new() -> Self {
        let memory = Memory {
            stored: LruCache::new(KEPT_MAX),
            under_way: HashSet::new(),
        };
        Self {
            memory: Mutex::new(memory),
            over: Notify::new(),
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The turn to store `content`, after whoever is storing a copy of it; `None` if it is stored.
    pub(crate) async fn turn(&self, content: Content) -> Option<Turn<'_>> {
        loop {
            // From before the look on: an end between the look and the wait is not missed.
            let over = self.over.notified();
            {
                let mut memory = self.memory();
                if memory.stored.get(&content).is_some() {
                    return None;
                }
                if memory.under_way.insert(content) {
                    let recent = self;
                    return Some(Turn { recent, content });
                }
            }
            over.await;
        }
    }

    /// When the first of these was received, as far as is known here.
    pub(crate) fn first(&self, content: Content) -> Option<Timestamp> {
        self.memory().stored.get(&content).copied().flatten()
    }
}

impl Turn<'_> {
    /// It is stored, the first of it received at that time, if it was received here.
    pub(crate) fn stored(self, first: Option<Timestamp>) {
        self.recent.memory().stored.put(self.content, first);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.recent.memory().under_way.remove(&self.content);
        self.recent.over.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn content(forge_delivery: &str) -> Content {
        let delivery = DeliveryId::compute("github", forge_delivery);
        (delivery, Digest::of(b"body"))
    }

    #[tokio::test]
    async fn what_is_stored_has_no_turn_and_its_first_is_known_to_whoever_received_it() {
        let recent = Recent::new();
        let at = contract::time::now();
        for (name, first) in [("a", None), ("b", Some(at))] {
            let turn = recent.turn(content(name)).await.unwrap();
            assert_eq!(recent.first(content(name)), None);
            turn.stored(first);
            assert!(recent.turn(content(name)).await.is_none());
            assert_eq!(recent.first(content(name)), first);
        }
    }

    #[tokio::test]
    async fn a_copy_waits_for_the_one_under_way_and_has_its_turn_if_that_one_is_not_stored() {
        let recent = Recent::new();
        let first = recent.turn(content("a")).await.unwrap();
        let mut second = Box::pin(recent.turn(content("a")));
        let mut third = Box::pin(recent.turn(content("a")));
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        assert!(recent.turn(content("b")).now_or_never().is_some());
        drop(first);
        let second = second.await.expect("nothing is stored");
        assert!((&mut third).now_or_never().is_none());
        second.stored(None);
        assert!(third.await.is_none());
    }
}

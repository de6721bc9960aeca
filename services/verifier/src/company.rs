//! Owns who runs beside whom: a run that took too long may be run again alone, because a machine
//! that others kept busy is not the learner's fault.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The runs of one verifier.
#[derive(Debug, Default)]
pub(crate) struct Company {
    /// Shared by those that may have company, held alone by one that must not.
    room: RwLock<()>,
    begun: AtomicU64,
    ended: AtomicU64,
}

/// A run that may have company.
pub(crate) struct Guest<'a> {
    company: &'a Company,
    _place: RwLockReadGuard<'a, ()>,
    /// How many had begun, this one included, and how many had ended before it.
    begun: u64,
    ended: u64,
}

impl Company {
    /// Waits until nobody insists on being alone.
    pub(crate) async fn join(&self) -> Guest<'_> {
        let place = self.room.read().await;
        let ended = self.ended.load(Ordering::SeqCst);
        let begun = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        Guest {
            company: self,
            _place: place,
            begun,
            ended,
        }
    }

    /// Waits until everybody else is gone, and lets nobody in.
    pub(crate) async fn alone(&self) -> RwLockWriteGuard<'_, ()> {
        self.room.write().await
    }
}

impl Guest<'_> {
    /// Whether another one ran at any time since this one joined.
    pub(crate) fn had_company(&self) -> bool {
        let others_before = self.begun - 1 > self.ended;
        others_before || self.company.begun.load(Ordering::SeqCst) > self.begun
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        self.company.ended.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_ran_beside_another_had_company() {
        let company = Company::default();
        let first = company.join().await;
        assert!(!first.had_company());
        let second = company.join().await;
        assert!(first.had_company() && second.had_company());
        drop(second);
        assert!(first.had_company(), "for a part of its time");
        drop(first);
        let third = company.join().await;
        assert!(!third.had_company());
        drop(third);
        let alone = company.alone().await;
        assert!(company.room.try_read().is_err());
        drop(alone);
    }
}

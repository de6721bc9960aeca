//! Owns the slots: how many runs at once, whose folder and user each run has, and who goes first.
//!
//! The live lane has a number of slots and the bulk lane one of its own, so that it always goes on.
//! Beside that one it uses slots that the live lane leaves, but never the last one that is free. A
//! run enters when the machine has the memory that its lab allows it; whoever waits for memory waits
//! in the order of coming.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contract::message::Lane;
use tokio::sync::Notify;

/// What a verifier has for its runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Capacity {
    /// Runs of the live lane at once; at least one.
    pub(crate) slots: usize,
    /// Memory that all runs together may take, in MiB. A run that needs more enters alone.
    pub(crate) memory_mib: u64,
}

impl Capacity {
    /// Runs at once, of both lanes together: the bulk lane has one beside the live lane's.
    pub(crate) const fn runs_max(self) -> usize {
        self.slots + 1
    }
}

/// What a run wants to enter with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Wish {
    pub(crate) lane: Lane,
    pub(crate) memory_mib: u64,
}

/// The slots of a verifier. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    capacity: Capacity,
    /// Numbers that no run has, the lowest last.
    free: Vec<u16>,
    live: usize,
    bulk: usize,
    memory_mib: u64,
    /// By the order of coming.
    waiting: BTreeMap<u64, Wish>,
    came: u64,
}

/// A slot that a run has; free again when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) number: u16,
    wish: Wish,
    shared: Arc<Shared>,
}

/// A place among those that wait; given up when dropped.
struct Place<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Slots {
    pub(crate) fn new(capacity: Capacity) -> Self {
        metrics::gauge!("assay_verifier_slots").set(capacity.slots as f64);
        let numbers = u16::try_from(capacity.runs_max()).unwrap_or(u16::MAX);
        let state = State {
            capacity,
            // The lowest number is taken first.
            free: (0..numbers).rev().collect(),
            live: 0,
            bulk: 0,
            memory_mib: 0,
            waiting: BTreeMap::new(),
            came: 0,
        };
        let (state, changed) = (Mutex::new(state), Notify::new());
        Self {
            shared: Arc::new(Shared { state, changed }),
        }
    }

    /// Waits until the run may enter. May be dropped at any time.
    pub(crate) async fn take(&self, wish: Wish) -> Slot {
        let place = Place::new(&self.shared, wish);
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            // Whoever leaves from now on is heard of.
            changed.as_mut().enable();
            if let Some(number) = self.shared.state().enter(place.number) {
                let shared = Arc::clone(&self.shared);
                // The next one may fit as well.
                shared.changed.notify_waiters();
                return Slot {
                    number,
                    wish,
                    shared,
                };
            }
            changed.await;
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Lets the one with this place in, if it is next; gives its number.
    fn enter(&mut self, place: u64) -> Option<u16> {
        if self.next()? != place {
            return None;
        }
        let number = self.free.pop()?;
        let wish = self.waiting.remove(&place)?;
        *self.running(wish.lane) += 1;
        self.memory_mib += wish.memory_mib;
        self.tell();
        Some(number)
    }

    /// Who may enter now.
    fn next(&self) -> Option<u64> {
        for (&place, wish) in &self.waiting {
            if !self.has_slot(wish.lane) {
                continue;
            }
            let is_alone = self.live + self.bulk == 0;
            let fits = self.memory_mib + wish.memory_mib <= self.capacity.memory_mib;
            // Nobody who came later takes the memory that this one waits for.
            return (is_alone || fits).then_some(place);
        }
        None
    }

    fn has_slot(&self, lane: Lane) -> bool {
        let (running, slots) = (self.live + self.bulk, self.capacity.slots);
        match lane {
            Lane::Live => self.live < slots && running < self.capacity.runs_max(),
            Lane::Bulk => self.bulk == 0 || running < slots,
        }
    }

    /// Keeps the gauges. Counts are small enough for a float.
    fn tell(&self) {
        for (lane, runs) in [(Lane::Live, self.live), (Lane::Bulk, self.bulk)] {
            let waiting = self.waiting.values().filter(|wish| wish.lane == lane);
            metrics::gauge!("assay_verifier_runs", "lane" => lane.as_str()).set(runs as f64);
            metrics::gauge!("assay_verifier_runs_waiting", "lane" => lane.as_str())
                .set(waiting.count() as f64);
        }
    }

    fn running(&mut self, lane: Lane) -> &mut usize {
        match lane {
            Lane::Live => &mut self.live,
            Lane::Bulk => &mut self.bulk,
        }
    }
}

impl<'a> Place<'a> {
    fn new(shared: &'a Shared, wish: Wish) -> Self {
        let mut state = shared.state();
        let number = state.came;
        state.came += 1;
        state.waiting.insert(number, wish);
        state.tell();
        drop(state);
        Self { shared, number }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        let waited = state.waiting.remove(&self.number).is_some();
        state.tell();
        drop(state);
        if waited {
            self.shared.changed.notify_waiters();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.free.push(self.number);
        *state.running(self.wish.lane) -= 1;
        state.memory_mib -= self.wish.memory_mib;
        state.tell();
        drop(state);
        self.shared.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;

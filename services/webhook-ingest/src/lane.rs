//! Owns the lane: one run of one ingest process, which numbers what it publishes and says how far
//! the numbers are settled, so that a hole can be named later. Memory alone: what a process that is
//! killed did not say is unknown, and is taken for nothing else.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contract::ids::{DeliveryId, LaneId};
use contract::lane::{LaneManifest, MANIFEST_NUMBERS_MAX, Numbers};
use contract::name::SourceName;
use contract::time::Timestamp;

/// Most numbers that are kept while nobody can be told of them, at some 40 bytes each. Beyond it
/// the lane is given up, which makes its tail unknown, and another begun.
const UNTOLD_MAX: usize = 500_000;

/// What became of a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    /// Its message is on its way.
    Open,
    /// Nothing was promised under it.
    Void,
    /// Its message is in the spool: promised, and on its way still.
    Spooled(DeliveryId),
    /// The spool's record of it is in the queue already, at this place, and whoever wrote the
    /// record has not said yet that it did.
    Drained(u64),
    /// The queue has its message, at this place.
    Stored(DeliveryId, u64),
}

struct State {
    id: LaneId,
    /// Numbers up to here were told of.
    told: u64,
    /// Of the number after `told`, and those that follow it.
    numbers: VecDeque<Standing>,
    sources: BTreeSet<SourceName>,
    /// Whether there is something to say beside new numbers.
    is_new: bool,
}

/// The lane. Clones are the same.
#[derive(Clone)]
pub(crate) struct Lane(Arc<Mutex<State>>);

/// A number that was given. Dropped, it is void: whoever asked for it was promised nothing.
pub(crate) struct Ticket {
    lane: Lane,
    pub(crate) id: LaneId,
    pub(crate) number: u64,
}

impl State {
    fn new() -> Self {
        Self {
            id: LaneId::new(),
            told: 0,
            numbers: VecDeque::new(),
            sources: BTreeSet::new(),
            is_new: true,
        }
    }

    fn given(&self) -> u64 {
        self.told + self.numbers.len() as u64
    }

    /// A number's standing; none if it is another lane's, or told of already.
    fn standing(&mut self, lane: LaneId, number: u64) -> Option<&mut Standing> {
        let place = number.checked_sub(self.told + 1)?;
        let place = usize::try_from(place).ok()?;
        if lane != self.id {
            return None;
        }
        self.numbers.get_mut(place)
    }
}

impl Lane {
    pub(crate) fn open() -> Self {
        Self(Arc::new(Mutex::new(State::new())))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn id(&self) -> LaneId {
        self.state().id
    }

    /// The next number, from 1.
    pub(crate) fn next(&self) -> Ticket {
        let mut state = self.state();
        if state.numbers.len() >= UNTOLD_MAX {
            tracing::error!(
                lane.id = %state.id,
                "nobody could be told of {UNTOLD_MAX} numbers: what became of them is unknown"
            );
            *state = State::new();
        }
        state.numbers.push_back(Standing::Open);
        Ticket {
            lane: self.clone(),
            id: state.id,
            number: state.given(),
        }
    }

    /// What the spool kept of this lane is in the queue now, at `sequence`.
    pub(crate) fn drained(&self, lane: LaneId, number: u64, sequence: u64) {
        if let Some(standing) = self.state().standing(lane, number) {
            *standing = match *standing {
                Standing::Spooled(delivery) => Standing::Stored(delivery, sequence),
                Standing::Open => Standing::Drained(sequence),
                settled => settled,
            };
        }
    }

    /// What can be told of now, if there is something; of at most [`MANIFEST_NUMBERS_MAX`] numbers.
    /// A lane that is closed tells of what lies in its spool as well; `alive` tells even when there
    /// is nothing new.
    pub(crate) fn manifest(
        &self,
        say: Say,
        spool_records: u64,
        at: Timestamp,
    ) -> Option<LaneManifest> {
        let state = self.state();
        let closing = say == Say::Closing;
        let is_settled = |standing: &&Standing| match standing {
            Standing::Open | Standing::Drained(_) => false,
            Standing::Spooled(_) => closing,
            Standing::Void | Standing::Stored(..) => true,
        };
        let settled = state.numbers.iter().take(MANIFEST_NUMBERS_MAX);
        let settled = settled.take_while(is_settled);
        let mut manifest = LaneManifest {
            lane: state.id,
            from: state.told,
            through: state.told,
            given: state.given(),
            void: Vec::new(),
            spooled: Vec::new(),
            deliveries: Vec::new(),
            sources: state.sources.iter().cloned().collect(),
            sequences: None,
            spool_records,
            closing: false,
            at,
        };
        for standing in settled {
            manifest.through += 1;
            match *standing {
                // Not among the settled ones.
                Standing::Open | Standing::Drained(_) => {}
                Standing::Void => Numbers::add(&mut manifest.void, manifest.through),
                Standing::Spooled(delivery) => {
                    manifest.deliveries.push(delivery);
                    Numbers::add(&mut manifest.spooled, manifest.through);
                }
                Standing::Stored(delivery, sequence) => {
                    manifest.deliveries.push(delivery);
                    manifest.sequences = Some(widened(manifest.sequences, sequence));
                }
            }
        }
        // One that says less than all is followed by another.
        manifest.closing = closing && manifest.through == manifest.given;
        let is_worth_it = say != Say::News || state.is_new || manifest.through > manifest.from;
        is_worth_it.then_some(manifest)
    }

    /// The manifest is stored: it need not be told again.
    pub(crate) fn told(&self, manifest: &LaneManifest) {
        let mut state = self.state();
        if state.id != manifest.lane {
            return;
        }
        let told = manifest.through.saturating_sub(state.told);
        let told = usize::try_from(told).unwrap_or(usize::MAX);
        let told = told.min(state.numbers.len());
        state.numbers.drain(..told);
        state.told += told as u64;
        state.is_new = false;
        if state.numbers.is_empty() {
            state.sources.clear();
        }
    }
}

/// How much is to be said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Say {
    /// What is new.
    News,
    /// Also that the lane lives.
    Alive,
    /// Also that it ends here.
    Closing,
}

impl Ticket {
    /// The queue has the message, at `sequence`.
    pub(crate) fn stored(self, delivery: DeliveryId, source: &SourceName, sequence: u64) {
        self.settle(Standing::Stored(delivery, sequence), source);
    }

    /// The spool has the message.
    pub(crate) fn spooled(self, delivery: DeliveryId, source: &SourceName) {
        self.settle(Standing::Spooled(delivery), source);
    }

    fn settle(&self, settled: Standing, source: &SourceName) {
        let mut state = self.lane.state();
        if let Some(standing) = state.standing(self.id, self.number) {
            *standing = match (*standing, settled) {
                (Standing::Drained(at), Standing::Spooled(delivery)) => {
                    Standing::Stored(delivery, at)
                }
                (_, settled) => settled,
            };
            if !state.sources.contains(source) {
                state.sources.insert(source.clone());
            }
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.lane.state();
        if let Some(standing) = state.standing(self.id, self.number)
            && matches!(*standing, Standing::Open | Standing::Drained(_))
        {
            *standing = Standing::Void;
        }
    }
}

fn widened(range: Option<Numbers>, sequence: u64) -> Numbers {
    let range = range.unwrap_or(Numbers {
        first: sequence,
        last: sequence,
    });
    Numbers {
        first: range.first.min(sequence),
        last: range.last.max(sequence),
    }
}

#[cfg(test)]
mod tests;

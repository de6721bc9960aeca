//! Owns the thought of completeness: what is to be made of a number that was promised and is not in
//! the ledger. No clock, no bus, no ledger.

use std::collections::{BTreeMap, BTreeSet};

use bus::look::QueueState;
use contract::ids::LaneId;
use contract::lane::Numbers;
use contract::time::Timestamp;
use uuid::Uuid;

use crate::completeness::manifest::{Promised, Segment};

/// For how long a number may lie in the spool of a process that has ended, in seconds. Then the
/// spool's folder is not coming back by itself.
pub(crate) const SPOOLED_SECS_MAX: i64 = 3_600;
/// For how long a number that somebody may have is not looked for, in seconds.
pub(crate) const IN_HAND_SECS: u64 = 2;

/// What was seen of the queue, before the ledger was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) queue: QueueState,
    /// Every message up to this place was given to somebody, and not just now.
    pub(crate) given_long_ago: u64,
    /// Messages of the queue that were found in it, by their numbers, with their places.
    pub(crate) found: BTreeMap<(LaneId, u64), u64>,
    /// Whether all of the queue was looked through from the place that matters on.
    pub(crate) is_whole: bool,
    /// Numbers whose messages are dead letters that are not recorded yet.
    pub(crate) dying: BTreeSet<(LaneId, u64)>,
    /// Whether messages were stranded for so long that it is no mistake.
    pub(crate) is_stranded: bool,
}

/// What the ledger has of a segment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reached {
    pub(crate) numbers: BTreeSet<u64>,
    /// Deliveries that it has, whatever brought them.
    pub(crate) deliveries: BTreeSet<Uuid>,
    /// Numbers that are holes already.
    pub(crate) holes: BTreeSet<u64>,
}

/// What is to be made of a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// The ledger has it, or it is named as a hole.
    Settled,
    /// Its message waits, is worked on, or lies in a spool.
    Waits,
    /// Its message lies at this place, where nobody will ever be given it.
    Stranded(u64),
    /// It is nowhere.
    Missing,
}

/// Whether a number that the ledger has not may still be on its way, as far as the consumer's
/// progress tells: then nothing is looked for. However long its message waited to be given: whoever
/// has it just got it.
pub(crate) fn may_be_on_its_way(segment: &Segment, seen: &Seen) -> bool {
    let (queue, Some(Numbers { first, last })) = (&seen.queue, segment.sequences) else {
        return false;
    };
    if last > queue.last {
        // The stream has lost its end.
        return false;
    }
    let is_given = first <= queue.delivered;
    let is_acked = last <= queue.acked;
    let is_overdue = queue.acked < last.min(seen.given_long_ago);
    !is_given || (!is_acked && !is_overdue)
}

/// Judges a promised number.
pub(crate) fn judge(
    segment: &Segment,
    promised: Promised,
    seen: &Seen,
    reached: &Reached,
    now: Timestamp,
) -> Verdict {
    let number = promised.number;
    if reached.numbers.contains(&number)
        || reached.holes.contains(&number)
        || reached.deliveries.contains(&promised.delivery)
    {
        return Verdict::Settled;
    }
    let key = (segment.lane, number);
    if seen.dying.contains(&key) {
        return Verdict::Waits;
    }
    if let Some(place) = seen.found.get(&key) {
        // Whoever was just given it has it in hand: it is another one that is stranded.
        return if seen.is_stranded && *place <= seen.given_long_ago {
            Verdict::Stranded(*place)
        } else {
            Verdict::Waits
        };
    }
    if Numbers::hold(&segment.spooled, number) {
        let age = (now - segment.recorded_at).num_seconds();
        return if age > SPOOLED_SECS_MAX {
            Verdict::Missing
        } else {
            Verdict::Waits
        };
    }
    if may_be_on_its_way(segment, seen) || !seen.is_whole {
        return Verdict::Waits;
    }
    Verdict::Missing
}

/// How far a lane is judged: up to the first number that waits, or that nobody told of.
pub(crate) fn judged_through(judged: u64, segments: &[Segment], waiting: &BTreeSet<u64>) -> u64 {
    let mut through = judged;
    for segment in segments {
        if segment.from > through {
            break;
        }
        through = through.max(segment.through);
    }
    match waiting.first() {
        Some(first) => through.min(first.saturating_sub(1)),
        None => through,
    }
    .max(judged)
}

#[cfg(test)]
mod tests;

//! Owns what a run of webhook-ingest says of the numbers that it gave: how far each is settled, and
//! which are void. A number that is neither void nor told of promises nothing to anybody yet.

use serde::{Deserialize, Serialize};

use crate::ids::{DeliveryId, LaneId};
use crate::message::Message;
use crate::name::SourceName;
use crate::time::Timestamp;

/// Most numbers that one manifest tells of; with their deliveries they fit into a message.
pub const MANIFEST_NUMBERS_MAX: usize = 10_000;
/// Longest silence of a lane that lives, in seconds: it says so even when nothing changed.
pub const LANE_HEARTBEAT_SECS: u64 = 20;

/// Numbers without a gap.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Numbers {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

impl Numbers {
    /// Adds a number to ranges in ascending order that end before it.
    pub fn add(ranges: &mut Vec<Self>, number: u64) {
        match ranges.last_mut() {
            Some(range) if range.last + 1 == number => range.last = number,
            _ => ranges.push(Self {
                first: number,
                last: number,
            }),
        }
    }

    /// Whether the number is in one of the ranges.
    pub fn hold(ranges: &[Self], number: u64) -> bool {
        ranges
            .iter()
            .any(|range| (range.first..=range.last).contains(&number))
    }
}

/// Every number beyond `from` up to `through` is settled: void, or the delivery that bears it is
/// stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LaneManifest {
    /// The run of the ingest process.
    pub lane: LaneId,
    /// What was told before: up to here, this number included.
    pub from: u64,
    /// How far this tells.
    pub through: u64,
    /// The last number that was given to anything.
    pub given: u64,
    /// Numbers that were answered with no 2xx, or that another number stands in for.
    pub void: Vec<Numbers>,
    /// Of the closing manifest: numbers whose deliveries lie in the spool of the process.
    pub spooled: Vec<Numbers>,
    /// The deliveries of the numbers that are not void, in the numbers' order.
    pub deliveries: Vec<DeliveryId>,
    /// Who sent them, and perhaps others.
    pub sources: Vec<SourceName>,
    /// Places of `DELIVERIES` between which the stored ones were put; `None` when none was.
    pub sequences: Option<Numbers>,
    /// Deliveries in the spool of the process.
    pub spool_records: u64,
    /// Whether the lane has ended, and nothing follows.
    pub closing: bool,
    /// When it was written.
    pub at: Timestamp,
}

impl Message for LaneManifest {
    const KIND: &'static str = "dev.assay.lane.manifest.v1";

    fn subject(&self) -> String {
        "assay.audit.webhook-ingest".to_owned()
    }

    /// What it tells, and when: a sign of life tells of no new number.
    fn message_id(&self) -> String {
        let micros = self.at.timestamp_micros();
        format!("{}:{}:{}:{micros}", self.lane, self.from, self.through)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_follow_each_other_are_one_range() {
        let mut ranges = Vec::new();
        for number in [1, 2, 3, 7, 9, 10] {
            Numbers::add(&mut ranges, number);
        }
        let range = |first, last| Numbers { first, last };
        assert_eq!(ranges, [range(1, 3), range(7, 7), range(9, 10)]);
        let held: Vec<u64> = (0..12).filter(|n| Numbers::hold(&ranges, *n)).collect();
        assert_eq!(held, [1, 2, 3, 7, 9, 10]);
    }
}

//! Owns looking through the queue and the dead letters for numbers.

use std::collections::{BTreeMap, BTreeSet};

use bus::connect::Bus;
use bus::error::TopologyError;
use bus::look::Found;
use bus::topology::{ATTEMPT_WRITER, ATTEMPT_WRITER_DEAD};
use contract::delivery::DELIVERY_HEADER;
use contract::ids::LaneId;
use serde::Deserialize;

use crate::completeness::judge::Seen;

/// Most messages of the queue that one look reads. In a longer queue nothing is named as missing
/// that may be further back.
const MESSAGES_MAX: usize = 1_000;
/// Most dead letters that one look reads.
const LETTERS_MAX: usize = 500;

/// The part of a delivery's description that says which number it has.
#[derive(Deserialize)]
struct Numbered {
    lane: LaneId,
    number: u64,
}

/// The number of a message; none of one that does not say.
pub(super) fn numbered(found: &Found) -> Option<(LaneId, u64)> {
    let header = found.header(DELIVERY_HEADER)?;
    let numbered: Numbered = serde_json::from_str(header).ok()?;
    Some((numbered.lane, numbered.number))
}

/// Looks through the queue from a place on, and notes in `seen` what is there; gives the messages
/// of each number in their order.
pub(super) async fn look_through(
    bus: &Bus,
    from: u64,
    seen: &mut Seen,
) -> Result<BTreeMap<(LaneId, u64), Vec<Found>>, TopologyError> {
    let (messages, is_whole) = bus
        .look_through(&ATTEMPT_WRITER, from, MESSAGES_MAX)
        .await?;
    seen.is_whole = is_whole;
    let mut found: BTreeMap<_, Vec<Found>> = BTreeMap::new();
    for message in messages {
        if let Some(number) = numbered(&message) {
            // The newest: it is the one that may still be given to somebody.
            seen.found.insert(number, message.sequence);
            found.entry(number).or_default().push(message);
        }
    }
    Ok(found)
}

/// Numbers whose messages are dead letters that attempt-writer has not recorded yet.
pub(super) async fn dying(bus: &Bus) -> Result<BTreeSet<(LaneId, u64)>, TopologyError> {
    let dead = bus.queue_state(&ATTEMPT_WRITER_DEAD).await?;
    if dead.pending + dead.unacked == 0 {
        return Ok(BTreeSet::new());
    }
    let from = dead.acked + 1;
    let (letters, _) = bus
        .look_through(&ATTEMPT_WRITER_DEAD, from, LETTERS_MAX)
        .await?;
    Ok(letters.iter().filter_map(numbered).collect())
}

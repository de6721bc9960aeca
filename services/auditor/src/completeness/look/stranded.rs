//! Owns messages that are stored in a queue and that nobody would ever be given: how many there are,
//! and that those which were handed again, and have arrived, leave their queue.

use std::collections::BTreeMap;

use bus::connect::Bus;
use bus::error::TopologyError;
use bus::look::{Found, QueueState};
use bus::topology::{ATTEMPT_WRITER, STREAMS, StreamKind};
use contract::ids::LaneId;
use metrics::gauge;
use service::ground::Ground;
use store::transaction::LedgerConnection;
use store::{lane, lane_hole};

use crate::completeness::look::queue::numbered;
use crate::completeness::manifest::number;

/// Looks in a row after which it is no mistake: the counts of one look are not of one moment.
const LOOKS: u32 = 3;
/// Looks between two at all the queues.
const ALL_EVERY: u32 = 10;
/// Most numbers that were handed again and are followed.
const HANDED_MAX: i64 = 100;

/// What is known of stranded messages.
#[derive(Default)]
pub(super) struct Stranded {
    deliveries: Count,
    others: BTreeMap<&'static str, Count>,
    looks: u32,
}

#[derive(Clone, Copy, Default)]
struct Count {
    messages: u64,
    /// In how many looks in a row there were some.
    looks: u32,
}

impl Count {
    fn see(&mut self, messages: u64) {
        self.messages = messages;
        self.looks = if messages > 0 { self.looks + 1 } else { 0 };
    }

    fn certain(self) -> u64 {
        if self.looks >= LOOKS {
            self.messages
        } else {
            0
        }
    }
}

impl Stranded {
    /// Counts them: in the queue of deliveries, whose state is given, and now and then in all.
    pub(super) async fn count(
        &mut self,
        bus: &Bus,
        deliveries: QueueState,
    ) -> Result<(), TopologyError> {
        self.deliveries.see(deliveries.stranded());
        show(ATTEMPT_WRITER.stream, self.deliveries.certain());
        if self.looks.is_multiple_of(ALL_EVERY) {
            let (streams, consumers) = (bus.stream_states().await?, bus.consumer_states().await?);
            for spec in STREAMS {
                if spec.kind != StreamKind::Queue || spec.name == ATTEMPT_WRITER.stream {
                    continue;
                }
                let stored = streams.iter().find(|state| state.name == spec.name);
                let known = consumers.iter().filter(|state| state.stream == spec.name);
                let known: u64 = known.map(|state| state.waiting + state.unacked).sum();
                let stored = stored.map_or(0, |state| state.messages);
                let count = self.others.entry(spec.name).or_default();
                count.see(stored.saturating_sub(known));
                show(spec.name, count.certain());
            }
        }
        self.looks = self.looks.wrapping_add(1);
        Ok(())
    }

    /// Whether there are some in the queue of deliveries, for so long that it is no mistake.
    pub(super) fn is_certain(&self) -> bool {
        self.deliveries.certain() > 0
    }

    /// What is worth knowing.
    pub(super) fn note(&self) -> Option<String> {
        let deliveries = (ATTEMPT_WRITER.stream, self.deliveries);
        let others = self.others.iter().map(|(name, count)| (*name, *count));
        let certain = std::iter::once(deliveries)
            .chain(others)
            .filter(|(_, count)| count.certain() > 0)
            .map(|(name, count)| format!("{} messages of {name}", count.certain()));
        let certain: Vec<String> = certain.collect();
        let none = certain.is_empty();
        (!none).then(|| format!("nobody would be given {}", certain.join(" and ")))
    }

    /// Takes those out of the queue that were handed again and have arrived: the ledger has their
    /// number, and the copy has left the queue.
    pub(super) async fn take_out(
        &self,
        ground: &Ground,
        found: &BTreeMap<(LaneId, u64), Vec<Found>>,
    ) -> anyhow::Result<()> {
        if !self.is_certain() {
            return Ok(());
        }
        let mut conn = ground.store.connection().await?;
        for row in lane_hole::handed_again(&mut conn, HANDED_MAX).await? {
            let key = (LaneId::from_uuid(row.lane_id), number(row.number));
            let there = lane::reached(&mut conn, row.lane_id, row.number - 1, row.number).await?;
            let (false, Some(place)) = (there.is_empty(), row.sequence) else {
                continue;
            };
            let is_copied = found.get(&key).is_some_and(|messages| messages.len() > 1);
            let at = ground.bus.look_through(&ATTEMPT_WRITER, number(place), 1);
            let mut at = at.await?.0;
            at.retain(|message| message.sequence == number(place));
            let it = at.iter().find(|message| numbered(message) == Some(key));
            if let (Some(message), false) = (it, is_copied)
                && all_arrived(&mut conn, &at).await?
            {
                ground.bus.take_out(&ATTEMPT_WRITER, message).await?;
            }
        }
        Ok(())
    }
}

/// Whether the ledger has the number of each message that lies at one place: a bundle goes with all
/// that is in it.
async fn all_arrived(conn: &mut LedgerConnection, at: &[Found]) -> anyhow::Result<bool> {
    for (lane, number) in at.iter().filter_map(numbered) {
        let number = i64::try_from(number)?;
        let there = lane::reached(conn, lane.as_uuid(), number - 1, number).await?;
        if there.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

#[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn show(stream: &'static str, messages: u64) {
    gauge!("assay_queue_stranded_messages", "stream" => stream).set(messages as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_stranded_when_they_were_so_in_every_look_of_a_row() {
        let mut count = Count::default();
        for (messages, certain) in [(1, 0), (1, 0), (2, 2), (1, 1), (0, 0), (1, 0)] {
            count.see(messages);
            assert_eq!(count.certain(), certain);
        }
    }
}

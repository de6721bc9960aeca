//! Owns the counting of deliveries: how long a message waits for its next, when a count that an
//! outage has used up begins anew, and when a message is hopeless. Pure.

use std::time::Duration;

use crate::topology::ConsumerSpec;

/// A message delivered more often than this, with all dependencies ready, is dead-lettered before
/// it is touched: one that kills its handler cannot do so for ever.
pub const DELIVERIES_MAX: u64 = 20;
/// A message that an outage stopped, delivered at least so often, is put back as a fresh one, so
/// that the outage does not use its deliveries up.
pub const RENEW_FROM_DELIVERY: u64 = 10;
/// How often a message is put back as a fresh one. A dependency that looks away for one message for
/// ever, and for no other, is that message's own trouble in the end: with an ack wait of 30 s after
/// more than three hours of tries.
pub const RENEWALS_MAX: u64 = 50;

/// The wait before the second delivery is the ack wait divided by this; it doubles each time.
const PAUSES_PER_ACK_WAIT: u32 = 30;
/// The longest wait, in ack waits: 20 deliveries of a message that fails at once, with an ack wait
/// of 30 s, take a quarter of an hour.
const PAUSE_ACK_WAITS_MAX: u32 = 2;
/// Doublings after which the wait is the longest in any case.
const DOUBLINGS_MAX: u64 = 16;

/// How long a message that could not be handled waits for its next delivery, at least.
pub(crate) fn pause(consumer: &ConsumerSpec, deliveries: u64) -> Duration {
    let doublings = deliveries.saturating_sub(1).min(DOUBLINGS_MAX);
    let first = consumer.ack_wait / PAUSES_PER_ACK_WAIT;
    first
        .saturating_mul(1 << doublings)
        .min(consumer.ack_wait.saturating_mul(PAUSE_ACK_WAITS_MAX))
}

/// Whether a message that an outage stopped begins its count anew.
pub(crate) fn is_to_be_renewed(deliveries: u64, renewals: u64) -> bool {
    deliveries >= RENEW_FROM_DELIVERY && renewals < RENEWALS_MAX
}

/// Whether a message has been delivered too often to be touched again.
pub(crate) fn is_hopeless(deliveries: u64) -> bool {
    deliveries > DELIVERIES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::ATTEMPT_WRITER;

    #[test]
    fn the_waits_double_up_to_two_ack_waits_and_end_after_a_quarter_of_an_hour() {
        let waits: Vec<u64> = (1..=DELIVERIES_MAX)
            .map(|deliveries| pause(&ATTEMPT_WRITER, deliveries).as_secs())
            .collect();
        assert_eq!(waits[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(waits[8..].iter().all(|&secs| secs == 60), "{waits:?}");
        assert!(
            (840..=960).contains(&waits.iter().sum::<u64>()),
            "{waits:?}"
        );
        assert_eq!(pause(&ATTEMPT_WRITER, u64::MAX).as_secs(), 60);
    }

    #[test]
    fn the_borders_of_the_count() {
        for (deliveries, renewals, renewed) in [
            (RENEW_FROM_DELIVERY - 1, 0, false),
            (RENEW_FROM_DELIVERY, 0, true),
            (DELIVERIES_MAX, RENEWALS_MAX - 1, true),
            (DELIVERIES_MAX, RENEWALS_MAX, false),
        ] {
            assert_eq!(is_to_be_renewed(deliveries, renewals), renewed);
        }
        assert!(!is_hopeless(DELIVERIES_MAX));
        assert!(is_hopeless(DELIVERIES_MAX + 1));
    }
}

//! Owns remembering how far the queue's consumer was some time ago. No clock of its own.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::completeness::judge::IN_HAND_SECS;

/// How far the queue's consumer was, look by look.
#[derive(Debug, Default)]
pub(super) struct Given {
    looks: VecDeque<(Instant, u64)>,
}

impl Given {
    /// Notes how far it is now; gives the place up to which all was given at least
    /// [`IN_HAND_SECS`] ago, 0 while that is not known.
    pub(super) fn note(&mut self, at: Instant, delivered: u64) -> u64 {
        if self.looks.back().is_some_and(|(_, last)| *last > delivered) {
            // The consumer was made anew, or the stream has lost its end.
            self.looks.clear();
        }
        self.looks.push_back((at, delivered));
        let is_long_ago =
            |(then, _): &(Instant, u64)| at - *then >= Duration::from_secs(IN_HAND_SECS);
        while self.looks.get(1).is_some_and(is_long_ago) {
            self.looks.pop_front();
        }
        let first = self.looks.front().filter(|look| is_long_ago(look));
        first.map_or(0, |(_, delivered)| *delivered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_some_time_ago_is_what_was_seen_then() {
        let (begin, mut given) = (Instant::now(), Given::default());
        let mut note =
            |millis, delivered| given.note(begin + Duration::from_millis(millis), delivered);
        assert_eq!(note(0, 5), 0);
        assert_eq!(note(1_900, 9), 0);
        assert_eq!(note(2_000, 11), 5);
        assert_eq!(note(3_899, 20), 5);
        assert_eq!(note(3_900, 30), 9);
        // A long pause: the last look before it is what is known.
        assert_eq!(note(60_000, 31), 30);
        // Begun anew.
        assert_eq!(note(60_500, 3), 0);
        assert_eq!(note(62_500, 3), 3);
    }
}

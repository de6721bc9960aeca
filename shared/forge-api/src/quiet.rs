//! Owns the silence that a forge's rate limit asks for: until it is over nothing is asked, by any
//! clone of a client and for whatever reason.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Until when nothing is asked. Clones are the same silence.
#[derive(Clone, Default)]
pub(crate) struct Quiet(Arc<Mutex<Option<Instant>>>);

impl Quiet {
    /// From `now` on asks nothing for so long; a longer silence that was asked for before stays.
    pub(crate) fn keep(&self, now: Instant, wait: Duration) {
        let until = now + wait;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = kept.max(Some(until));
    }

    /// How long it still lasts.
    pub(crate) fn left(&self, now: Instant) -> Option<Duration> {
        let kept = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = kept?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_holds_for_all_clones_until_the_last_is_over() {
        let began = Instant::now();
        let at = |secs| began + Duration::from_secs(secs);
        let quiet = Quiet::default();
        let other = quiet.clone();
        assert_eq!(other.left(at(0)), None);
        quiet.keep(at(0), Duration::from_secs(60));
        quiet.keep(at(1), Duration::from_secs(5));
        for (secs, left) in [(1, Some(59)), (59, Some(1)), (60, None), (61, None)] {
            assert_eq!(
                other.left(at(secs)),
                left.map(Duration::from_secs),
                "{secs}"
            );
        }
    }
}

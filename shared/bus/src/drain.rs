//! Owns the prediction when a consumer's queue will be empty: what waits, over how fast it was
//! handled of late. Thought; the looks come from outside.

use std::collections::VecDeque;
use std::time::Duration;

/// Over how long the rate is taken, in seconds: long enough for a pause between two batches.
const OVER_SECS: u64 = 60;
/// The longest that is predicted, in seconds: a week, which also stands for never.
pub(crate) const DRAIN_SECS_MAX: f64 = 604_800.0;

/// What one look saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// When, on a clock that only goes on.
    pub(crate) at: Duration,
    /// Messages that were handed out and are not held any more, since the consumer was made. What
    /// was put off and handed out again counts twice.
    pub(crate) handled: u64,
    /// Messages that wait or are being handled.
    pub(crate) backlog: u64,
}

/// The looks of the last while.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    looks: VecDeque<Look>,
}

impl Drain {
    /// Takes a look in; gives the seconds until the queue is empty if nothing more came.
    pub(crate) fn learn(&mut self, look: Look) -> f64 {
        let begun_anew = |last: &Look| look.handled < last.handled;
        if self.looks.back().is_some_and(begun_anew) {
            self.looks.clear();
        }
        self.looks.push_back(look);
        // The oldest that is kept is the last one that lies that far back.
        let over = Duration::from_secs(OVER_SECS);
        while self
            .looks
            .get(1)
            .is_some_and(|next| look.at - next.at >= over)
        {
            self.looks.pop_front();
        }
        let first = self.looks.front().unwrap_or(&look);
        let seconds = (look.at - first.at).as_secs_f64();
        seconds_left(look.backlog, look.handled - first.handled, seconds)
    }
}

/// Counts are small enough for a float.
fn seconds_left(backlog: u64, handled: u64, seconds: f64) -> f64 {
    match (backlog, handled) {
        (0, _) => 0.0,
        (_, 0) => DRAIN_SECS_MAX,
        _ => (backlog as f64 * seconds / handled as f64).min(DRAIN_SECS_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is predicted at each of these looks: seconds, handled, backlog.
    fn predicted(looks: &[(u64, u64, u64)]) -> Vec<f64> {
        let mut drain = Drain::default();
        let look = |&(at, handled, backlog): &(u64, u64, u64)| Look {
            at: Duration::from_secs(at),
            handled,
            backlog,
        };
        looks.iter().map(|each| drain.learn(look(each))).collect()
    }

    #[test]
    fn what_waits_is_gone_when_it_is_handled_as_fast_as_of_late() {
        let looks = [(0, 0, 1_000), (10, 100, 900), (20, 200, 800), (30, 300, 0)];
        assert_eq!(predicted(&looks), [DRAIN_SECS_MAX, 90.0, 80.0, 0.0]);
    }

    #[test]
    fn a_queue_that_nobody_empties_is_never_empty_and_an_empty_one_is_now() {
        assert_eq!(predicted(&[(0, 7, 5), (10, 7, 9)]), [DRAIN_SECS_MAX; 2]);
        assert_eq!(predicted(&[(0, 7, 0), (10, 7, 0)]), [0.0; 2]);
        // One in a minute, and a million wait.
        assert_eq!(
            predicted(&[(0, 0, 0), (60, 1, 1_000_000)])[1],
            DRAIN_SECS_MAX
        );
    }

    #[test]
    fn only_the_last_minute_counts_and_a_consumer_that_was_made_anew_counts_anew() {
        // Fast at first, then ten in ten seconds for a minute.
        let mut looks = vec![(0, 0, 100), (10, 5_000, 100)];
        looks.extend((2..=7).map(|ten| (ten * 10, 5_000 + (ten - 1) * 10, 100)));
        assert_eq!(predicted(&looks).last(), Some(&100.0));
        let anew = [(0, 500, 10), (10, 0, 10), (20, 10, 10)];
        assert_eq!(predicted(&anew)[1..], [DRAIN_SECS_MAX, 10.0]);
    }
}

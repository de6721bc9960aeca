//! Owns when each delivery is to be sent, as thought: an offset from the begin for each number.

use std::time::Duration;

/// How steeply a classroom's rate rises to its deadline: at the end it is about `e` to this times
/// that of the begin.
const STEEPNESS: f64 = 4.0;

/// When deliveries are to be sent.
#[derive(Clone, PartialEq, Debug)]
pub enum Schedule {
    /// All at once.
    AtOnce {
        /// How many.
        count: u64,
    },
    /// At one rate.
    Steady {
        /// A second.
        rate: f64,
        /// For so long.
        lasts: Duration,
    },
    /// At a rate that rises up to the end.
    Deadline {
        /// How many.
        count: u64,
        /// From the begin to the deadline.
        lasts: Duration,
    },
    /// As they were recorded.
    Recorded(Vec<Duration>),
}

impl Schedule {
    /// When the delivery of a number, from 0, is to be sent; `None` after the last.
    pub fn at(&self, number: u64) -> Option<Duration> {
        match self {
            Self::AtOnce { count } => (number < *count).then_some(Duration::ZERO),
            Self::Steady { rate, lasts } => {
                let at = Duration::from_secs_f64(number as f64 / rate);
                (at < *lasts).then_some(at)
            }
            Self::Deadline { count, lasts } => (number < *count).then(|| {
                // So many have come by then, in a share of all.
                let share = number as f64 / *count as f64;
                let time = (1.0 + share * STEEPNESS.exp_m1()).ln() / STEEPNESS;
                lasts.mul_f64(time)
            }),
            Self::Recorded(offsets) => offsets.get(usize::try_from(number).ok()?).copied(),
        }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        match self {
            Self::AtOnce { count } | Self::Deadline { count, .. } => *count,
            Self::Steady { rate, lasts } => (rate * lasts.as_secs_f64()).ceil() as u64,
            Self::Recorded(offsets) => offsets.len() as u64,
        }
    }

    /// Whether a delivery has a moment of its own, from which its latency counts.
    pub fn is_open_loop(&self) -> bool {
        !matches!(self, Self::AtOnce { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_steady_rate_sends_at_equal_distances_until_its_end() {
        let steady = Schedule::Steady {
            rate: 200.0,
            lasts: MINUTE,
        };
        assert_eq!(steady.at(0), Some(Duration::ZERO));
        assert_eq!(steady.at(200), Some(Duration::from_secs(1)));
        assert_eq!(steady.at(12_000), None);
        assert_eq!(steady.count(), 12_000);
    }

    #[test]
    fn a_classrooms_rate_rises_to_the_deadline_and_none_comes_after_it() {
        let class = Schedule::Deadline {
            count: 10_000,
            lasts: MINUTE,
        };
        let before = |share: f64| {
            let until = MINUTE.mul_f64(share);
            (0..10_000)
                .filter(|number| class.at(*number).is_some_and(|at| at < until))
                .count()
        };
        assert!(before(0.5) < 2_000, "{}", before(0.5));
        let last = before(1.0) - before(0.9);
        assert!(last > 3_000, "{last}");
        assert_eq!(before(1.01), 10_000);
        assert_eq!(class.at(10_000), None);
        let rises = (1..10_000).all(|number| class.at(number) >= class.at(number - 1));
        assert!(rises);
    }
}

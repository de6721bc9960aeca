//! Owns the plain sequence of waits, for a loop that does its own waiting.

use std::time::Duration;

use backoff::backoff::Backoff;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};

use crate::policy::{Policy, SPREAD};

/// The waits of a policy, one after the other, spread and growing. It never ends: a loop over it
/// ends by its own stop signal, so the policy's `give_up_after` has no part in it.
#[derive(Debug)]
pub struct Delays {
    spread: Spread,
    max: Duration,
}

impl Delays {
    /// Begins with the policy's first wait.
    pub fn new(policy: &Policy) -> Self {
        let endless = Policy {
            give_up_after: None,
            ..*policy
        };
        Self {
            spread: Spread::new(&endless),
            max: policy.max,
        }
    }

    /// How long to wait now: at most the policy's `max`.
    #[allow(
        clippy::should_implement_trait,
        reason = "an iterator's Option would promise an end that never comes"
    )]
    pub fn next(&mut self) -> Duration {
        self.spread.next_backoff().unwrap_or(self.max)
    }

    /// Begins again with the first wait: call it when the operation has succeeded.
    pub fn reset(&mut self) {
        self.spread.reset();
    }
}

/// The library's sequence, held to the policy's bounds: its own spread may exceed the greatest
/// wait by half.
#[derive(Debug)]
pub(crate) struct Spread {
    inner: ExponentialBackoff,
    max: Duration,
}

impl Spread {
    pub(crate) fn new(policy: &Policy) -> Self {
        let inner = ExponentialBackoffBuilder::new()
            .with_initial_interval(policy.first)
            .with_multiplier(policy.factor.max(1.0))
            .with_max_interval(policy.max)
            .with_randomization_factor(SPREAD)
            .with_max_elapsed_time(policy.give_up_after)
            .build();
        Self {
            inner,
            max: policy.max,
        }
    }
}

impl Backoff for Spread {
    fn next_backoff(&mut self) -> Option<Duration> {
        self.inner.next_backoff().map(|delay| delay.min(self.max))
    }

    fn reset(&mut self) {
        self.inner.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        first: Duration::from_millis(100),
        factor: 2.0,
        max: Duration::from_millis(400),
        give_up_after: Some(Duration::ZERO),
    };

    #[test]
    fn delays_grow_within_their_spread_and_never_exceed_the_greatest() {
        for _ in 0..200 {
            let mut delays = Delays::new(&POLICY);
            for (low_ms, high_ms) in [(50, 151), (100, 301), (200, 400), (200, 400)] {
                let delay = delays.next();
                let range = Duration::from_millis(low_ms)..=Duration::from_millis(high_ms);
                assert!(range.contains(&delay), "{delay:?} is not in {range:?}");
            }
        }
    }

    #[test]
    fn delays_do_not_end_and_begin_again_after_a_reset() {
        let mut delays = Delays::new(&POLICY);
        for _ in 0..1_000 {
            assert!(delays.next() > Duration::ZERO);
        }
        delays.reset();
        assert!(delays.next() <= Duration::from_millis(151));
    }
}

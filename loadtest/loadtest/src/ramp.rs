//! Owns the ramp: steps of rising rates, until one does not hold its latency.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::schedule::Schedule;
use crate::sender::Sender;
use crate::traffic::Delivery;

/// How much higher each step is than the one before.
const FACTOR: f64 = 1.25;
/// Most steps.
const STEPS_MAX: u32 = 40;
/// Seconds at the begin of a step that are not judged: connections are made.
const SETTLE_SECS: u64 = 1;

/// A ramp.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ramp {
    /// The first rate, a second.
    pub from: f64,
    /// The highest that is tried.
    pub to: f64,
    /// How long each step lasts, in seconds.
    pub step_secs: u64,
    /// What 99 of 100 answers must come within, in milliseconds.
    pub p99_ms: f64,
}

/// A step that was tried.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Held {
    /// Its rate.
    pub rate: f64,
    /// What 99 of 100 answers came within, in milliseconds.
    pub p99_ms: f64,
    /// Whether that is good enough.
    pub holds: bool,
}

impl Ramp {
    /// The rates, from the lowest.
    pub fn rates(&self) -> impl Iterator<Item = f64> + use<> {
        let (from, to) = (self.from, self.to);
        let steps = (0..STEPS_MAX).map(move |step| from * FACTOR.powi(step.cast_signed()));
        steps.take_while(move |rate| *rate <= to)
    }

    /// How many deliveries all steps together have.
    pub fn deliveries_max(&self) -> u64 {
        self.rates()
            .map(|rate| (rate * self.step_secs as f64) as u64)
            .sum()
    }

    /// Sends step by step, and stops after the first that does not hold.
    ///
    /// # Errors
    /// Never with these borders.
    pub async fn climb(
        &self,
        sender: &Arc<Sender>,
        make: impl Fn(u64) -> Delivery,
        stop: &CancellationToken,
    ) -> Result<Vec<Held>> {
        let mut held = Vec::new();
        let mut first = 0;
        for rate in self.rates() {
            let begins = sender.elapsed().as_secs();
            let lasts = Duration::from_secs(self.step_secs);
            let step = Schedule::Steady { rate, lasts };
            first += sender.send_all(&step, (first, 1), &make, stop).await;
            let judged = begins + SETTLE_SECS..begins + self.step_secs;
            let p99_ms = sender.latencies().within(judged)?.p99;
            let holds = p99_ms <= self.p99_ms;
            held.push(Held {
                rate,
                p99_ms,
                holds,
            });
            if !holds || stop.is_cancelled() {
                break;
            }
        }
        Ok(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_a_quarter_higher_and_none_is_beyond_the_highest() {
        let ramp = Ramp {
            from: 100.0,
            to: 200.0,
            step_secs: 10,
            p99_ms: 25.0,
        };
        let rates: Vec<f64> = ramp.rates().collect();
        assert_eq!(rates, [100.0, 125.0, 156.25, 195.3125]);
        assert_eq!(ramp.deliveries_max(), 1_000 + 1_250 + 1_562 + 1_953);
    }
}

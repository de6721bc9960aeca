//! Owns what is measured of a consumer: what waits for it, how long each message waited, how long
//! its handler took. Every process says the same of what waits, so that the answer outlives it.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use async_nats::jetstream;
use async_nats::jetstream::consumer::PullConsumer;
use contract::time;
use tokio::time::MissedTickBehavior;
use tracing::debug;

use crate::connect::Bus;
use crate::consume::Consumption;
use crate::drain::{Drain, Look};
use crate::error::TopologyError;
use crate::history::{History, of_nanos};
use crate::topology::ConsumerSpec;

/// Between two looks, in seconds.
const LOOK_EVERY_SECS: u64 = 10;

/// What waits for a consumer at this moment.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Lag {
    /// Messages not delivered yet.
    pub pending: u64,
    /// Messages delivered and not yet acked: worked on, or waiting for their time.
    pub unacked: u64,
    /// How long the oldest of both has been in the stream; 0 for none.
    pub oldest_age: Duration,
    /// Messages that were handed out and are not held any more, since the consumer was made.
    pub handled: u64,
    /// The part of its bound in bytes that the stream uses, from 0 to 1.
    pub stream_full: f64,
}

/// Awaits `work`, and keeps the gauges of its consumer up to date meanwhile.
pub(crate) async fn beside<T>(consumption: &Consumption, work: impl Future<Output = T>) -> T {
    tokio::select! {
        never = watch(&consumption.bus, consumption.consumer) => match never {},
        done = work => done,
    }
}

/// Keeps the gauges of one consumer up to date until it is dropped. What the server does not answer
/// is left as it was: that it is away is said in `/ready`.
async fn watch(bus: &Bus, consumer: &'static ConsumerSpec) -> Infallible {
    let mut ticks = tokio::time::interval(Duration::from_secs(LOOK_EVERY_SECS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (begun, mut drain) = (Instant::now(), Drain::default());
    loop {
        ticks.tick().await;
        match bus.lag(consumer).await {
            Ok(lag) => {
                let seconds = drain.learn(Look {
                    at: begun.elapsed(),
                    handled: lag.handled,
                    backlog: lag.pending + lag.unacked,
                });
                metrics::gauge!("assay_consumer_drain_seconds", "consumer" => consumer.durable)
                    .set(seconds);
                tell(consumer, lag);
            }
            Err(error) => debug!(consumer = consumer.durable, %error, "look for what waits"),
        }
    }
}

/// Counts are small enough for a float.
fn tell(consumer: &ConsumerSpec, lag: Lag) {
    let ConsumerSpec {
        durable, stream, ..
    } = *consumer;
    metrics::gauge!("assay_consumer_pending", "consumer" => durable).set(lag.pending as f64);
    metrics::gauge!("assay_consumer_unacked", "consumer" => durable).set(lag.unacked as f64);
    metrics::gauge!("assay_consumer_oldest_age_seconds", "consumer" => durable)
        .set(lag.oldest_age.as_secs_f64());
    metrics::gauge!("assay_stream_full_ratio", "stream" => stream).set(lag.stream_full);
}

/// How long ago a message was first stored: what it has waited, tries before included.
pub(crate) fn tell_age(consumer: &'static str, message: &jetstream::Message) {
    let Some(stored) = History::of(message).first_at else {
        return;
    };
    let age = (time::now() - stored).to_std().unwrap_or_default();
    metrics::histogram!("assay_message_age_seconds", "consumer" => consumer)
        .record(age.as_secs_f64());
}

/// How long a handler took, for one message or for a batch.
pub(crate) fn tell_duration(consumer: &'static str, begun: Instant) {
    metrics::histogram!("assay_handling_duration_seconds", "consumer" => consumer)
        .record(begun.elapsed().as_secs_f64());
}

impl Bus {
    /// What waits for a consumer.
    ///
    /// # Errors
    /// [`TopologyError::Server`] if the server does not answer, or has no such consumer.
    pub async fn lag(&self, spec: &ConsumerSpec) -> Result<Lag, TopologyError> {
        let refused = |source: Box<dyn std::error::Error + Send + Sync>| TopologyError::Server {
            what: format!("the consumer {} of {}", spec.durable, spec.stream),
            source,
        };
        let stream = self.jetstream.get_stream(spec.stream).await;
        let stream = stream.map_err(|error| refused(error.into()))?;
        let consumer: Result<PullConsumer, _> = stream.get_consumer(spec.durable).await;
        let consumer = consumer.map_err(refused)?;
        let (told, state) = (consumer.cached_info(), &stream.cached_info().state);
        let unacked = told.num_ack_pending as u64;
        let mut oldest_age = Duration::ZERO;
        if told.num_pending + unacked > 0 {
            // What is acked has left a queue, and in a record it lies below the floor. It may be
            // gone by now, and then nothing is old.
            let from = Some(told.ack_floor.stream_sequence + 1);
            let next = stream.direct_get_next_for_subject(spec.filter, from).await;
            let stored = next
                .ok()
                .and_then(|oldest| of_nanos(oldest.time.unix_timestamp_nanos()));
            let age = stored.map(|stored| (time::now() - stored).to_std().unwrap_or_default());
            oldest_age = age.unwrap_or_default();
        }
        Ok(Lag {
            pending: told.num_pending,
            unacked,
            oldest_age,
            handled: told.delivered.consumer_sequence.saturating_sub(unacked),
            stream_full: part(state.bytes, stream.cached_info().config.max_bytes),
        })
    }
}

/// The part of a bound that is used; 0 where there is no bound.
fn part(used: u64, bound: i64) -> f64 {
    if bound <= 0 {
        return 0.0;
    }
    used as f64 / bound as f64
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn a_bound_that_is_none_is_never_full() {
        for (used, bound, expected) in [(5, -1, 0.0), (5, 0, 0.0), (0, 8, 0.0), (2, 8, 0.25)] {
            assert!(
                (part(used, bound) - expected).abs() < f64::EPSILON,
                "{used} of {bound}"
            );
        }
    }
}

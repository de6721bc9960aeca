//! Owns what a message is told: the lease while it is worked on, and its end.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::AckKind;
use futures::future::join_all;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::{error, warn};

use crate::connect::Bus;
use crate::consume::{DELIVERIES_MAX, Outcome};
use crate::dead::{self, Death};
use crate::incoming::Lease;
use crate::topology::ConsumerSpec;

/// How many times the lease is extended in one ack wait.
const EXTENSIONS_PER_ACK_WAIT: u32 = 3;
/// Pause before a message comes again whose dead letter could not be stored, in seconds.
const BURIAL_RETRY_SECS: u64 = 10;

/// Awaits `work` and extends the messages' lease meanwhile; marks the leases lost when an
/// extension came later than the ack wait allows.
pub(crate) async fn hold<T>(
    bus: &Bus,
    consumer: &ConsumerSpec,
    messages: &[jetstream::Message],
    leases: &[Lease],
    work: impl Future<Output = T>,
) -> T {
    let every = consumer.ack_wait / EXTENSIONS_PER_ACK_WAIT;
    let mut ticks = interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut extended = Instant::now();
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = ticks.tick() => {
                if extended.elapsed() > consumer.ack_wait {
                    leases.iter().for_each(Lease::lose);
                }
                // What is sent while nobody listens is kept for later, and extends nothing.
                if !bus.is_connected() {
                    continue;
                }
                let progress = messages.iter().map(|m| m.ack_with(AckKind::Progress));
                if join_all(progress).await.iter().all(Result::is_ok) {
                    extended = Instant::now();
                }
            }
        }
    }
}

/// Turns an outcome into an ack, a delayed nak or a dead letter.
pub(crate) async fn settle(
    bus: &Bus,
    consumer: &'static ConsumerSpec,
    message: &jetstream::Message,
    outcome: Outcome,
) {
    let name = match &outcome {
        Outcome::Done => "done",
        Outcome::Later(_) => "later",
        Outcome::Never(_) => "never",
    };
    metrics::counter!("assay_messages_total", "consumer" => consumer.durable, "outcome" => name)
        .increment(1);
    let told = match outcome {
        Outcome::Done => message.ack().await,
        Outcome::Later(delay) => message.ack_with(AckKind::Nak(Some(delay))).await,
        Outcome::Never(reason) => return bury(bus, consumer, message, &reason).await,
    };
    if let Err(error) = told {
        // The message comes again after the ack wait, and its handler finds its effect there.
        warn!(consumer = consumer.durable, %error, "settle a message");
    }
}

/// Dead-letters a message that has been delivered too often; says whether it did.
pub(crate) async fn bury_if_hopeless(
    bus: &Bus,
    consumer: &'static ConsumerSpec,
    message: &jetstream::Message,
) -> bool {
    let delivered = message
        .info()
        .map_or(0, |info| info.delivered.max(0) as u64);
    if delivered <= DELIVERIES_MAX {
        return false;
    }
    let reason = format!("delivered {delivered} times without an end");
    bury(bus, consumer, message, &reason).await;
    true
}

async fn bury(
    bus: &Bus,
    consumer: &'static ConsumerSpec,
    message: &jetstream::Message,
    reason: &str,
) {
    let (sequence, deliveries) = message.info().map_or((0, 0), |info| {
        (info.stream_sequence, info.delivered.max(0) as u64)
    });
    let death = Death {
        consumer,
        sequence,
        deliveries,
        reason,
    };
    let told = match dead::bury(bus, message, death).await {
        Ok(()) => {
            error!(
                consumer = consumer.durable,
                reason, "a message became a dead letter"
            );
            message.ack_with(AckKind::Term).await
        }
        Err(error) => {
            // It stays in its queue until its dead letter is stored.
            error!(consumer = consumer.durable, %error, "store a dead letter");
            let delay = Duration::from_secs(BURIAL_RETRY_SECS);
            message.ack_with(AckKind::Nak(Some(delay))).await
        }
    };
    if let Err(error) = told {
        warn!(consumer = consumer.durable, %error, "settle a dead letter's message");
    }
}

//! Owns the consumer loops: pull, hand over, settle. Only here does a handler's [`Outcome`] become
//! an ack, a delayed nak, or a dead letter.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use futures::FutureExt;
use futures::future::join_all;
use process::health::Gate;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error};

use crate::connect::Bus;
use crate::error::ConsumeError;
use crate::incoming::Incoming;
use crate::pull::{open, pull};
use crate::settle;
use crate::topology::ConsumerSpec;

/// From this delivery on a message is handled alone, so that it cannot harm its neighbours.
pub const ALONE_FROM_DELIVERY: u64 = 3;
/// A message delivered more often than this, with all dependencies ready, is dead-lettered before
/// it is touched: one that kills its handler cannot do so for ever.
pub const DELIVERIES_MAX: u64 = 20;

/// What becomes of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Its effect is committed and what follows is published.
    Done,
    /// Not now: try again after this long.
    Later(Duration),
    /// It can never succeed, for this reason: a dead letter.
    Never(String),
}

/// Handles messages one by one.
pub trait Handler: Send + Sync + 'static {
    /// Says what becomes of the message. May be called twice for one message, and must be
    /// harmless the second time.
    fn handle(&self, incoming: &Incoming) -> impl Future<Output = Outcome> + Send;
}

/// Handles messages in batches.
pub trait BatchHandler: Send + Sync + 'static {
    /// Says what becomes of each message, in their order.
    fn handle(&self, batch: &[Incoming]) -> impl Future<Output = Vec<Outcome>> + Send;
}

/// What a consumer loop needs beside its handler.
pub struct Consumption {
    /// The bus.
    pub bus: Bus,
    /// The consumer, as the topology has it.
    pub consumer: &'static ConsumerSpec,
    /// Open while the handler's dependencies are ready: while it is shut nothing is pulled, so
    /// that an outage does not burn deliveries.
    pub gate: Gate,
    /// Take no more; finish what is held; leave.
    pub stop: CancellationToken,
}

/// Runs a handler on at most `slots` messages at a time until it is told to stop.
///
/// # Errors
/// [`ConsumeError`] if the consumer cannot be opened.
pub async fn each<H: Handler>(
    consumption: Consumption,
    slots: usize,
    handler: Arc<H>,
) -> Result<(), ConsumeError> {
    let puller = open(&consumption).await?;
    let permits = Arc::new(Semaphore::new(slots));
    let mut running = JoinSet::new();
    loop {
        reap(&mut running);
        let Some(first) = free_slot(&consumption, &permits).await else {
            break;
        };
        let mut taken = vec![first];
        while let Ok(permit) = Arc::clone(&permits).try_acquire_owned() {
            taken.push(permit);
        }
        let Some(messages) = pull(&consumption, &puller, taken.len()).await else {
            break;
        };
        for message in messages {
            let permit = taken
                .pop()
                .expect("no more was pulled than slots were taken");
            let handler = Arc::clone(&handler);
            let bus = consumption.bus.clone();
            let consumer = consumption.consumer;
            running.spawn(async move {
                one(&bus, consumer, &message, handler.as_ref()).await;
                drop::<OwnedSemaphorePermit>(permit);
            });
        }
    }
    while running.join_next().await.is_some() {}
    consumption.bus.flush().await;
    Ok(())
}

/// Runs a handler on batches of at most `batch_max` messages, one batch at a time, until it is
/// told to stop. A pull takes what is there, so that batches grow with the load.
///
/// # Errors
/// [`ConsumeError`] if the consumer cannot be opened.
pub async fn batches<H: BatchHandler>(
    consumption: Consumption,
    batch_max: usize,
    handler: Arc<H>,
) -> Result<(), ConsumeError> {
    let puller = open(&consumption).await?;
    while open_gate(&consumption).await {
        let Some(messages) = pull(&consumption, &puller, batch_max).await else {
            break;
        };
        let (bus, consumer) = (&consumption.bus, consumption.consumer);
        let (alone, together): (Vec<_>, Vec<_>) = messages
            .into_iter()
            .partition(|message| deliveries(message) >= ALONE_FROM_DELIVERY);
        settle_batch(bus, consumer, &together, handler.as_ref()).await;
        for message in &alone {
            if !settle::bury_if_hopeless(bus, consumer, message).await {
                settle_batch(
                    bus,
                    consumer,
                    std::slice::from_ref(message),
                    handler.as_ref(),
                )
                .await;
            }
        }
    }
    consumption.bus.flush().await;
    Ok(())
}

async fn one<H: Handler>(
    bus: &Bus,
    consumer: &'static ConsumerSpec,
    message: &jetstream::Message,
    handler: &H,
) {
    if settle::bury_if_hopeless(bus, consumer, message).await {
        return;
    }
    let incoming = Incoming::new(consumer.durable, message, deliveries(message));
    let work = handler
        .handle(&incoming)
        .instrument(incoming.span().clone());
    let held = std::slice::from_ref(message);
    let outcome = settle::hold(bus, consumer, held, &[incoming.lease().clone()], work).await;
    settle::settle(bus, consumer, message, outcome)
        .instrument(incoming.span().clone())
        .await;
}

async fn settle_batch<H: BatchHandler>(
    bus: &Bus,
    consumer: &'static ConsumerSpec,
    messages: &[jetstream::Message],
    handler: &H,
) {
    if messages.is_empty() {
        return;
    }
    let batch: Vec<Incoming> = messages
        .iter()
        .map(|message| Incoming::new(consumer.durable, message, deliveries(message)))
        .collect();
    let leases: Vec<_> = batch
        .iter()
        .map(|incoming| incoming.lease().clone())
        .collect();
    // One bad message must not end the loop with its neighbours: from its third delivery on it is
    // handled alone.
    let work = AssertUnwindSafe(handler.handle(&batch)).catch_unwind();
    let Ok(outcomes) = settle::hold(bus, consumer, messages, &leases, work).await else {
        // Nothing is settled: the messages come again after the ack wait.
        error!(consumer = consumer.durable, "a batch's handler panicked");
        return;
    };
    if outcomes.len() != messages.len() {
        // Nothing is settled: the messages come again after the ack wait.
        error!(
            consumer = consumer.durable,
            "the handler did not answer for every message"
        );
        return;
    }
    let settled = messages
        .iter()
        .zip(outcomes)
        .map(|(message, outcome)| settle::settle(bus, consumer, message, outcome));
    join_all(settled).await;
}

fn deliveries(message: &jetstream::Message) -> u64 {
    message
        .info()
        .map_or(1, |info| info.delivered.max(1) as u64)
}

/// Waits until the dependencies are ready; false when it is time to leave.
async fn open_gate(consumption: &Consumption) -> bool {
    tokio::select! {
        biased;
        () = consumption.stop.cancelled() => false,
        () = consumption.gate.wait_open() => true,
    }
}

async fn free_slot(
    consumption: &Consumption,
    permits: &Arc<Semaphore>,
) -> Option<OwnedSemaphorePermit> {
    if !open_gate(consumption).await {
        return None;
    }
    tokio::select! {
        biased;
        () = consumption.stop.cancelled() => None,
        permit = Arc::clone(permits).acquire_owned() => permit.ok(),
    }
}

/// Forgets the tasks that ended; one that panicked left its message unsettled, and it comes again
/// after the ack wait.
fn reap(running: &mut JoinSet<()>) {
    while let Some(ended) = running.try_join_next() {
        if let Err(error) = ended {
            error!(%error, "a handler ended without an outcome");
        }
    }
}

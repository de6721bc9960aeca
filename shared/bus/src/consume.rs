//! Owns the consumer loops: pull, hand over, settle. Only here does a handler's [`Outcome`] become
//! an ack, a delayed nak, or a dead letter.

use std::panic::AssertUnwindSafe;
use std::slice;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
use crate::history::{deliveries, sequence};
use crate::incoming::Incoming;
use crate::lag;
use crate::parcel;
use crate::pull::open;
use crate::settle::{Desk, Ending};
use crate::tasks::{ended, reap};
use crate::topology::ConsumerSpec;
use crate::window::{ALONE_FROM_DELIVERY, Window, place};

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

    /// Whether nothing that comes now is for this handler: then it is done as it comes, unread.
    fn wants_nothing(&self) -> bool {
        false
    }
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

/// Runs a handler on at most `slots` messages at a time until it is told to stop. A message that
/// must be handled alone waits until no other is worked on here.
///
/// # Errors
/// [`ConsumeError`] if the consumer cannot be opened.
pub async fn each<H: Handler>(
    consumption: Consumption,
    slots: usize,
    handler: Arc<H>,
) -> Result<(), ConsumeError> {
    // On the heap, so that what holds a loop is small: threads' stacks are.
    let work = Box::pin(each_one(&consumption, slots, handler));
    lag::beside(&consumption, work).await
}

async fn each_one<H: Handler>(
    consumption: &Consumption,
    slots: usize,
    handler: Arc<H>,
) -> Result<(), ConsumeError> {
    let mut puller = open(consumption).await?;
    let desk = Desk::of(consumption);
    let mut window = Window::new(slots);
    let permits = Arc::new(Semaphore::new(slots));
    let mut running = JoinSet::new();
    loop {
        reap(&mut running);
        let Some(first) = free_slot(consumption, &permits).await else {
            break;
        };
        let mut taken = vec![first];
        while taken.len() < window.size()
            && let Ok(permit) = Arc::clone(&permits).try_acquire_owned()
        {
            taken.push(permit);
        }
        let Some(messages) = puller.pull(consumption, taken.len()).await else {
            break;
        };
        let (together, alone) = sort(&desk, &mut window, messages).await;
        for (message, permit) in together.into_iter().zip(taken) {
            let (desk, handler) = (desk.clone(), Arc::clone(&handler));
            running.spawn(async move {
                one(&desk, &message, handler.as_ref()).await;
                drop::<OwnedSemaphorePermit>(permit);
            });
        }
        if !alone.is_empty() {
            desk.hold(&alone, &[], ended(&mut running)).await;
        }
        for (place, message) in alone.iter().enumerate() {
            if !is_to_be_touched(&desk, &alone[place..]).await {
                break;
            }
            let work = one(&desk, message, handler.as_ref());
            desk.hold(&alone[place + 1..], &[], work).await;
        }
    }
    ended(&mut running).await;
    consumption.bus.flush().await;
    Ok(())
}

/// Dead-letters what is hopeless, and parts those that are handled together from those that are
/// handled alone, in the order in which those are touched. None is left where the gate was shut
/// while they were pulled: they come again when it may be open.
pub(crate) async fn sort(
    desk: &Desk,
    window: &mut Window,
    messages: Vec<jetstream::Message>,
) -> (Vec<jetstream::Message>, Vec<jetstream::Message>) {
    let hopeless = messages
        .iter()
        .map(|message| desk.bury_if_hopeless(message));
    let hopeless = join_all(hopeless).await;
    let pulled = messages.len();
    let messages = messages.into_iter().zip(hopeless);
    let messages: Vec<_> = messages
        .filter_map(|(message, hopeless)| (!hopeless).then_some(message))
        .collect();
    if !desk.gate.is_open() {
        spare_all(desk, &messages).await;
        return (Vec::new(), Vec::new());
    }
    let (mut alone, together): (Vec<_>, Vec<_>) = messages
        .into_iter()
        .partition(|message| deliveries(message) >= ALONE_FROM_DELIVERY);
    alone.sort_by_key(|message| place(deliveries(message), sequence(message)));
    window.learn(pulled, pulled - together.len());
    (together, alone)
}

/// Whether the first of those that are handled alone is to be touched now. When an outage began,
/// they would only meet it one after the other, and are all put off.
pub(crate) async fn is_to_be_touched(desk: &Desk, alone: &[jetstream::Message]) -> bool {
    if !desk.gate.is_open() {
        spare_all(desk, alone).await;
        return false;
    }
    // Should it take this process down, the ends of those before it have been told.
    desk.flush().await;
    true
}

async fn spare_all(desk: &Desk, messages: &[jetstream::Message]) {
    let spared = messages
        .iter()
        .map(|message| desk.spare(message, Duration::ZERO));
    join_all(spared).await;
}

async fn one<H: Handler>(desk: &Desk, message: &jetstream::Message, handler: &H) {
    let mut brought = parcel::open(desk.consumer.durable, message);
    let incoming = match brought.pop() {
        Some(incoming) if brought.is_empty() => incoming,
        last => {
            // Each has a slot of its own when it comes alone.
            brought.extend(last);
            return desk.unpack(message, brought.iter()).await;
        }
    };
    let calm = desk.gate.follow();
    let work = AssertUnwindSafe(handler.handle(&incoming))
        .catch_unwind()
        .instrument(incoming.span().clone());
    let held = slice::from_ref(message);
    let begun = Instant::now();
    lag::tell_age(desk.consumer.durable, message);
    let outcome = desk.hold(held, &[incoming.lease().clone()], work).await;
    lag::tell_duration(desk.consumer.durable, begun);
    if outcome.is_err() {
        error!(consumer = desk.consumer.durable, "a handler panicked");
    }
    let ending = Ending::new(outcome.ok(), incoming.failure(), &calm);
    desk.settle(message, ending)
        .instrument(incoming.span().clone())
        .await;
}

/// Waits until the dependencies are ready; false when it is time to leave.
pub(crate) async fn open_gate(consumption: &Consumption) -> bool {
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

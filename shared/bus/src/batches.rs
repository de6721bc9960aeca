//! Owns the loops that handle messages in batches: one batch after the other while little waits, and
//! several side by side while more waits than one has room for, so that one is read while another
//! is being stored.

use std::panic::AssertUnwindSafe;
use std::slice;
use std::sync::Arc;
use std::time::Instant;

use async_nats::jetstream;
use futures::FutureExt;
use futures::future::{join_all, try_join_all};
use process::health::Calm;
use tokio::sync::{RwLock, watch};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::consume::{BatchHandler, Consumption, Outcome, is_to_be_touched, open_gate, sort};
use crate::error::ConsumeError;
use crate::history::deliveries;
use crate::incoming::Incoming;
use crate::lag;
use crate::parcel::{self, End};
use crate::pull::open;
use crate::settle::{Desk, Ending};
use crate::window::{ALONE_FROM_DELIVERY, Window};

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
    batches_at_once(consumption, batch_max, 1, handler).await
}

/// The same with at most `at_once` batches side by side. A second one is begun only while more
/// waits than one has room for: else each would have fewer messages, and each message cost more.
///
/// # Errors
/// [`ConsumeError`] if the consumer cannot be opened.
pub async fn batches_at_once<H: BatchHandler>(
    consumption: Consumption,
    batch_max: usize,
    at_once: usize,
    handler: Arc<H>,
) -> Result<(), ConsumeError> {
    let (desk, side) = (Desk::of(&consumption), Side::default());
    let loops = (0..at_once.max(1)).map(|number| {
        Box::pin(in_batches(Loop {
            consumption: &consumption,
            desk: desk.clone(),
            side: &side,
            is_first: number == 0,
            window: Window::new(batch_max),
            handler: handler.as_ref(),
        }))
    });
    // On the heap, so that what holds the loops is small: threads' stacks are.
    let work = Box::pin(try_join_all(loops));
    lag::beside(&consumption, work).await?;
    consumption.bus.flush().await;
    Ok(())
}

/// What the loops of one consumer share.
#[derive(Default)]
struct Side {
    /// Whether the last pull brought all that there was room for.
    more_waits: watch::Sender<bool>,
    /// Shared by batches, and held alone by a message that must not harm any.
    room: RwLock<()>,
}

impl Side {
    /// Waits until more waits than one batch has room for; false when it is time to leave.
    async fn is_needed(&self, stop: &CancellationToken) -> bool {
        let mut more_waits = self.more_waits.subscribe();
        tokio::select! {
            biased;
            () = stop.cancelled() => false,
            needed = more_waits.wait_for(|more| *more) => needed.is_ok(),
        }
    }
}

/// One loop.
struct Loop<'a, H> {
    consumption: &'a Consumption,
    desk: Desk,
    side: &'a Side,
    is_first: bool,
    window: Window,
    handler: &'a H,
}

async fn in_batches<H: BatchHandler>(one: Loop<'_, H>) -> Result<(), ConsumeError> {
    let Loop {
        consumption,
        desk,
        side,
        is_first,
        mut window,
        handler,
    } = one;
    let mut puller = open(consumption).await?;
    while open_gate(consumption).await && (is_first || side.is_needed(&consumption.stop).await) {
        let Some(messages) = puller.pull(consumption, window.size()).await else {
            break;
        };
        side.more_waits.send_replace(window.is_full(messages.len()));
        let (together, alone) = sort(&desk, &mut window, messages).await;
        let work = async {
            let _room = desk.hold(&together, &[], side.room.read()).await;
            batch(&desk, &mut window, &together, handler).await;
        };
        desk.hold(&alone, &[], work).await;
        if alone.is_empty() {
            continue;
        }
        let _room = desk.hold(&alone, &[], side.room.write()).await;
        for (place, message) in alone.iter().enumerate() {
            if !is_to_be_touched(&desk, &alone[place..]).await {
                break;
            }
            let work = batch(&desk, &mut window, slice::from_ref(message), handler);
            desk.hold(&alone[place + 1..], &[], work).await;
        }
    }
    Ok(())
}

async fn batch<H: BatchHandler>(
    desk: &Desk,
    window: &mut Window,
    messages: &[jetstream::Message],
    handler: &H,
) {
    let consumer = desk.consumer.durable;
    let begun = Instant::now();
    messages
        .iter()
        .for_each(|message| lag::tell_age(consumer, message));
    if handler.wants_nothing() {
        return pass_over(desk, messages, begun).await;
    }
    let opened = messages.iter().map(|one| parcel::open(consumer, one));
    let (mut batch, mut counts) = (Vec::new(), Vec::with_capacity(messages.len()));
    for brought in opened {
        counts.push(brought.len());
        batch.extend(brought);
    }
    window.carried(messages.len(), batch.len());
    if let ([message], true) = (messages, batch.len() > 1)
        && deliveries(message) >= ALONE_FROM_DELIVERY
    {
        // One of them may be what ends its handler.
        return desk.unpack(message, batch.iter()).await;
    }
    let leases: Vec<_> = batch
        .iter()
        .map(|incoming| incoming.lease().clone())
        .collect();
    let calm = desk.gate.follow();
    let work = async {
        let mut outcomes = Vec::with_capacity(batch.len());
        for part in batch.chunks(window.max()) {
            outcomes.extend(outcomes_of(consumer, part, handler).await);
        }
        outcomes
    };
    let mut outcomes = desk.hold(messages, &leases, work).await.into_iter();
    if !messages.is_empty() {
        lag::tell_duration(consumer, begun);
    }
    let (mut rest, mut settling) = (batch.as_slice(), Vec::with_capacity(messages.len()));
    for (message, count) in messages.iter().zip(counts) {
        let (brought, others) = rest.split_at(count);
        rest = others;
        let end = parcel::end(outcomes.by_ref().take(count).collect());
        settling.push(settle(desk, message, brought, end, &calm));
    }
    join_all(settling).await;
}

/// Lets go of what nobody wants, unread.
async fn pass_over(desk: &Desk, messages: &[jetstream::Message], begun: Instant) {
    let calm = desk.gate.follow();
    let done = |message| desk.settle(message, Ending::new(Some(Outcome::Done), None, &calm));
    join_all(messages.iter().map(done)).await;
    if !messages.is_empty() {
        lag::tell_duration(desk.consumer.durable, begun);
    }
}

/// What became of each; `None` of those whose handler panicked.
async fn outcomes_of<H: BatchHandler>(
    consumer: &'static str,
    batch: &[Incoming],
    handler: &H,
) -> Vec<Option<Outcome>> {
    // One bad message must not end the loop with its neighbours: from its third delivery on it is
    // handled alone.
    let handled = AssertUnwindSafe(handler.handle(batch)).catch_unwind().await;
    match handled {
        Ok(outcomes) if outcomes.len() == batch.len() => {
            return outcomes.into_iter().map(Some).collect();
        }
        Ok(_) => error!(consumer, "the handler did not answer for every message"),
        Err(_) => error!(consumer, "a batch's handler panicked"),
    }
    vec![None; batch.len()]
}

async fn settle(
    desk: &Desk,
    message: &jetstream::Message,
    brought: &[Incoming],
    end: End,
    calm: &Calm,
) {
    match end {
        End::Whole(outcome) => {
            let failure = brought.iter().find_map(Incoming::failure);
            desk.settle(message, Ending::new(outcome, failure, calm))
                .await;
        }
        End::Apart(open) => {
            desk.unpack(message, open.into_iter().map(|place| &brought[place]))
                .await;
        }
    }
}

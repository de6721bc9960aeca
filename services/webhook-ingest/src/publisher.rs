//! Owns the group commit: concurrent requests share one atomic batch, and so one sync. A batch is
//! what came while the one before it was under way; nobody waits for a clock.

use std::collections::HashMap;
use std::sync::Arc;

use bus::connect::Bus;
use bus::error::PublishError;
use bus::outgoing::Outgoing;
use futures::future::join_all;
use process::settings::work::Ingest;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

/// Most requests that wait for a batch; beyond it the answer is 503.
const WAITING_MAX: usize = 4_096;
/// Largest batch, in bytes: what is sent before the server answers.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Why a delivery was not stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotStored {
    /// The bus does not answer, or more requests wait than may.
    Away,
    /// The stream is full.
    Full,
    /// The message itself was refused.
    Refused,
}

/// Whether a message with the id was stored before.
pub(crate) type Published = Result<bool, NotStored>;

struct Pending {
    id: String,
    message: Outgoing,
    done: oneshot::Sender<Published>,
}

/// Where requests leave their messages.
#[derive(Clone)]
pub(crate) struct Publisher {
    queue: mpsc::Sender<Pending>,
}

impl Publisher {
    /// Makes the publisher and the work that serves it, which ends when every publisher is gone
    /// and everything that waited is answered.
    pub(crate) fn new(bus: Bus, limits: &Ingest) -> (Self, impl Future<Output = ()> + use<>) {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let work = serve(
            bus,
            waiting,
            limits.batch_messages_max,
            limits.batches_in_flight_max,
        );
        (Self { queue }, work)
    }

    /// Stores a message; returns when it is synced. `id` is its message id.
    pub(crate) async fn publish(&self, id: String, message: Outgoing) -> Published {
        let (done, answer) = oneshot::channel();
        let pending = Pending { id, message, done };
        self.queue.try_send(pending).map_err(|_| NotStored::Away)?;
        answer.await.unwrap_or(Err(NotStored::Away))
    }
}

async fn serve(
    bus: Bus,
    mut waiting: mpsc::Receiver<Pending>,
    messages_max: usize,
    in_flight_max: usize,
) {
    let in_flight = Arc::new(Semaphore::new(in_flight_max));
    let mut batches = JoinSet::new();
    while let Ok(permit) = Arc::clone(&in_flight).acquire_owned().await {
        let Some(first) = waiting.recv().await else {
            break;
        };
        let mut bytes = first.message.size();
        let mut batch = vec![first];
        while batch.len() < messages_max && bytes < BATCH_BYTES_MAX {
            let Ok(next) = waiting.try_recv() else { break };
            bytes += next.message.size();
            batch.push(next);
        }
        let bus = bus.clone();
        batches.spawn(async move {
            store(&bus, batch).await;
            drop(permit);
        });
        while batches.try_join_next().is_some() {}
    }
    while batches.join_next().await.is_some() {}
}

/// Stores a batch and answers everybody in it.
async fn store(bus: &Bus, batch: Vec<Pending>) {
    metrics::histogram!("assay_ingest_batch_messages").record(batch.len() as f64);
    let (first, copies) = apart(batch);
    if first.len() == 1 {
        join_all(
            first
                .into_iter()
                .map(|pending| alone(bus, pending, &copies)),
        )
        .await;
        return;
    }
    let messages: Vec<Outgoing> = first
        .iter()
        .map(|pending| pending.message.clone())
        .collect();
    match bus.publish_batch(&messages).await {
        Ok(()) => {
            for pending in first {
                answer(pending, Ok(false), &copies);
            }
        }
        // One id of the batch was stored before, or nobody knows what is stored: each message
        // alone, under its id, finds out, and is stored at most once.
        Err(PublishError::BatchHasDuplicate | PublishError::NoAnswer(_)) => {
            join_all(
                first
                    .into_iter()
                    .map(|pending| alone(bus, pending, &copies)),
            )
            .await;
        }
        Err(error) => {
            let reason = refusal(&error);
            for pending in first {
                answer(pending, Err(reason), &copies);
            }
        }
    }
}

async fn alone(bus: &Bus, pending: Pending, copies: &Copies) {
    let stored = match bus.publish_raw(pending.message.clone()).await {
        Ok(stored) => Ok(stored.duplicate),
        Err(error) => Err(refusal(&error)),
    };
    answer(pending, stored, copies);
}

type Copies = std::sync::Mutex<HashMap<String, Vec<oneshot::Sender<Published>>>>;

/// Two requests with one id cannot be in one batch: the second shares the first one's answer.
fn apart(batch: Vec<Pending>) -> (Vec<Pending>, Copies) {
    let mut first: Vec<Pending> = Vec::with_capacity(batch.len());
    let mut copies: HashMap<String, Vec<_>> = HashMap::new();
    let mut seen = std::collections::HashSet::new();
    for pending in batch {
        if seen.insert(pending.id.clone()) {
            first.push(pending);
        } else {
            copies.entry(pending.id).or_default().push(pending.done);
        }
    }
    (first, copies.into())
}

fn answer(pending: Pending, published: Published, copies: &Copies) {
    // Who asked may have hung up; what is stored is stored.
    let _ = pending.done.send(published);
    let mut copies = copies
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    for copy in copies.remove(&pending.id).unwrap_or_default() {
        let _ = copy.send(published.map(|_| true));
    }
}

fn refusal(error: &PublishError) -> NotStored {
    tracing::warn!(%error, "a delivery was not stored");
    match error {
        PublishError::NoAnswer(_) => NotStored::Away,
        PublishError::Full { .. } => NotStored::Full,
        PublishError::TooLarge { .. }
        | PublishError::BatchHasDuplicate
        | PublishError::BadHeader { .. }
        | PublishError::Encode(_)
        | PublishError::Refused { .. } => NotStored::Refused,
    }
}

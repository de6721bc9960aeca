//! Owns the group commit: concurrent requests share one atomic batch, and so one sync. A batch is
//! what came while the one before it was under way; nobody waits for a clock.

use std::collections::HashMap;
use std::sync::Arc;

use bus::connect::Bus;
use bus::error::PublishError;
use bus::outgoing::Outgoing;
use futures::future::join_all;
use process::dependency::Dependency;
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
    stream: Stream,
}

/// Where they go.
#[derive(Clone)]
struct Stream {
    bus: Bus,
    nats: Dependency,
}

impl Stream {
    /// Whether nobody is there to store anything: the connection is lost, and not just for the
    /// moment, since a publish has waited for its answer in vain.
    fn is_away(&self) -> bool {
        !self.bus.is_connected() && !self.nats.part().is_ready()
    }
}

impl Publisher {
    /// Makes the publisher and the work that serves it, which ends when every publisher is gone
    /// and everything that waited is answered.
    pub(crate) fn new(
        bus: Bus,
        nats: Dependency,
        limits: &Ingest,
    ) -> (Self, impl Future<Output = ()> + use<>) {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let stream = Stream { bus, nats };
        let work = serve(
            stream.clone(),
            waiting,
            limits.batch_messages_max,
            limits.batches_in_flight_max,
        );
        (Self { queue, stream }, work)
    }

    /// Stores a message; returns when it is synced. `id` is its message id.
    pub(crate) async fn publish(&self, id: String, message: Outgoing) -> Published {
        if self.stream.is_away() {
            return Err(NotStored::Away);
        }
        let (done, answer) = oneshot::channel();
        let pending = Pending { id, message, done };
        self.queue.try_send(pending).map_err(|_| NotStored::Away)?;
        answer.await.unwrap_or(Err(NotStored::Away))
    }
}

async fn serve(
    stream: Stream,
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
        let stream = stream.clone();
        batches.spawn(async move {
            store(&stream, batch).await;
            drop(permit);
        });
        while batches.try_join_next().is_some() {}
    }
    while batches.join_next().await.is_some() {}
}

/// Stores a batch and answers everybody in it.
async fn store(stream: &Stream, batch: Vec<Pending>) {
    metrics::histogram!("assay_ingest_batch_messages").record(batch.len() as f64);
    let (first, copies) = apart(batch);
    if stream.is_away() {
        return answer_all(first, Err(NotStored::Away), &copies);
    }
    if first.len() == 1 {
        return each_alone(stream, first, &copies).await;
    }
    let messages: Vec<Outgoing> = first
        .iter()
        .map(|pending| pending.message.clone())
        .collect();
    match stream.bus.publish_batch(&messages).await {
        Ok(()) => answer_all(first, Ok(false), &copies),
        // There is no room for the batch, and soon for none of it.
        Err(error @ PublishError::Full { .. }) => {
            answer_all(first, Err(refusal(stream, &error)), &copies);
        }
        // One id of the batch was stored before, or one message cannot be, or nobody knows what is
        // stored: each message alone, under its id, finds out, and is stored at most once.
        Err(error) => {
            if matches!(error, PublishError::NoAnswer(_)) {
                refusal(stream, &error);
            }
            if stream.is_away() {
                return answer_all(first, Err(NotStored::Away), &copies);
            }
            each_alone(stream, first, &copies).await;
        }
    }
}

async fn each_alone(stream: &Stream, pending: Vec<Pending>, copies: &Copies) {
    let storing = pending
        .into_iter()
        .map(|pending| alone(stream, pending, copies));
    join_all(storing).await;
}

async fn alone(stream: &Stream, pending: Pending, copies: &Copies) {
    let stored = match stream.bus.publish_raw(pending.message.clone()).await {
        Ok(stored) => Ok(stored.duplicate),
        Err(error) => Err(refusal(stream, &error)),
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

fn answer_all(pending: Vec<Pending>, published: Published, copies: &Copies) {
    for pending in pending {
        answer(pending, published, copies);
    }
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

/// Says in the log and to `/ready` that something was not stored, and gives the reason.
fn refusal(stream: &Stream, error: &PublishError) -> NotStored {
    tracing::warn!(%error, "deliveries were not stored");
    match error {
        PublishError::NoAnswer(_) => {
            stream.nats.report_trouble(error.to_string());
            NotStored::Away
        }
        PublishError::Full { .. } => NotStored::Full,
        PublishError::TooLarge { .. }
        | PublishError::BatchHasDuplicate
        | PublishError::BadHeader { .. }
        | PublishError::Encode(_)
        | PublishError::Refused { .. } => NotStored::Refused,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn pending(id: &str) -> (Pending, oneshot::Receiver<Published>) {
        let (done, answer) = oneshot::channel();
        let message = Outgoing::raw("test", "kind", "subject".into(), id, Bytes::new());
        let pending = Pending {
            id: id.to_owned(),
            message: message.unwrap(),
            done,
        };
        (pending, answer)
    }

    #[test]
    fn of_copies_the_first_is_stored_and_the_others_share_its_answer_as_duplicates() {
        for (published, told) in [
            (Ok(false), Ok(true)),
            (Ok(true), Ok(true)),
            (Err(NotStored::Full), Err(NotStored::Full)),
        ] {
            let (batch, answers): (Vec<_>, Vec<_>) =
                ["a", "b", "a", "a"].map(pending).into_iter().unzip();
            let (first, copies) = apart(batch);
            let ids: Vec<_> = first.iter().map(|pending| pending.id.as_str()).collect();
            assert_eq!(ids, ["a", "b"]);
            answer_all(first, published, &copies);
            let answers: Vec<_> = answers
                .into_iter()
                .map(|mut a| a.try_recv().unwrap())
                .collect();
            assert_eq!(answers, [published, published, told, told]);
        }
    }

    #[test]
    fn whoever_asked_may_be_gone() {
        let (batch, answers): (Vec<_>, Vec<_>) = ["a", "a"].map(pending).into_iter().unzip();
        drop(answers);
        let (first, copies) = apart(batch);
        answer_all(first, Ok(false), &copies);
    }
}

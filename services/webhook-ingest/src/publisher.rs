//! Owns the group commit: concurrent requests share one message, and so one sync. A batch is
//! what came while the one before it was under way, and who was in that one and comes again at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bus::many::is_worth_a_batch;
use bus::outgoing::Outgoing;
use futures::future::join_all;
use process::settings::work::Ingest;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::spool::Spool;
use crate::spool::segments::NotSpooled;
use crate::stream::{Kept, NotStored, Published, Stream};

/// Most requests that wait for a batch; beyond it the answer is 503.
const WAITING_MAX: usize = 4_096;
/// Largest batch, in bytes: what is sent before the server answers.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long a batch waits at most for those who were in the one before it, in milliseconds: less
/// than the server takes for a batch however small.
const GATHER_MS_MAX: u64 = 4;

struct Pending {
    message: Outgoing,
    done: oneshot::Sender<Published>,
}

/// Where requests leave their messages.
#[derive(Clone)]
pub(crate) struct Publisher {
    queue: mpsc::Sender<Pending>,
    road: Road,
}

/// Where they go: to the queue, or else to the spool, if there is one.
#[derive(Clone)]
struct Road {
    stream: Stream,
    spool: Option<Spool>,
}

impl Road {
    /// What becomes of a message that the queue answered so. A full queue is as bad as one that is
    /// away: both pass, and the spool is bounded too.
    async fn detour(&self, message: &Outgoing, published: Published) -> Published {
        match (published, &self.spool) {
            (Err(NotStored::Away | NotStored::Full), Some(spool)) => {
                let kept = spool.append(message.clone()).await;
                kept.map(|()| Kept::Spooled)
                    .map_err(|NotSpooled| NotStored::NoSpool)
            }
            _ => published,
        }
    }
}

impl Publisher {
    /// Makes the publisher and the work that serves it, which ends when every publisher is gone
    /// and everything that waited is answered.
    pub(crate) fn new(
        stream: Stream,
        spool: Option<Spool>,
        limits: &Ingest,
    ) -> (Self, impl Future<Output = ()> + use<>) {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let road = Road { stream, spool };
        let work = serve(
            road.clone(),
            waiting,
            limits.batch_messages_max,
            limits.batches_in_flight_max,
        );
        (Self { queue, road }, work)
    }

    /// Stores a message, in the queue or in the spool; returns when it is synced.
    pub(crate) async fn publish(&self, message: Outgoing) -> Published {
        if self.road.stream.is_away() {
            return self.road.detour(&message, Err(NotStored::Away)).await;
        }
        let (done, answer) = oneshot::channel();
        let pending = Pending { message, done };
        self.queue.try_send(pending).map_err(|_| NotStored::Away)?;
        answer.await.unwrap_or(Err(NotStored::Away))
    }
}

async fn serve(
    road: Road,
    mut waiting: mpsc::Receiver<Pending>,
    messages_max: usize,
    in_flight_max: usize,
) {
    let in_flight = Arc::new(Semaphore::new(in_flight_max));
    let before = Arc::new(AtomicUsize::new(0));
    let mut batches = JoinSet::new();
    while let Ok(permit) = Arc::clone(&in_flight).acquire_owned().await {
        let Some(first) = waiting.recv().await else {
            break;
        };
        let size = Size {
            wanted: wanted(before.load(Ordering::Relaxed)).min(messages_max),
            most: messages_max,
        };
        let until = Instant::now() + Duration::from_millis(GATHER_MS_MAX);
        let batch = gather(first, &mut waiting, size, until).await;
        let (road, before) = (road.clone(), Arc::clone(&before));
        batches.spawn(async move {
            let count = batch.len();
            store(&road, batch).await;
            before.store(count, Ordering::Relaxed);
            drop(permit);
        });
        while batches.try_join_next().is_some() {}
    }
    while batches.join_next().await.is_some() {}
}

/// How many are waited for after a batch of so many. A trickle waits for nobody.
fn wanted(before: usize) -> usize {
    if is_worth_a_batch(before) { before } else { 1 }
}

/// How many messages a batch has.
#[derive(Clone, Copy)]
struct Size {
    /// So many are waited for.
    wanted: usize,
    /// So many are taken if they wait.
    most: usize,
}

/// Takes what waits, and waits until `until` for as many as are wanted.
async fn gather(
    first: Pending,
    waiting: &mut mpsc::Receiver<Pending>,
    size: Size,
    until: Instant,
) -> Vec<Pending> {
    let mut bytes = first.message.size();
    let mut batch = vec![first];
    while batch.len() < size.most && bytes < BATCH_BYTES_MAX {
        let next = match waiting.try_recv() {
            Ok(next) => next,
            Err(_) if batch.len() >= size.wanted => break,
            Err(_) => match tokio::time::timeout_at(until, waiting.recv()).await {
                Ok(Some(next)) => next,
                Ok(None) | Err(_) => break,
            },
        };
        bytes += next.message.size();
        batch.push(next);
    }
    batch
}

/// Stores a batch and answers everybody in it.
async fn store(road: &Road, batch: Vec<Pending>) {
    metrics::histogram!("assay_ingest_batch_messages").record(batch.len() as f64);
    let (messages, waiting): (Vec<Outgoing>, Vec<_>) = batch
        .into_iter()
        .map(|pending| (pending.message, pending.done))
        .unzip();
    let answers = road.stream.put(&messages).await;
    let answering =
        messages
            .iter()
            .zip(answers)
            .zip(waiting)
            .map(async |((message, answered), waiting)| {
                // Who asked may have hung up; what is stored is stored.
                let _ = waiting.send(road.detour(message, answered).await);
            });
    join_all(answering).await;
}

#[cfg(test)]
mod tests {
    use bus::many::BATCH_WORTH_FROM;
    use bytes::Bytes;

    use super::*;

    fn pending(id: &str) -> Pending {
        let (done, _) = oneshot::channel();
        let message = Outgoing::raw("test", "kind", "subject".into(), id, Bytes::new());
        Pending {
            message: message.unwrap(),
            done,
        }
    }

    #[test]
    fn after_a_trickle_nobody_is_waited_for_and_after_a_batch_all_who_were_in_it() {
        for (before, expected) in [(0, 1), (1, 1), (BATCH_WORTH_FROM - 1, 1), (64, 64)] {
            assert_eq!(wanted(before), expected, "{before}");
        }
    }

    #[tokio::test]
    async fn a_batch_takes_what_waits_and_waits_for_those_that_are_wanted_or_its_time() {
        let (queue, mut waiting) = mpsc::channel(10);
        let send = async |id: &str| queue.send(pending(id)).await.unwrap();
        let (now, late) = (Instant::now(), Instant::now() + Duration::from_secs(600));
        let size = |wanted, most| Size { wanted, most };
        let first = || pending("a");
        for id in ["b", "c", "d"] {
            send(id).await;
        }
        let full = gather(first(), &mut waiting, size(1, 3), late).await;
        assert_eq!(full.len(), 3, "what waits is taken, up to the most");
        let trickle = gather(first(), &mut waiting, size(1, 3), late).await;
        assert_eq!(trickle.len(), 2, "nobody is waited for");
        let short = gather(first(), &mut waiting, size(2, 3), now).await;
        assert_eq!(short.len(), 1, "the time is over");
        let gathering = gather(first(), &mut waiting, size(2, 3), late);
        let (whole, ()) = tokio::join!(gathering, send("e"));
        assert_eq!(whole.len(), 2, "who comes meanwhile is in it");
    }
}

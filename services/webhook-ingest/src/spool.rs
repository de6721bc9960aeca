//! Owns the spool: deliveries wait on the disk while the queue is away or full, and go to it in
//! order when it is not. What was appended is synced, and survives the process at any moment.

pub(crate) mod drain;
pub(crate) mod keeper;
pub mod message;
pub mod record;
pub(crate) mod recover;
pub(crate) mod report;
pub(crate) mod sealed;
pub(crate) mod segment;
pub(crate) mod segments;
pub(crate) mod status;

use bus::outgoing::Outgoing;
use contract::time::now;
use process::settings::spool::Spool as Settings;
use tokio::sync::{mpsc, oneshot};

use crate::spool::keeper::Keeper;
use crate::spool::recover::SpoolError;
use crate::spool::segments::{NotSpooled, Segments};

/// Most deliveries that wait for their sync; beyond it the answer is 503.
const WAITING_MAX: usize = 4_096;
/// Most deliveries that share one sync.
const GROUP_RECORDS_MAX: usize = 1_000;
/// Size of a group from which on it is closed, in bytes.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

struct Append {
    message: Outgoing,
    done: oneshot::Sender<Result<(), NotSpooled>>,
}

/// Where deliveries are left. Clones are the same spool.
#[derive(Clone)]
pub(crate) struct Spool {
    queue: mpsc::Sender<Append>,
}

impl Spool {
    /// Takes the folder and recovers it. Gives where to leave deliveries; its files; and the work
    /// that serves it, which ends when every clone is gone and everything that waited is answered.
    ///
    /// # Errors
    /// Another process has the folder, or it cannot be read.
    pub(crate) async fn open(
        settings: &Settings,
    ) -> Result<(Self, Keeper, impl Future<Output = ()> + use<>), SpoolError> {
        let limits = settings.clone();
        let opening = tokio::task::spawn_blocking(move || Segments::open(&limits));
        let segments = opening.await.expect("recovering does not panic")?;
        let keeper = Keeper::new(segments);
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        // A bound is small enough for a float.
        metrics::gauge!("assay_spool_bytes_max").set(settings.bytes_max as f64);
        let segment_bytes_max = usize::try_from(settings.segment_bytes_max);
        let group_bytes_max =
            segment_bytes_max.map_or(GROUP_BYTES_MAX, |max| max.min(GROUP_BYTES_MAX));
        let work = serve(keeper.clone(), waiting, group_bytes_max);
        Ok((Self { queue }, keeper, work))
    }

    /// Leaves a message; returns when it is on the disk.
    pub(crate) async fn append(&self, message: Outgoing) -> Result<(), NotSpooled> {
        let (done, answer) = oneshot::channel();
        let append = Append { message, done };
        self.queue.try_send(append).map_err(|_| {
            metrics::counter!("assay_spool_refused_total").increment(1);
            NotSpooled
        })?;
        answer.await.unwrap_or(Err(NotSpooled))
    }
}

/// A group is what came while the one before it was synced.
async fn serve(keeper: Keeper, mut waiting: mpsc::Receiver<Append>, group_bytes_max: usize) {
    while let Some(first) = waiting.recv().await {
        let mut bytes = first.message.size();
        let (mut messages, mut askers) = (vec![first.message], vec![first.done]);
        while messages.len() < GROUP_RECORDS_MAX && bytes < group_bytes_max {
            let Ok(next) = waiting.try_recv() else { break };
            bytes += next.message.size();
            messages.push(next.message);
            askers.push(next.done);
        }
        let at_micros = now_micros();
        let append = move |segments: &mut Segments| segments.append(&messages, at_micros);
        let results = keeper.with(append).await;
        for (asker, result) in askers.into_iter().zip(results) {
            let counter = match result {
                Ok(()) => metrics::counter!("assay_spool_appended_total"),
                Err(NotSpooled) => metrics::counter!("assay_spool_refused_total"),
            };
            counter.increment(1);
            // Who asked may have hung up; what is kept is kept.
            let _ = asker.send(result);
        }
    }
}

/// The time as records and reports have it.
pub(crate) fn now_micros() -> u64 {
    u64::try_from(now().timestamp_micros()).unwrap_or(0)
}

//! Owns what stands in for snapshot-builder's queue: a reader of the jobs that were asked for.

use std::sync::{Arc, Mutex};

use bus::consume::{Consumption, Handler, Outcome, each};
use bus::incoming::Incoming;
use bus::topology::{ConsumerSpec, SNAPSHOT_BUILDER_LIVE};
use contract::job::SnapshotRequested;
use process::health::Gate;
use testkit::wait;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::world::World;

/// Reads jobs as long as it lives.
pub(crate) struct Jobs {
    read: Arc<Mutex<Vec<SnapshotRequested>>>,
    task: JoinHandle<()>,
}

struct Reader(Arc<Mutex<Vec<SnapshotRequested>>>);

impl Handler for Reader {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        self.0.lock().unwrap().push(incoming.decode().unwrap());
        Outcome::Done
    }
}

impl Jobs {
    pub(crate) fn read(world: &World) -> Self {
        Self::read_from(world, &SNAPSHOT_BUILDER_LIVE)
    }

    /// The same of any consumer.
    pub(crate) fn read_from(world: &World, consumer: &'static ConsumerSpec) -> Self {
        let read = Arc::default();
        let reader = Arc::new(Reader(Arc::clone(&read)));
        let consumption = Consumption {
            bus: world.bus.clone(),
            consumer,
            gate: Gate::new(Vec::new()),
            stop: CancellationToken::new(),
        };
        let task = tokio::spawn(async move { each(consumption, 8, reader).await.unwrap() });
        Self { read, task }
    }

    pub(crate) fn all(&self) -> Vec<SnapshotRequested> {
        self.read.lock().unwrap().clone()
    }

    /// Waits until so many jobs have come, and gives them.
    pub(crate) async fn reach(&self, count: usize) -> Vec<SnapshotRequested> {
        wait::until(&format!("{count} jobs have come"), async || {
            let jobs = self.all();
            if jobs.len() >= count {
                return Ok(jobs);
            }
            Err(format!("{jobs:?}"))
        })
        .await
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.task.abort();
    }
}

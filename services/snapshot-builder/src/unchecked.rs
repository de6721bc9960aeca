//! Owns the labs that have nothing run: which lab versions they are, and what follows a push to
//! one. Nothing is fetched and nothing kept; every commit is handed on all the same.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use contract::ids::LabVersionId;
use contract::job::SnapshotRequested;
use lab::spec::{Executor, LabSpec};
use lru::LruCache;
use store::pool::Store;

use crate::desk::Desk;
use crate::followers;
use crate::trouble::Trouble;

/// Lab versions whose executor is remembered.
const VERSIONS_MAX: NonZeroUsize = NonZeroUsize::new(1_024).expect("it is not zero");

/// What runs the steps of lab versions, each read once: versions do not change.
pub(crate) struct Executors {
    known: Mutex<LruCache<LabVersionId, Executor>>,
}

impl Default for Executors {
    fn default() -> Self {
        Self {
            known: Mutex::new(LruCache::new(VERSIONS_MAX)),
        }
    }
}

impl Executors {
    /// What runs the steps of a lab version. Rules that do not read are the verifier's to name.
    pub(crate) async fn of(
        &self,
        store: &Store,
        version: LabVersionId,
    ) -> Result<Executor, Trouble> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(executor) = known().get(&version) {
            return Ok(*executor);
        }
        let mut conn = store.connection().await?;
        let found = store::lab_version::find(&mut conn, version).await?;
        drop(conn);
        let row = found.ok_or_else(|| Trouble::Hopeless(format!("no lab version {version}")))?;
        let spec = serde_json::from_value::<LabSpec>(row.spec);
        let executor = spec.map_or(Executor::Box, |spec| spec.verify.executor);
        known().put(version, executor);
        Ok(executor)
    }
}

/// Hands on a push of a lab that has nothing run.
pub(crate) async fn hand_on(desk: &Desk, job: &SnapshotRequested) -> Result<(), Trouble> {
    let bus = &desk.ground.bus;
    if let Some(unchecked) = followers::unchecked(job) {
        bus.publish(&unchecked).await?;
    }
    // Who waits for what git has beyond the payload must not wait for ever.
    if job.lists && job.part == 0 {
        for part in followers::found(job, Vec::new(), 0) {
            bus.publish(&part).await?;
        }
    }
    Ok(())
}

//! Owns the handling of [`SnapshotRequested`]: write, publish, and only then done. A redelivery
//! finds what is written and publishes all that follows from it again.

use std::pin::pin;
use std::sync::Arc;

use bus::consume::{Handler, Outcome};
use bus::incoming::Incoming;
use chrono::TimeDelta;
use contract::job::SnapshotRequested;
use contract::name::CommitSha;
use contract::result::ErrorCause;
use contract::time::now;
use lab::spec::Executor;
use objects::owner::Owner;
use store::work_sweep::Mark;
use tracing::Instrument as _;

use crate::build::Builder;
use crate::desk::Desk;
use crate::git::cache::Cache;
use crate::known::{Known, known};
use crate::trouble::Trouble;
use crate::unchecked::hand_on;
use crate::work::{Work, missing, publish};
use git::error::GitError;
use git::origin::Origin;

/// Most attempts whose trees one transaction records. The head is among the first, so that nobody
/// waits for the trees of commits that nobody asked to verify.
const ATTEMPTS_PER_TRANSACTION_MAX: usize = 10;
/// How long after its receipt a push is fetched before the ledger has answered, in seconds. Well within
/// the minutes after an erasure in which a cache that was begun is still [forgotten](crate::forget),
/// should this process end before it throws away what it should not have fetched.
const FRESH_SECS: i64 = 60;

/// What is known of a job when the work on its trees begins.
struct Ready {
    cache: Cache,
    known: Known,
    /// Of the session's objects.
    mark: Mark,
    /// What came of the fetch of the head.
    fetched: Result<(), GitError>,
}

/// Preserves the trees of pushes.
pub(crate) struct Preserve {
    desk: Arc<Desk>,
}

impl Handler for Preserve {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        let job = match incoming.decode::<SnapshotRequested>() {
            Ok(job) => job,
            Err(reason) => return Outcome::Never(reason),
        };
        let wait = job
            .not_before
            .and_then(|begin| (begin - now()).to_std().ok());
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            return Outcome::Later(wait);
        }
        match self.preserve(&job).await {
            Ok(()) => Outcome::Done,
            Err(trouble) => trouble.outcome(incoming, &self.desk),
        }
    }
}

impl Preserve {
    pub(crate) fn new(desk: Arc<Desk>) -> Self {
        Self { desk }
    }

    async fn preserve(&self, job: &SnapshotRequested) -> Result<(), Trouble> {
        let desk = &*self.desk;
        let Some(head) = job.attempts.first() else {
            return Err(Trouble::Hopeless("the message names no attempt".into()));
        };
        let version = job.push.lab_version;
        if desk.executors.of(&desk.ground.store, version).await? == Executor::None {
            return hand_on(desk, job).await;
        }
        let origin = match desk.origin(&job.push.repository) {
            Ok(origin) => origin,
            Err(detail) => return self.all_missing(job, &detail).await,
        };
        let ground = &desk.ground;
        let Some(ready) = self.make_ready(job, origin, &head.commit).await? else {
            return self.all_removed(job).await;
        };
        let Ready {
            cache,
            known,
            mark,
            fetched,
        } = ready;
        let elsewhere = desk.lab_blobs.of(&ground.store, &desk.objects, version);
        let elsewhere = elsewhere.await?;
        let mut work = Work {
            desk,
            job,
            cache,
            builder: Builder::new(&desk.objects, Owner::Session(job.push.session), &elsewhere),
            in_git: None,
            claims: known.claims,
            kept: known.kept,
            given_up: None,
            mark,
            gone: known.gone,
            head_is_missing: false,
        };
        work.look_into_git(head, fetched, &known.past).await?;
        for attempts in job.attempts.chunks(ATTEMPTS_PER_TRANSACTION_MAX) {
            work.preserve(attempts).await?;
        }
        work.hand_on_found().await?;
        work.cache.tidy().await;
        Ok(())
    }

    /// Asks the ledger what it knows, and sees to it that the head is in the cache; `None` if nothing of
    /// the job is to be kept.
    async fn make_ready(
        &self,
        job: &SnapshotRequested,
        origin: Origin,
        head: &CommitSha,
    ) -> Result<Option<Ready>, Trouble> {
        let caches = &self.desk.caches;
        if is_fresh(job) {
            let cache = caches.hold(origin, head).await?;
            return self.ask_while_fetching(job, cache, head).await;
        }
        let known = known(&self.desk.ground.store, job).await?;
        if known.is_all_gone(job) {
            // Not even a cache is begun.
            return Ok(None);
        }
        let mark = known.mark.ok_or(Trouble::Swept)?;
        let cache = caches.hold(origin, head).await?;
        let span = tracing::info_span!("fetch");
        let fetched = cache.ensure(head).instrument(span).await;
        Ok(Some(Ready {
            cache,
            known,
            mark,
            fetched,
        }))
    }

    /// The same for what was pushed just now.
    async fn ask_while_fetching(
        &self,
        job: &SnapshotRequested,
        cache: Cache,
        head: &CommitSha,
    ) -> Result<Option<Ready>, Trouble> {
        // Somebody else may have had the cache for long.
        let is_fresh = is_fresh(job);
        let span = tracing::info_span!("fetch");
        let mut fetching = Box::pin(cache.ensure_new(head).instrument(span));
        let mut asking = pin!(known(&self.desk.ground.store, job));
        let mut fetched = None;
        let known = loop {
            tokio::select! {
                biased;
                known = &mut asking => break known?,
                early = &mut fetching, if is_fresh && fetched.is_none() => fetched = Some(early),
            }
        };
        if known.is_all_gone(job) {
            drop(fetching);
            cache.discard().await?;
            return Ok(None);
        }
        let mark = known.mark.ok_or(Trouble::Swept)?;
        let fetched = match fetched {
            Some(fetched) => fetched,
            None => fetching.as_mut().await,
        };
        drop(fetching);
        Ok(Some(Ready {
            cache,
            known,
            mark,
            fetched,
        }))
    }

    async fn all_removed(&self, job: &SnapshotRequested) -> Result<(), Trouble> {
        for attempt in &job.attempts {
            let detail = "it was removed: erased, or by a rule of retention".to_owned();
            let tree = missing(ErrorCause::Removed, detail);
            publish(&self.desk, job, attempt, tree).await?;
        }
        Ok(())
    }

    async fn all_missing(&self, job: &SnapshotRequested, detail: &str) -> Result<(), Trouble> {
        for attempt in &job.attempts {
            let tree = missing(ErrorCause::SourceUnavailable, detail.to_owned());
            publish(&self.desk, job, attempt, tree).await?;
        }
        Ok(())
    }
}

/// Whether a job's head may be fetched before the ledger has answered.
fn is_fresh(job: &SnapshotRequested) -> bool {
    job.try_number == 1 && now() - job.push.received_at < TimeDelta::seconds(FRESH_SECS)
}

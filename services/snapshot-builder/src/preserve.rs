//! Owns the handling of [`SnapshotRequested`]: write, publish, and only then done. A redelivery
//! finds what is written and publishes all that follows from it again.

use std::sync::Arc;

use bus::consume::{Handler, Outcome};
use bus::incoming::Incoming;
use contract::job::SnapshotRequested;
use contract::result::ErrorCause;
use contract::time::now;
use lab::spec::Executor;
use objects::owner::Owner;
use tracing::Instrument as _;

use crate::build::Builder;
use crate::desk::Desk;
use crate::known::{claims, gone, kept, mark, past};
use crate::trouble::Trouble;
use crate::unchecked::hand_on;
use crate::work::{Work, missing, publish};

/// Most attempts whose trees one transaction records. The head is among the first, so that nobody
/// waits for the trees of commits that nobody asked to verify.
const ATTEMPTS_PER_TRANSACTION_MAX: usize = 10;

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
        // First the mark: what is removed after it was asked what is gone changes it, and is seen when a
        // tree is recorded.
        let mark = mark(&ground.store, job).await?;
        let gone = gone(&ground.store, job).await?;
        if job
            .attempts
            .iter()
            .all(|attempt| gone.contains(&attempt.attempt))
        {
            // Not even the cache is filled again.
            return self.all_removed(job).await;
        }
        let mark = mark.ok_or(Trouble::Swept)?;
        let elsewhere = desk
            .lab_blobs
            .of(&ground.store, &desk.objects, version)
            .await?;
        let cache = desk.caches.hold(origin, &head.commit).await?;
        let store = &ground.store;
        let kept = kept(store, job).await?;
        let known =
            async { Ok::<_, Trouble>((claims(store, job).await?, past(store, job).await?)) };
        let is_new = job.try_number == 1 && !kept.contains_key(&head.attempt);
        let fetching = async {
            if is_new {
                cache.ensure_new(&head.commit).await
            } else {
                cache.ensure(&head.commit).await
            }
        };
        let fetching = fetching.instrument(tracing::info_span!("fetch"));
        let (fetched, known) = tokio::join!(fetching, known);
        let (claims, past) = known?;
        let mut work = Work {
            desk,
            job,
            cache,
            builder: Builder::new(&desk.objects, Owner::Session(job.push.session), &elsewhere),
            in_git: None,
            claims,
            kept,
            given_up: None,
            mark,
            gone,
            head_is_missing: false,
        };
        work.look_into_git(head, fetched, &past).await?;
        for attempts in job.attempts.chunks(ATTEMPTS_PER_TRANSACTION_MAX) {
            work.preserve(attempts).await?;
        }
        work.hand_on_found().await
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

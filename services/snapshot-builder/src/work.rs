//! Owns the work on one push: look into git, build, record, publish.

use std::collections::{HashMap, HashSet};

use contract::digest::Digest;
use contract::ids::AttemptId;
use contract::job::{AttemptToPreserve, PreservedTree, SnapshotRequested};
use contract::name::CommitSha;
use contract::result::ErrorCause;
use contract::time::now;
use objects::owner::Owner;
use store::attempt::AttemptRow;
use store::json::CanonicalJson;
use store::work_sweep::Mark;
use tracing::Instrument as _;

use crate::build::{BuildError, Builder};
use crate::claims::differs;
use crate::desk::Desk;
use crate::followers;
use crate::git::cache::Cache;
use crate::git::commits::{Listed, PushRange};
use crate::known::{Past, brings_commits};
use crate::record::{Built, Recorded, record};
use crate::trouble::Trouble;
use git::error::GitError;

/// One push at work.
pub(crate) struct Work<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) job: &'a SnapshotRequested,
    pub(crate) cache: Cache,
    pub(crate) builder: Builder<'a>,
    /// What git says the push brought, where the head could be fetched.
    pub(crate) in_git: Option<Listed>,
    /// What the ledger has of the attempts' claims.
    pub(crate) claims: HashMap<String, AttemptRow>,
    /// The trees that are preserved already.
    pub(crate) kept: HashMap<AttemptId, Digest>,
    /// Why nothing more is asked of the forge, once that has shown: what is not cached by then
    /// is missing for this reason.
    pub(crate) given_up: Option<(ErrorCause, String)>,
    /// Of the session's objects, before the first of these was put.
    pub(crate) mark: Mark,
    /// Attempts of which nothing is fetched or kept any more.
    pub(crate) gone: HashSet<AttemptId>,
    /// Whether the forge does not have the head. Then it is asked for what bears a request only.
    pub(crate) head_is_missing: bool,
}

impl Work<'_> {
    /// Lists what the push brought, or notes why not; `fetched` is what came of its head's fetch.
    pub(crate) async fn look_into_git(
        &mut self,
        head: &AttemptToPreserve,
        fetched: Result<(), GitError>,
        past: &Past,
    ) -> Result<(), Trouble> {
        match fetched {
            Ok(()) => {}
            Err(err) if err.is_transient() => return Err(err.into()),
            Err(GitError::NoSuchCommit) => {
                self.head_is_missing = true;
                return Ok(());
            }
            Err(err) => {
                if let BuildError::Missing { cause, detail } = err.into() {
                    self.given_up = Some((cause, detail));
                }
                return Ok(());
            }
        }
        if !self.kept.contains_key(&head.attempt) && !self.gone.contains(&head.attempt) {
            // Git lists its tree and its changes beside the push's commits.
            let with_changes = self.claim(&head.commit).is_some();
            self.cache.set_off(&head.commit, with_changes).await?;
        }
        let push = &self.job.push;
        let range = PushRange {
            after: &head.commit,
            before: push.before.as_ref(),
            starting: push.starting.as_ref(),
            template: &past.template,
            fallback: &past.fallback,
        };
        match self.cache.commits(range).await {
            Ok(listed) => self.in_git = Some(listed),
            Err(err) if err.is_transient() => return Err(err.into()),
            Err(error) => tracing::warn!(%error, "the commits of a push cannot be listed"),
        }
        Ok(())
    }

    /// Preserves, records and publishes a few attempts.
    pub(crate) async fn preserve(&mut self, attempts: &[AttemptToPreserve]) -> Result<(), Trouble> {
        let mut built = Vec::new();
        let mut trees = Vec::with_capacity(attempts.len());
        for attempt in attempts {
            if self.gone.contains(&attempt.attempt) {
                let detail = "it was removed: erased, or by a rule of retention".to_owned();
                trees.push(missing(ErrorCause::Removed, detail));
                continue;
            }
            let tree = match self.kept.get(&attempt.attempt) {
                Some(&digest) => {
                    self.restore(attempt).await?;
                    PreservedTree::Kept { digest }
                }
                None => self.build(attempt, &mut built).await?,
            };
            trees.push(tree);
        }
        let (store, push) = (&self.desk.ground.store, &self.job.push);
        if record(store, push, (&built, self.mark), now()).await? == Recorded::Swept {
            return Err(Trouble::Swept);
        }
        metrics::counter!("assay_snapshots_preserved_total").increment(built.len() as u64);
        for (attempt, tree) in attempts.iter().zip(trees) {
            publish(self.desk, self.job, attempt, tree).await?;
        }
        Ok(())
    }

    async fn build(
        &mut self,
        attempt: &AttemptToPreserve,
        built: &mut Vec<Built>,
    ) -> Result<PreservedTree, Trouble> {
        if let Some((cause, detail)) = self.not_to_be_fetched(attempt)
            && !self.cache.has(&attempt.commit).await?
        {
            return Ok(missing(cause, detail));
        }
        let building = self.builder.build(&self.cache, &attempt.commit);
        let span = tracing::info_span!("preserve", assay.attempt.id = %attempt.attempt);
        match building.instrument(span).await {
            Ok(manifest) => {
                let differs = self.differs(&attempt.commit).await?;
                built.push(Built::new(attempt.attempt, &manifest, differs));
                Ok(PreservedTree::Kept {
                    digest: manifest.digest(),
                })
            }
            Err(BuildError::Missing { cause, detail }) => Ok(missing(cause, detail)),
            Err(BuildError::Git(error)) => Err(error.into()),
            Err(BuildError::Objects(error)) => Err(error.into()),
        }
    }

    /// Puts back what a recorded tree may have lost: nobody comes here with a second try but for
    /// a tree that could not be had. All of it goes to the session, which is read first.
    async fn restore(&self, attempt: &AttemptToPreserve) -> Result<(), Trouble> {
        if self.job.try_number == 1 {
            return Ok(());
        }
        let nothing = HashSet::new();
        let owner = Owner::Session(self.job.push.session);
        let mut builder = Builder::new(&self.desk.objects, owner, &nothing);
        match builder.build(&self.cache, &attempt.commit).await {
            // What the forge no longer gives may still lie whole among the objects.
            Ok(_) | Err(BuildError::Missing { .. }) => Ok(()),
            Err(BuildError::Git(error)) => Err(error.into()),
            Err(BuildError::Objects(error)) => Err(error.into()),
        }
    }

    /// Why the forge is not asked for an attempt's commit, if it is not.
    fn not_to_be_fetched(&self, attempt: &AttemptToPreserve) -> Option<(ErrorCause, String)> {
        let is_head = self.job.attempts.first() == Some(attempt);
        if self.head_is_missing && (is_head || attempt.request.is_none()) {
            let detail = GitError::NoSuchCommit.to_string();
            return Some((ErrorCause::SourceUnavailable, detail));
        }
        self.given_up.clone()
    }

    /// What the webhook claims of a commit. Only what a payload listed is a claim.
    fn claim(&self, commit: &CommitSha) -> Option<&AttemptRow> {
        let claim = self.claims.get(commit.as_str());
        claim.filter(|row| row.listed == "payload")
    }

    /// Where the webhook's claims of a commit differ from git.
    async fn differs(&self, commit: &CommitSha) -> Result<Option<serde_json::Value>, Trouble> {
        let Some(claim) = self.claim(commit) else {
            return Ok(None);
        };
        let changed = match self.cache.changed(commit).await {
            Ok(changed) => changed,
            Err(err) if err.is_transient() => return Err(err.into()),
            Err(error) => {
                tracing::warn!(%error, "the changes of a commit cannot be listed");
                None
            }
        };
        // A list that leaves something out says nothing of what it does not name.
        let whole = self.in_git.as_ref();
        let whole = whole.filter(|listed| listed.left_out == 0 && !listed.narrowed);
        let in_push = whole.map(|listed| {
            let head = self.job.attempts.first().map(|head| &head.commit);
            head == Some(commit) || listed.commits.iter().any(|found| found.commit == *commit)
        });
        Ok(differs(
            claim
                .changed_files
                .as_ref()
                .map(CanonicalJson::value)
                .as_ref(),
            changed.as_deref(),
            in_push,
        ))
    }

    /// Hands on what git has and the message does not list. A part is left out only as a whole,
    /// when the ledger has all of it and nobody waits for it: so parts stay what they were at an
    /// earlier delivery.
    pub(crate) async fn hand_on_found(&mut self) -> Result<(), Trouble> {
        let Some(in_git) = self.in_git.take().filter(|_| self.job.part == 0) else {
            return Ok(());
        };
        let parts = followers::found(self.job, in_git.commits, in_git.left_out);
        if parts.is_empty() || !brings_commits(&self.desk.ground.store, self.job).await? {
            return Ok(());
        }
        let session = self.job.push.session.as_uuid();
        for part in parts {
            if self.job.lists {
                self.desk.ground.bus.publish(&part).await?;
                continue;
            }
            let shas: Vec<&str> = part
                .commits
                .iter()
                .map(|found| found.commit.as_str())
                .collect();
            let sessions = vec![session; shas.len()];
            let mut conn = self.desk.ground.store.connection().await?;
            let rows = store::attempt::find(&mut conn, &sessions, &shas).await?;
            drop(conn);
            let recorded: HashSet<&str> = rows.iter().map(|row| row.commit_sha.as_str()).collect();
            if !shas.iter().all(|sha| recorded.contains(sha)) {
                self.desk.ground.bus.publish(&part).await?;
            }
        }
        Ok(())
    }
}

/// Publishes what follows from an attempt's tree, if anything does.
pub(crate) async fn publish(
    desk: &Desk,
    job: &SnapshotRequested,
    attempt: &AttemptToPreserve,
    tree: PreservedTree,
) -> Result<(), Trouble> {
    if let PreservedTree::Missing { cause, detail } = &tree {
        metrics::counter!("assay_snapshots_missing_total", "cause" => cause.as_str()).increment(1);
        tracing::debug!(assay.attempt.id = %attempt.attempt, %cause, detail, "a tree is missing");
    }
    if let Some(message) = followers::verification(job, attempt, tree) {
        desk.ground.bus.publish(&message).await?;
    }
    Ok(())
}

pub(crate) fn missing(cause: ErrorCause, detail: String) -> PreservedTree {
    PreservedTree::Missing { cause, detail }
}

//! Owns what is begun before its answer is asked for: git's lists of a commit's tree, of its changes, and
//! of a push's commits. To begin takes a program longer than to answer.

use std::sync::{Mutex, PoisonError};

use contract::name::CommitSha;
use git::error::GitError;
use git::running::Running;

use crate::git::cache::Cache;

/// Commands that were begun for one commit, each to be taken once.
#[derive(Debug, Default)]
pub(crate) struct Begun(Mutex<Option<OfCommit>>);

#[derive(Debug)]
struct OfCommit {
    commit: CommitSha,
    /// Ready to list its tree.
    list: Option<Running>,
    /// Ready to be told whose changes are to be listed.
    changes: Option<Running>,
    /// Ready to be told what bounds a push's commits.
    commits: Option<Running>,
}

impl Cache {
    /// Begins what a push's head will be asked about, unless it was begun already. Each waits to be told
    /// more: what is fetched until then is there for it.
    ///
    /// # Errors
    /// [`GitError::Machine`].
    pub(crate) fn begin(&self, commit: &CommitSha) -> Result<(), GitError> {
        if self.begun().is_for(commit) {
            return Ok(());
        }
        let begun = OfCommit {
            commit: commit.clone(),
            list: Some(self.start_list(commit)?),
            changes: Some(self.start_changed()?),
            commits: Some(self.start_commits()?),
        };
        self.begun().keep(Some(begun));
        Ok(())
    }

    /// Has a commit's tree listed, and its changes where they will be asked for, while something else is
    /// waited for. The commit must be in the cache.
    ///
    /// # Errors
    /// [`GitError::Machine`].
    pub(crate) async fn set_off(
        &self,
        commit: &CommitSha,
        with_changes: bool,
    ) -> Result<(), GitError> {
        self.begin(commit)?;
        let Some(mut begun) = self.begun().take_all() else {
            return Ok(());
        };
        if let Some(list) = &mut begun.list {
            list.tell("").await;
        }
        match &mut begun.changes {
            Some(changes) if with_changes => changes.tell(&format!("{commit}\n")).await,
            _ => begun.changes = None,
        }
        self.begun().keep(Some(begun));
        Ok(())
    }
}

impl Begun {
    fn keep(&self, begun: Option<OfCommit>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = begun;
    }

    fn is_for(&self, commit: &CommitSha) -> bool {
        let begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        begun.as_ref().is_some_and(|begun| begun.commit == *commit)
    }

    fn take_all(&self) -> Option<OfCommit> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Ends what was begun and not taken.
    pub(crate) fn forget(&self) {
        self.keep(None);
    }

    /// The list of a commit's tree, if it was begun.
    pub(crate) fn list(&self, commit: &CommitSha) -> Option<Running> {
        self.take(|begun| (begun.commit == *commit).then(|| begun.list.take())?)
    }

    /// The list of a commit's changes, if it was begun.
    pub(crate) fn changes(&self, commit: &CommitSha) -> Option<Running> {
        self.take(|begun| (begun.commit == *commit).then(|| begun.changes.take())?)
    }

    /// What lists the commits of any push, if it was begun.
    pub(crate) fn commits(&self) -> Option<Running> {
        self.take(|begun| begun.commits.take())
    }

    fn take(&self, part: impl FnOnce(&mut OfCommit) -> Option<Running>) -> Option<Running> {
        let mut begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        begun.as_mut().and_then(part)
    }
}

//! Owns what was begun before its answer is asked for: the list of a commit's tree and that of its
//! changes, which git makes while something else is waited for.

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
    list: Option<Running>,
    changes: Option<Running>,
}

impl Cache {
    /// Begins to list a commit's tree, and its changes where they will be asked for. Whoever asks
    /// for them takes what was begun. The commit must be in the cache.
    ///
    /// # Errors
    /// [`GitError::Machine`].
    pub(crate) fn begin(&self, commit: &CommitSha, with_changes: bool) -> Result<(), GitError> {
        let list = Some(self.start_list(commit)?);
        let changes = match with_changes {
            true => Some(self.start_changed(commit)?),
            false => None,
        };
        self.begun().keep(OfCommit {
            commit: commit.clone(),
            list,
            changes,
        });
        Ok(())
    }
}

impl Begun {
    fn keep(&self, begun: OfCommit) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(begun);
    }

    /// Ends what was begun and not taken.
    pub(crate) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The list of a commit's tree, if it was begun.
    pub(crate) fn list(&self, commit: &CommitSha) -> Option<Running> {
        self.take(commit, |begun| begun.list.take())
    }

    /// The list of a commit's changes, if it was begun.
    pub(crate) fn changes(&self, commit: &CommitSha) -> Option<Running> {
        self.take(commit, |begun| begun.changes.take())
    }

    fn take(
        &self,
        commit: &CommitSha,
        part: impl FnOnce(&mut OfCommit) -> Option<Running>,
    ) -> Option<Running> {
        let mut begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        begun
            .as_mut()
            .filter(|begun| begun.commit == *commit)
            .and_then(part)
    }
}

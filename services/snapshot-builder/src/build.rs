//! Owns the building of a snapshot: from a commit in a cache to objects and their manifest.

use std::collections::{HashMap, HashSet};

use contract::digest::Digest;
use contract::name::CommitSha;
use contract::result::ErrorCause;
use objects::manifest::{Blob, Content, Entry, Manifest};
use objects::owner::Owner;
use objects::store::{Objects, ObjectsError};
use thiserror::Error;
use tokio::task::JoinSet;

use crate::git::asker::Asker;
use crate::git::cache::Cache;
use crate::snapshot::{Planned, PlannedContent, plan};
use git::error::GitError;

/// Most objects that are written at once; each is synced to disk, and held in memory till then.
const PUTS_AT_ONCE_MAX: usize = 8;
/// Longest detail of a missing tree, in characters.
const DETAIL_CHARS_MAX: usize = 300;

/// Why a tree was not preserved.
#[derive(Debug, Error)]
pub enum BuildError {
    /// It cannot be, and the attempt's result says so.
    #[error("{detail}")]
    Missing {
        /// The result's cause.
        cause: ErrorCause,
        /// Why, for people; free of secrets.
        detail: String,
    },
    /// This machine stands in the way of git.
    #[error("run git")]
    Git(#[source] GitError),
    /// The objects stand in the way.
    #[error("keep objects")]
    Objects(#[from] ObjectsError),
}

impl BuildError {
    /// Whether the same call may succeed later, with nothing to be recorded until then.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Missing { .. } => false,
            Self::Git(_) => true,
            Self::Objects(err) => err.is_transient(),
        }
    }

    fn refused(detail: String) -> Self {
        let detail = detail.chars().take(DETAIL_CHARS_MAX).collect();
        Self::Missing {
            cause: ErrorCause::TreeRefused,
            detail,
        }
    }
}

impl From<GitError> for BuildError {
    fn from(err: GitError) -> Self {
        match err {
            GitError::Refused { detail } => Self::refused(detail),
            GitError::SourceUnavailable { detail } => Self::Missing {
                cause: ErrorCause::SourceUnavailable,
                detail,
            },
            GitError::Corrupt { action, said } => {
                let detail = format!("{action}: {said}");
                Self::Missing {
                    cause: ErrorCause::SourceUnavailable,
                    detail,
                }
            }
            GitError::NoSuchCommit => {
                let detail = err.to_string();
                Self::Missing {
                    cause: ErrorCause::SourceUnavailable,
                    detail,
                }
            }
            GitError::Machine { .. } | GitError::Busy => Self::Git(err),
        }
    }
}

/// Builds the snapshots of one owner.
#[derive(Debug)]
pub struct Builder<'a> {
    objects: &'a Objects,
    owner: Owner,
    /// Blobs that lie elsewhere already: those of the lab version.
    elsewhere: &'a HashSet<Digest>,
    /// Git's ids that this builder has seen: the commits of one push share most of their blobs.
    known: HashMap<String, Digest>,
}

impl<'a> Builder<'a> {
    /// A builder for `owner`, whose readers find the blobs in `elsewhere` without us.
    pub fn new(objects: &'a Objects, owner: Owner, elsewhere: &'a HashSet<Digest>) -> Self {
        let known = HashMap::new();
        Self {
            objects,
            owner,
            elsewhere,
            known,
        }
    }

    /// Preserves a commit's tree: fetches it if need be, keeps its blobs, then its manifest. When
    /// what is cached does not read, it is fetched anew, once.
    ///
    /// # Errors
    /// [`BuildError`].
    pub async fn build(
        &mut self,
        cache: &Cache,
        commit: &CommitSha,
    ) -> Result<Manifest, BuildError> {
        cache.ensure(commit).await?;
        match self.try_once(cache, commit).await {
            Err(Preserving::Git(GitError::Corrupt { action, said })) => {
                tracing::warn!(
                    action,
                    said,
                    "fetch a repository anew whose cache does not read"
                );
                cache.renew().await?;
                cache.ensure(commit).await?;
                self.try_once(cache, commit).await.map_err(BuildError::from)
            }
            preserved => preserved.map_err(BuildError::from),
        }
    }

    async fn try_once(
        &mut self,
        cache: &Cache,
        commit: &CommitSha,
    ) -> Result<Manifest, Preserving> {
        let preserved = self.preserve(cache, commit).await;
        if preserved.is_err() {
            // Puts may have been under way: what was to be kept may not be.
            self.known.clear();
        }
        preserved
    }

    async fn preserve(
        &mut self,
        cache: &Cache,
        commit: &CommitSha,
    ) -> Result<Manifest, Preserving> {
        let lines = cache.list(commit).await?;
        let planned = plan(lines, cache.limits())
            .map_err(|refused| BuildError::refused(refused.to_string()))?;
        let mut asker = None;
        let mut putting = JoinSet::new();
        let mut entries = Vec::with_capacity(planned.len());
        for Planned { path, content } in planned {
            let content = match content {
                PlannedContent::Gitlink(commit) => Content::Gitlink(commit),
                PlannedContent::Blob { kind, id, bytes } => {
                    let digest = match self.known.get(&id) {
                        Some(digest) => *digest,
                        None => {
                            self.keep(cache, &mut asker, &mut putting, id, bytes)
                                .await?
                        }
                    };
                    Content::Blob(Blob {
                        kind,
                        bytes,
                        digest,
                    })
                }
            };
            entries.push(Entry { path, content });
        }
        if let Some(asker) = asker {
            cache.keep(asker).await;
        }
        while let Some(put) = putting.join_next().await {
            settled(put)?;
        }
        let manifest = Manifest::new(entries)
            .map_err(|refused| BuildError::refused(format!("the tree is odd: {refused}")))?;
        // Last, so that whoever has the manifest has all that it names.
        let text = manifest.to_text().into();
        self.objects
            .put(self.owner, text)
            .await
            .map_err(BuildError::from)?;
        Ok(manifest)
    }

    /// Reads one blob and has it kept, if it does not lie elsewhere.
    async fn keep(
        &mut self,
        cache: &Cache,
        asker: &mut Option<Asker>,
        putting: &mut JoinSet<Result<Digest, ObjectsError>>,
        id: String,
        bytes: u64,
    ) -> Result<Digest, Preserving> {
        let asker = match asker {
            Some(asker) => asker,
            None => asker.insert(cache.asker().await?),
        };
        let content = asker.read(&id, bytes).await?;
        let digest = Digest::of(&content);
        if !self.elsewhere.contains(&digest) {
            if putting.len() == PUTS_AT_ONCE_MAX
                && let Some(put) = putting.join_next().await
            {
                settled(put)?;
            }
            let (objects, owner) = (self.objects.clone(), self.owner);
            putting.spawn(async move { objects.put(owner, content).await });
        }
        self.known.insert(id, digest);
        Ok(digest)
    }
}

/// What stopped a tree's preservation: git may be asked once more, all else may not.
enum Preserving {
    Git(GitError),
    Other(BuildError),
}

impl From<GitError> for Preserving {
    fn from(err: GitError) -> Self {
        Self::Git(err)
    }
}

impl From<BuildError> for Preserving {
    fn from(err: BuildError) -> Self {
        Self::Other(err)
    }
}

impl From<Preserving> for BuildError {
    fn from(err: Preserving) -> Self {
        match err {
            Preserving::Git(err) => err.into(),
            Preserving::Other(err) => err,
        }
    }
}

fn settled(
    put: Result<Result<Digest, ObjectsError>, tokio::task::JoinError>,
) -> Result<(), BuildError> {
    put.map_err(|err| BuildError::Git(GitError::machine("join a task")(err.into())))??;
    Ok(())
}

//! Owns the end of a cache: thrown away with what it holds, when nobody works on it.

use std::io::ErrorKind;
use std::time::Duration;

use contract::time::Timestamp;
use git::error::GitError;
use git::origin::Origin;

use crate::git::cache::{Caches, LOCK_WAIT_SECS};

/// By which hashes a repository may name its objects: a cache of each.
const OBJECT_FORMATS: [&str; 2] = ["sha1", "sha256"];

impl Caches {
    /// Throws away what is cached of an origin, if that was made up to a moment; says how many
    /// caches went. Whoever works on one is waited for.
    ///
    /// # Errors
    /// [`GitError::Busy`] and [`GitError::Machine`].
    pub async fn forget(&self, origin: &Origin, until: Timestamp) -> Result<usize, GitError> {
        let mut forgotten = 0;
        for object_format in OBJECT_FORMATS {
            let name = format!("{}-{object_format}", origin.cache_name());
            let repository = self.folder.join(format!("{name}.git"));
            if !tokio::fs::try_exists(&repository).await.unwrap_or(true) {
                continue;
            }
            let limit = Duration::from_secs(LOCK_WAIT_SECS);
            let locks = tokio::time::timeout(limit, self.lock(&name)).await;
            let _locks = locks.map_err(|_| GitError::Busy)??;
            // Written when a cache is made, and never again. One without it was never finished.
            let head = tokio::fs::metadata(repository.join("HEAD")).await;
            let made_at = head.and_then(|head| head.modified()).ok();
            if made_at.is_some_and(|made_at| Timestamp::from(made_at) > until) {
                continue;
            }
            match tokio::fs::remove_dir_all(&repository).await {
                Err(err) if err.kind() != ErrorKind::NotFound => {
                    return Err(GitError::machine("remove a cache")(err));
                }
                _ => forgotten += 1,
            }
        }
        Ok(forgotten)
    }
}

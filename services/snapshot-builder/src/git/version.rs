//! Owns whether there is a `git` program that will do, and whether it finds room to work in.

use uuid::Uuid;

use crate::git::cache::{Caches, SHORT_BYTES_MAX, answered};
use git::error::GitError;
use git::program::{Reach, git};
use git::running::Running;

/// The oldest git that has every option that is used here.
pub const GIT_VERSION_MIN: (u32, u32) = (2, 36);
/// Longest that git may take to say its version, in seconds.
const VERSION_SECS_MAX: u64 = 10;

/// What a probe writes, in bytes.
const PROBE_BYTES: usize = 64 * 1024;

impl Caches {
    /// Looks whether git runs, and whether the folder of the caches takes what it writes.
    ///
    /// # Errors
    /// [`GitError::Machine`].
    pub async fn probe(&self) -> Result<(), GitError> {
        self.check_git().await?;
        let place = self.folder.join(format!("probe.{}", Uuid::now_v7()));
        let writing = tokio::task::spawn_blocking(move || {
            let written = std::fs::write(&place, [0; PROBE_BYTES]);
            // What a full disk left of it goes as well.
            written.and(std::fs::remove_file(&place))
        });
        let written = writing.await.map_err(std::io::Error::other).flatten();
        written.map_err(GitError::machine("write into the folder of the caches"))
    }

    /// Looks whether there is a git program that will do; gives what it says of itself.
    ///
    /// # Errors
    /// [`GitError::Machine`] if there is none, or an older one.
    pub async fn check_git(&self) -> Result<String, GitError> {
        let mut command = git(&self.folder, Reach::Cache, self.limits.git);
        command.arg("--version");
        let ended = Running::start(&mut command)?.finish(VERSION_SECS_MAX, SHORT_BYTES_MAX);
        let ended = answered(ended.await, "look for git")?;
        let said = String::from_utf8_lossy(&ended.output).trim().to_owned();
        if version(&said).is_some_and(|found| found >= GIT_VERSION_MIN) {
            return Ok(said);
        }
        let (major, minor) = GIT_VERSION_MIN;
        let reason = format!("there is {said:?}; git {major}.{minor} or newer is needed");
        Err(GitError::machine("look for git")(std::io::Error::other(
            reason,
        )))
    }
}

/// Reads `git version 2.39.5 (Apple Git-154)`.
fn version(said: &str) -> Option<(u32, u32)> {
    let number = said.strip_prefix("git version ")?;
    let mut parts = number.split(['.', ' ']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_what_git_says() {
        for (said, expected) in [
            ("git version 2.39.5", Some((2, 39))),
            ("git version 2.39.5 (Apple Git-154)", Some((2, 39))),
            ("git version 2.47.0.rc1", Some((2, 47))),
            ("git version 3.0", Some((3, 0))),
            ("hg 6.1", None),
            ("", None),
        ] {
            assert_eq!(version(said), expected, "{said}");
        }
        assert!(version("git version 2.9.1") < Some(GIT_VERSION_MIN));
    }
}

//! Owns the asking of an origin: which commit a branch, a tag or `HEAD` names.

use contract::name::CommitSha;

use crate::git::cache::{Caches, SHORT_BYTES_MAX, answered, reach};
use git::error::GitError;
use git::origin::Origin;
use git::program::git;
use git::running::Running;
use git::said::{explain, unavailable};

impl Caches {
    /// The commit that a reference of an origin names: `HEAD` for `None`, else a branch, a tag or
    /// a commit.
    ///
    /// # Errors
    /// [`GitError::SourceUnavailable`] if it names none, and [`GitError::Machine`].
    pub async fn resolve(
        &self,
        origin: &Origin,
        reference: Option<&str>,
    ) -> Result<CommitSha, GitError> {
        let reference = reference.unwrap_or("HEAD");
        if let Ok(commit) = reference.parse() {
            return Ok(commit);
        }
        let configuration = self.folder.join("folder.gitconfig");
        let names = [
            format!("refs/heads/{reference}"),
            format!("refs/tags/{reference}^{{}}"),
            format!("refs/tags/{reference}"),
            reference.to_owned(),
        ];
        // No repository is needed for this; the folder of the caches is none.
        let route = origin.route().await?;
        let reach = reach(route.as_ref(), &configuration);
        let mut command = git(&self.folder, reach, self.limits.git);
        command
            .args(["ls-remote", "--quiet", "--"])
            .arg(&*origin.as_text())
            .args(&names);
        let running = Running::start_for(&mut command, reach).await?;
        let ended = running
            .finish(self.fetch_seconds_max, SHORT_BYTES_MAX)
            .await;
        let ended = answered(ended, "ask the origin")?;
        if !ended.status.success() {
            return Err(explain(&ended.said, self.limits.git).or_unavailable());
        }
        let listed = String::from_utf8_lossy(&ended.output);
        let lines = || listed.lines().filter_map(|line| line.split_once('\t'));
        let found = names
            .iter()
            .find_map(|name| lines().find(|(_, listed)| listed == name));
        let commit = found.and_then(|(sha, _)| sha.parse().ok());
        commit.ok_or_else(|| unavailable("the repository has no such branch, tag or commit"))
    }
}

//! Owns the fetch of a commit and its history from its origin.

use contract::name::CommitSha;

use git::error::GitError;
use git::running::{Running, Unanswered};
use git::said::{explain, unavailable};

use super::{Cache, SHORT_BYTES_MAX, answered, reach};

impl Cache {
    pub(crate) async fn fetch(&self, commit: &CommitSha) -> Result<(), GitError> {
        let route = self.origin.route().await?;
        let reach = reach(route.as_ref(), &self.configuration);
        let mut command = self.git(reach);
        command.args([
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--refmap=",
        ]);
        if route.is_some() {
            // A forge that can leaves out what would be refused for its size: it never gets here.
            let bytes = self.limits.blob_bytes_max + 1;
            command.arg(format!("--filter=blob:limit={bytes}"));
        }
        command.args([
            "--no-recurse-submodules",
            "--no-auto-maintenance",
            "--force",
            "--",
        ]);
        command.arg(&*self.origin.as_text());
        // The ref keeps what was fetched: the next fetch asks only for what is new since.
        command.arg(format!("{commit}:refs/assay/{commit}"));
        let running = Running::start_for(&mut command, reach).await?;
        let ended = running
            .finish(self.fetch_seconds_max, SHORT_BYTES_MAX)
            .await;
        if matches!(ended, Err(Unanswered::TimedOut)) {
            let seconds = self.fetch_seconds_max;
            return Err(unavailable(&format!(
                "the forge did not answer within {seconds} s"
            )));
        }
        let ended = answered(ended, "fetch")?;
        if ended.status.success() {
            Ok(())
        } else {
            Err(explain(&ended.said, self.limits.git))
        }
    }
}

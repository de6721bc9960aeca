//! Owns which commits a push brought, as git has it: the webhook's list is a hint.

use chrono::DateTime;
use contract::job::FoundCommit;
use contract::name::CommitSha;

use crate::git::cache::{Cache, ended};
use git::error::GitError;
use git::program::Reach;
use git::running::Running;

/// Most commits of one push that are found in git; of a longer one the newest are taken, and how
/// many were left out is recorded.
pub const COMMITS_PER_PUSH_MAX: usize = 10_000;
/// Longest line of the list of commits, in bytes: SHA, time, address.
const LINE_BYTES_MAX: u64 = 1024;
/// Longest address that is taken over, in characters.
const ADDRESS_CHARS_MAX: usize = 320;
/// Most paths of a commit that are compared with what its webhook says.
pub const CHANGED_PATHS_MAX: usize = 3_000;
/// Most bytes of the list of changed paths.
const CHANGED_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The first second of the year 10000: no later time has an RFC 3339 text.
const SECONDS_END: i64 = 253_402_300_800;

/// What bounds the commits of a push.
#[derive(Clone, Copy, Debug)]
pub struct PushRange<'a> {
    /// The ref after.
    pub after: &'a CommitSha,
    /// The ref before; `None` when it was created.
    pub before: Option<&'a CommitSha>,
    /// The commit that the learner started from.
    pub starting: Option<&'a CommitSha>,
    /// The lab's own commits.
    pub template: &'a [CommitSha],
    /// What bounds a ref that was nothing before, or nothing that is left: where the session
    /// began, where earlier pushes led.
    pub fallback: &'a [CommitSha],
}

/// The commits of a push, as git has them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Listed {
    /// Oldest first: the newest [`COMMITS_PER_PUSH_MAX`].
    pub commits: Vec<FoundCommit>,
    /// How many older ones there are.
    pub left_out: u64,
    /// Whether commits are missing here that the push brought too, because an earlier push did.
    pub narrowed: bool,
}

impl Cache {
    /// The commits reachable from `after`, not from `before`, not from the starting commit and
    /// not from the lab's own; where there is no `before` that git knows, not from what the session
    /// has already either. What bounds them and is known neither here nor to the origin (after a
    /// force push) bounds nothing.
    ///
    /// # Errors
    /// [`GitError`].
    pub async fn commits(&self, range: PushRange<'_>) -> Result<Listed, GitError> {
        let mut bounds = vec![range.after.to_string()];
        let is_bound = match range.before {
            Some(before) if self.can_bound(before).await? => {
                bounds.push(format!("^{before}"));
                true
            }
            _ => false,
        };
        if let Some(starting) = range.starting
            && self.can_bound(starting).await?
        {
            bounds.push(format!("^{starting}"));
        }
        // With the head its whole history was fetched: what else is not here bounds nothing.
        bounds.extend(range.template.iter().map(|commit| format!("^{commit}")));
        if !is_bound {
            bounds.extend(range.fallback.iter().map(|commit| format!("^{commit}")));
        }
        let running = match self.begun().commits() {
            Some(begun) => begun,
            None => self.start_commits()?,
        };
        let bytes_max = COMMITS_PER_PUSH_MAX as u64 * LINE_BYTES_MAX;
        let list = listed(running, &bounds, bytes_max).await?;
        let commits: Vec<FoundCommit> = list.lines().filter_map(parse).rev().collect();
        let left_out = if commits.len() < COMMITS_PER_PUSH_MAX {
            0
        } else {
            self.count(&bounds)
                .await?
                .saturating_sub(commits.len() as u64)
        };
        Ok(Listed {
            commits,
            left_out,
            narrowed: !is_bound && !range.fallback.is_empty(),
        })
    }

    /// What lists commits once it was told what bounds them.
    pub(crate) fn start_commits(&self) -> Result<Running, GitError> {
        let mut command = self.rev_list();
        command.args(["--topo-order", "--no-commit-header", "--format=%H %at %ae"]);
        command.arg(format!("--max-count={COMMITS_PER_PUSH_MAX}"));
        Running::start(&mut command)
    }

    fn rev_list(&self) -> tokio::process::Command {
        let mut command = self.git(Reach::Cache);
        command.args(["rev-list", "--ignore-missing", "--stdin"]);
        command
    }

    async fn count(&self, bounds: &[String]) -> Result<u64, GitError> {
        let mut command = self.rev_list();
        command.arg("--count");
        let running = Running::start(&mut command)?;
        let counted = listed(running, bounds, LINE_BYTES_MAX).await?;
        Ok(counted.trim().parse().unwrap_or(0))
    }

    /// The paths that a commit changed against its parent, at most [`CHANGED_PATHS_MAX`]; `None`
    /// for a merge, of which forges say different things.
    ///
    /// # Errors
    /// [`GitError`].
    pub async fn changed(&self, commit: &CommitSha) -> Result<Option<Vec<String>>, GitError> {
        let mut running = match self.begun().changes(commit) {
            Some(begun) => begun,
            None => self.start_changed()?,
        };
        running.tell(&format!("{commit}\n")).await;
        let action = "list a commit's changes";
        let ended = ended(running, CHANGED_BYTES_MAX, action).await?;
        let text = String::from_utf8_lossy(&ended.output);
        // Git answers a commit that it cannot read with nothing, and ends well.
        let answer = text.split_once('\0').filter(|_| ended.status.success());
        let Some((parents, paths)) = answer else {
            let said = git::said::last_words(&ended.said);
            return Err(GitError::Corrupt { action, said });
        };
        if parents.trim().contains(' ') {
            return Ok(None);
        }
        let paths = paths.split('\0').map(|path| path.trim_start_matches('\n'));
        let paths = paths
            .filter(|path| !path.is_empty())
            .take(CHANGED_PATHS_MAX);
        Ok(Some(paths.map(str::to_owned).collect()))
    }

    /// What lists the changes of the commit that it is told.
    pub(crate) fn start_changed(&self) -> Result<Running, GitError> {
        let mut command = self.git(Reach::Cache);
        command.args([
            "diff-tree",
            "--root",
            "--no-renames",
            "--name-only",
            "-r",
            "-z",
            "-c",
        ]);
        command.args(["--no-ext-diff", "--no-textconv"]);
        // The first line names the commit's parents, so that a merge is known. It is there always.
        command.args(["--pretty=tformat:%P", "--always", "--stdin"]);
        Running::start(&mut command)
    }

    async fn can_bound(&self, bound: &CommitSha) -> Result<bool, GitError> {
        match self.ensure(bound).await {
            Ok(()) => Ok(true),
            Err(err) if err.is_transient() => Err(err),
            // It is gone from the forge, or was never there: git is the truth.
            Err(_) => Ok(false),
        }
    }
}

/// Tells a `git rev-list` what bounds it, and gives what it lists.
async fn listed(
    mut running: Running,
    bounds: &[String],
    bytes_max: u64,
) -> Result<String, GitError> {
    let action = "list a push's commits";
    running.tell(&format!("{}\n", bounds.join("\n"))).await;
    let ended = ended(running, bytes_max, action).await?;
    if ended.status.success() {
        return Ok(String::from_utf8_lossy(&ended.output).into_owned());
    }
    let said = git::said::last_words(&ended.said);
    Err(GitError::Corrupt { action, said })
}

/// Reads `<sha> <seconds> <address>`.
fn parse(line: &str) -> Option<FoundCommit> {
    let (sha, rest) = line.split_once(' ')?;
    let (seconds, address) = rest.split_once(' ')?;
    let known = seconds
        .parse()
        .ok()
        .filter(|at| (0..SECONDS_END).contains(at));
    Some(FoundCommit {
        commit: sha.parse().ok()?,
        author_email: address.chars().take(ADDRESS_CHARS_MAX).collect(),
        committed_at: known.and_then(|at| DateTime::from_timestamp(at, 0)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_list_of_commits_is_read_whatever_the_author_wrote() {
        let sha = "a".repeat(40);
        let read = |rest: &str| parse(&format!("{sha} {rest}")).unwrap();
        let plain = read("1767603600 learner@example.org");
        assert_eq!(plain.commit.as_str(), sha);
        assert_eq!(plain.author_email, "learner@example.org");
        assert_eq!(plain.committed_at.unwrap().timestamp(), 1_767_603_600);
        for odd in ["", "-1", "253402300800", "99999999999999999999", "x"] {
            assert_eq!(read(&format!("{odd} a b")).committed_at, None, "{odd}");
        }
        assert_eq!(read("0 ").author_email, "");
        assert_eq!(
            read(&format!("0 {}", "é".repeat(400))).author_email,
            "é".repeat(320)
        );
        assert_eq!(parse("no sha"), None);
    }
}

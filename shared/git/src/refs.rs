//! Owns asking an origin where its branches are. Nothing is fetched, and nothing kept.

use std::io::ErrorKind;
use std::path::Path;

use contract::name::CommitSha;

use crate::error::GitError;
use crate::origin::Origin;
use crate::program::{Reach, outside};
use crate::running::{Running, Unanswered};
use crate::said::{explain, last_words, unavailable};

/// Most that is read of an origin's answer, in bytes: some 50,000 branches.
const ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// What a shell ends with where a program is there and does not run, or is not there.
const NOT_EXECUTABLE: i32 = 126;
const NOT_FOUND: i32 = 127;
/// What every branch's name begins with.
const BRANCHES: &str = "refs/heads/";

/// Where a branch is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Branch {
    /// Its whole name: `refs/heads/main`.
    pub ref_name: String,
    /// The commit.
    pub head: CommitSha,
}

/// The branches of an origin; none for a repository that is empty. A folder is no origin here.
///
/// # Errors
/// [`GitError::SourceUnavailable`] if the origin gives no answer in `seconds_max`,
/// [`GitError::Refused`] if it has more branches than are read, [`GitError::Machine`].
pub async fn branches(origin: &Origin, seconds_max: u64) -> Result<Vec<Branch>, GitError> {
    let Origin::Url { url, scheme } = origin else {
        return Err(unavailable("a folder has no refs to be asked for"));
    };
    let mut command = outside(Reach::Scheme(scheme));
    // Not in whatever repository this process may have been started in.
    command.current_dir(Path::new("/"));
    command.args(["ls-remote", "--heads", "--quiet", "--", url]);
    let running = Running::start(&mut command)?;
    let ended = match running.finish(seconds_max, ANSWER_BYTES_MAX).await {
        Ok(ended) => ended,
        Err(Unanswered::TimedOut) => return Err(unavailable("the forge is too slow")),
        Err(Unanswered::TooLong) => {
            let detail = "the repository has more branches than are compared".to_owned();
            return Err(GitError::Refused { detail });
        }
        Err(Unanswered::Machine(source)) => return Err(GitError::machine("ask git")(source)),
    };
    match ended.status.code() {
        Some(0) => {}
        Some(NOT_EXECUTABLE | NOT_FOUND) => {
            let source = std::io::Error::new(ErrorKind::NotFound, last_words(&ended.said));
            return Err(GitError::machine("ask git")(source));
        }
        _ => return Err(explain(&ended.said).or_unavailable()),
    }
    let text = String::from_utf8_lossy(&ended.output);
    Ok(text.lines().filter_map(branch).collect())
}

/// Reads `<sha>\t<ref>`.
fn branch(line: &str) -> Option<Branch> {
    let (sha, ref_name) = line.split_once('\t')?;
    let plain = ref_name.starts_with(BRANCHES) && !ref_name.chars().any(char::is_control);
    let head = sha.parse().ok()?;
    plain.then(|| Branch {
        ref_name: ref_name.to_owned(),
        head,
    })
}

#[cfg(test)]
mod tests {
    use sample::forge::LoopbackForge;
    use sample::repository::{Change, Clock};

    use super::*;

    /// Longest wait in these tests, in seconds.
    const SECS_MAX: u64 = 30;

    #[test]
    fn only_branches_are_read() {
        let sha = "a".repeat(40);
        let read = branch(&format!("{sha}\trefs/heads/a/b")).unwrap();
        assert_eq!(read.ref_name, "refs/heads/a/b");
        assert_eq!(read.head.as_str(), sha);
        for other in [
            format!("{sha}\trefs/tags/v1"),
            format!("{sha}\tHEAD"),
            format!("{sha} refs/heads/main"),
            format!("{}\trefs/heads/main", "0".repeat(40)),
            "ref: refs/heads/main\tHEAD".to_owned(),
            String::new(),
        ] {
            assert_eq!(branch(&other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn an_origins_branches_are_where_git_has_them() {
        let folder = tempfile::tempdir().unwrap();
        let forge = LoopbackForge::start(folder.path()).await.unwrap();
        let origin = |name: &str| Origin::url(&format!("{}/{name}.git", forge.url())).unwrap();
        let repository = forge.create("octo/hello", Clock::Fixed).await.unwrap();
        assert_eq!(branches(&origin("octo/hello"), SECS_MAX).await.unwrap(), []);
        let change = [Change::File(b"a", b"1")];
        let main = repository.commit("main", "one", &change).await.unwrap();
        repository.tag("v1", &main).await.unwrap();
        let found = branches(&origin("octo/hello"), SECS_MAX).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].ref_name, "refs/heads/main");
        assert_eq!(found[0].head.as_str(), main);
        let missing = branches(&origin("octo/none"), SECS_MAX).await;
        let Err(GitError::SourceUnavailable { detail }) = missing else {
            panic!("{missing:?}");
        };
        assert_eq!(detail, "the forge has no such repository");
        forge.stop().await.unwrap();
    }
}

//! Owns asking an origin where its branches and tags are. Nothing is fetched, and nothing kept.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use contract::name::CommitSha;

use crate::error::GitError;
use crate::origin::Origin;
use crate::program::{Bounds, Reach, outside};
use crate::running::{Running, Unanswered};
use crate::said::{explain, last_words, unavailable};

/// Most that is read of an origin's answer, in bytes: some 50,000 refs.
const ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// What a shell ends with where a program is there and does not run, or is not there.
const NOT_EXECUTABLE: i32 = 126;
const NOT_FOUND: i32 = 127;
/// What every branch's name begins with.
pub const BRANCHES: &str = "refs/heads/";
/// What every tag's name begins with.
pub const TAGS: &str = "refs/tags/";
/// What ends the line that says what an annotated tag leads to.
const PEELED: &str = "^{}";

/// Where a branch or a tag is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ref {
    /// Its whole name: `refs/heads/main`.
    pub ref_name: String,
    /// The commit: an annotated tag's own, not the tag object.
    pub head: CommitSha,
}

impl Ref {
    /// Whether it is a tag.
    pub fn is_tag(&self) -> bool {
        self.ref_name.starts_with(TAGS)
    }
}

/// The branches and tags of an origin, by name; none for a repository that is empty. A folder is no
/// origin here.
///
/// # Errors
/// [`GitError::SourceUnavailable`] if the origin gives no answer in `seconds_max`,
/// [`GitError::Refused`] if it has more refs than are read, [`GitError::Machine`].
pub async fn refs(origin: &Origin, seconds_max: u64) -> Result<Vec<Ref>, GitError> {
    let (Some(route), Origin::Url { url, .. }) = (origin.route().await?, origin) else {
        return Err(unavailable("a folder has no refs to be asked for"));
    };
    let (reach, bounds) = (Reach::Forge(&route), Bounds::default());
    let mut command = outside(reach, bounds);
    // Not in whatever repository this process may have been started in.
    command.current_dir(Path::new("/"));
    command.args(["ls-remote", "--heads", "--tags", "--quiet", "--", url]);
    let running = Running::start_for(&mut command, reach).await?;
    let ended = match running.finish(seconds_max, ANSWER_BYTES_MAX).await {
        Ok(ended) => ended,
        Err(Unanswered::TimedOut) => return Err(unavailable("the forge is too slow")),
        Err(Unanswered::TooLong) => {
            let detail = "the repository has more branches and tags than are compared".to_owned();
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
        _ => return Err(explain(&ended.said, bounds).or_unavailable()),
    }
    Ok(read(&String::from_utf8_lossy(&ended.output)))
}

/// Reads lines of `<sha>\t<ref>`. What an annotated tag leads to stands on a line of its own.
fn read(text: &str) -> Vec<Ref> {
    let mut heads = BTreeMap::new();
    for (sha, name) in text.lines().filter_map(|line| line.split_once('\t')) {
        let (name, peels) = match name.strip_suffix(PEELED) {
            Some(name) => (name, true),
            None => (name, false),
        };
        let known = [BRANCHES, TAGS].iter().any(|kind| name.starts_with(kind));
        let Ok(head) = sha.parse::<CommitSha>() else {
            continue;
        };
        if !known || name.chars().any(char::is_control) {
            continue;
        }
        if peels {
            heads.insert(name, head);
        } else {
            heads.entry(name).or_insert(head);
        }
    }
    let named = heads.into_iter();
    named
        .map(|(name, head)| Ref {
            ref_name: name.to_owned(),
            head,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use sample::forge::LoopbackForge;
    use sample::repository::{Change, Clock};

    use super::*;

    /// Longest wait in these tests, in seconds.
    const SECS_MAX: u64 = 30;

    #[test]
    fn branches_are_read_and_tags_with_the_commits_that_they_lead_to() {
        let sha = |digit: &str| digit.repeat(40);
        let (a, b, zero) = (sha("a"), sha("b"), sha("0"));
        let heads = |text: String| -> Vec<(String, String)> {
            let found = read(&text).into_iter();
            found.map(|one| (one.ref_name, one.head.into())).collect()
        };
        let at = |name: &str, sha: &str| (name.to_owned(), sha.to_owned());
        for (lines, expected) in [
            (
                format!("{a}\trefs/heads/a/b\n{b}\trefs/heads/main\n"),
                vec![at("refs/heads/a/b", &a), at("refs/heads/main", &b)],
            ),
            (
                format!("{a}\trefs/tags/light\n"),
                vec![at("refs/tags/light", &a)],
            ),
            (
                format!("{a}\trefs/tags/v1\n{b}\trefs/tags/v1^{{}}\n"),
                vec![at("refs/tags/v1", &b)],
            ),
            (
                format!("{b}\trefs/tags/v1^{{}}\n{a}\trefs/tags/v1\n"),
                vec![at("refs/tags/v1", &b)],
            ),
            (format!("{a}\tHEAD\n{a}\trefs/pull/1/head\n"), vec![]),
            (format!("{a} refs/heads/main"), vec![]),
            (format!("{zero}\trefs/heads/main"), vec![]),
            ("ref: refs/heads/main\tHEAD".to_owned(), vec![]),
            (String::new(), vec![]),
        ] {
            assert_eq!(heads(lines.clone()), expected, "{lines}");
        }
    }

    #[tokio::test]
    async fn an_origins_branches_and_tags_are_where_git_has_them() {
        let folder = tempfile::tempdir().unwrap();
        let forge = LoopbackForge::start(folder.path()).await.unwrap();
        let origin = |name: &str| Origin::url(&format!("{}/{name}.git", forge.url())).unwrap();
        let repository = forge.create("octo/hello", Clock::Fixed).await.unwrap();
        assert_eq!(refs(&origin("octo/hello"), SECS_MAX).await.unwrap(), []);
        let change = [Change::File(b"a", b"1")];
        let main = repository.commit("main", "one", &change).await.unwrap();
        repository.tag("v1", &main).await.unwrap();
        let found = refs(&origin("octo/hello"), SECS_MAX).await.unwrap();
        let names: Vec<&str> = found.iter().map(|one| one.ref_name.as_str()).collect();
        assert_eq!(names, ["refs/heads/main", "refs/tags/v1"]);
        assert!(found.iter().all(|one| one.head.as_str() == main));
        assert!(!found[0].is_tag() && found[1].is_tag());
        let missing = refs(&origin("octo/none"), SECS_MAX).await;
        let Err(GitError::SourceUnavailable { detail }) = missing else {
            panic!("{missing:?}");
        };
        assert_eq!(detail, "the forge has no such repository");
        forge.stop().await.unwrap();
    }
}

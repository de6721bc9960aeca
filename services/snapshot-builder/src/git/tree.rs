//! Owns the reading of a commit's tree from a cache: its list.

use std::time::Duration;

use contract::name::CommitSha;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use crate::git::cache::{Cache, READ_SECS_MAX};
use git::error::GitError;
use git::program::git_at_a_gate;
use git::running::Running;
use git::said::explain;
use objects::path::escape;

/// Most bytes of one line of a tree's list: mode, kind, id, size and path.
const LINE_BYTES_MAX: u64 = 16 * 1024;

/// Longest beginning of a path that a refusal shows, in characters.
const SHOWN_CHARS_MAX: usize = 120;
/// What git says before 2.43 where a forge left out a blob.
const NOT_GIVEN: &str = "from promisor remote";

/// One line of a tree's list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TreeLine {
    /// The mode, as git writes it.
    pub mode: String,
    /// The object's id: of a blob, or of another repository's commit.
    pub id: String,
    /// The blob's size in bytes; none for a commit.
    pub bytes: Option<u64>,
    /// The path's bytes.
    pub path: Vec<u8>,
}

/// What a line says.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Line {
    Entry(TreeLine),
    /// Its entries are listed as well.
    Folder,
    /// A blob of which the cache has the name alone.
    Lacking(Vec<u8>),
}

impl Cache {
    /// The entries of a commit's tree, folders left out, in git's order: at most so many files and
    /// so many folders as a snapshot may have. A tree of trees without end is thus cut off, not
    /// unfolded.
    ///
    /// # Errors
    /// [`GitError::Refused`] if the tree has more entries, or the forge left a blob out because of
    /// its size; [`GitError::Corrupt`] and [`GitError::Machine`].
    pub async fn list(&self, commit: &CommitSha) -> Result<Vec<TreeLine>, GitError> {
        let mut running = match self.begun().list(commit) {
            Some(begun) => begun,
            None => self.start_list(commit)?,
        };
        running.tell("").await;
        let stdout = running.child.stdout.take();
        let mut lines = BufReader::new(stdout.expect("the output is piped"));
        let reading = async {
            let (mut list, mut folders) = (Vec::new(), 0);
            let max = self.limits().files_max;
            while let Some(line) = next_line(&mut lines).await? {
                match line {
                    Line::Entry(line) => list.push(line),
                    Line::Folder => folders += 1,
                    Line::Lacking(path) => return Err(self.lacking(&escape(&path))),
                }
                let kinds = [(list.len(), "files"), (folders, "folders")];
                if let Some((_, what)) = kinds.into_iter().find(|(count, _)| *count > max) {
                    return Err(refused(format!("the tree has more than {max} {what}")));
                }
            }
            Ok(list)
        };
        let limit = Duration::from_secs(READ_SECS_MAX);
        let list = tokio::time::timeout(limit, reading).await.map_err(|_| {
            refused(format!(
                "the tree takes more than {READ_SECS_MAX} s to list"
            ))
        })??;
        // Nothing more is printed, so this is only about how it ended.
        let ended = running.finish(READ_SECS_MAX, LINE_BYTES_MAX).await;
        match ended {
            Ok(ended) if ended.status.success() => Ok(list),
            Ok(ended) if ended.said.contains(NOT_GIVEN) => Err(self.lacking("a file")),
            Ok(ended) => match explain(&ended.said, self.limits().git) {
                refused @ GitError::Refused { .. } => Err(refused),
                _ => Err(corrupt("list a tree", &ended.said)),
            },
            Err(_) => Err(corrupt("list a tree", "it does not end")),
        }
    }

    /// What lists a commit's tree once its input is closed.
    pub(crate) fn start_list(&self, commit: &CommitSha) -> Result<Running, GitError> {
        let mut command = git_at_a_gate(self.repository(), self.limits().git);
        command.args([
            "ls-tree",
            "-r",
            "-t",
            "-z",
            "--long",
            "--full-tree",
            commit.as_str(),
        ]);
        Running::start(&mut command)
    }

    /// What it means that a blob is not there. When it was not lost since it was fetched, the forge
    /// left it out, as it was asked to.
    fn lacking(&self, path: &str) -> GitError {
        if !self.has_fetched() {
            return corrupt("list a tree", "a blob is missing");
        }
        let max = self.limits().blob_bytes_max;
        let path: String = path.chars().take(SHOWN_CHARS_MAX).collect();
        refused(format!(
            "{path} has more than {max} bytes, and the forge left it out"
        ))
    }
}

async fn next_line(lines: &mut (impl AsyncBufReadExt + Unpin)) -> Result<Option<Line>, GitError> {
    let mut line = Vec::new();
    let mut capped = lines.take(LINE_BYTES_MAX);
    let read = capped.read_until(0, &mut line).await;
    read.map_err(GitError::machine("read a tree's list"))?;
    match line.pop() {
        None => Ok(None),
        Some(0) => parse(&line).map(Some),
        Some(_) if line.len() as u64 + 1 == LINE_BYTES_MAX => Err(refused(format!(
            "the tree has a path longer than {LINE_BYTES_MAX} bytes"
        ))),
        Some(_) => Err(corrupt("list a tree", "the list breaks off")),
    }
}

/// Reads `<mode> <kind> <id> <padded size>\t<path>`.
fn parse(line: &[u8]) -> Result<Line, GitError> {
    let unreadable = || corrupt("list a tree", "a line does not read");
    let tab = line
        .iter()
        .position(|&byte| byte == b'\t')
        .ok_or_else(unreadable)?;
    let head = std::str::from_utf8(&line[..tab]).map_err(|_| unreadable())?;
    let mut words = head.split_ascii_whitespace();
    let mut word = || words.next().ok_or_else(unreadable);
    let (mode, kind, id, size) = (word()?, word()?, word()?, word()?);
    let path = line[tab + 1..].to_vec();
    let bytes = match size {
        "-" if kind == "tree" => return Ok(Line::Folder),
        "-" => None,
        // What git says where an object is missing.
        "BAD" => return Ok(Line::Lacking(path)),
        size => Some(size.parse().map_err(|_| corrupt("list a tree", size))?),
    };
    Ok(Line::Entry(TreeLine {
        mode: mode.to_owned(),
        id: id.to_owned(),
        bytes,
        path,
    }))
}

fn refused(detail: String) -> GitError {
    GitError::Refused { detail }
}

fn corrupt(action: &'static str, said: &str) -> GitError {
    let said = git::said::last_words(said);
    GitError::Corrupt { action, said }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_list_is_read_as_bytes() {
        let entry = |line: &[u8]| match parse(line) {
            Ok(Line::Entry(line)) => line,
            other => panic!("{other:?}"),
        };
        let line = entry(b"100644 blob 12ab      42\ta b\t\xff\nc");
        assert_eq!(line.mode, "100644");
        assert_eq!((line.id.as_str(), line.bytes), ("12ab", Some(42)));
        assert_eq!(line.path, b"a b\t\xff\nc");
        assert_eq!(entry(b"160000 commit 12ab       -\tvendor").bytes, None);
        let folder = parse(b"040000 tree 12ab       -\ta b").unwrap();
        assert_eq!(folder, Line::Folder);
        let lacking = parse(b"100644 blob 1     BAD\ta").unwrap();
        assert_eq!(lacking, Line::Lacking(b"a".to_vec()));
        for bad in [
            &b"100644 blob 12ab 42"[..],
            b"100644 blob 12ab\ta",
            b"100644 blob 1 -1\ta",
        ] {
            assert!(matches!(parse(bad), Err(GitError::Corrupt { .. })));
        }
    }
}

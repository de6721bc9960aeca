//! Owns the sample repositories: bare ones in the loopback forge's folder, and the commits in
//! them. A commit is made as a forge would have it after a push.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::git;

/// The author of every commit.
pub const AUTHOR_NAME: &str = "Example Learner";
/// The author's address.
pub const AUTHOR_EMAIL: &str = "learner@example.org";
/// The first commit's time under [`Clock::Fixed`]: 2026-01-05T09:00:00Z.
pub const FIRST_COMMIT_AT: u64 = 1_767_603_600;
/// Time between two commits under [`Clock::Fixed`], in seconds.
const COMMIT_EVERY_SECS: u64 = 60;

/// Which times commits bear.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clock {
    /// The same in every run, so that commits have the same SHA.
    Fixed,
    /// The machine's, so that every run has commits of its own.
    System,
}

/// What a commit does to one path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change<'a> {
    /// Writes a file, mode 100644.
    File(&'a [u8], &'a [u8]),
    /// Writes a file that may be executed, mode 100755.
    Executable(&'a [u8], &'a [u8]),
    /// Makes a symlink to the second.
    Symlink(&'a [u8], &'a [u8]),
    /// Records a commit of another repository.
    Gitlink(&'a [u8], &'a str),
    /// Removes a path.
    Remove(&'a [u8]),
}

/// A bare repository.
#[derive(Debug)]
pub struct Repository {
    folder: PathBuf,
    full_name: String,
    html_url: String,
    clock: Clock,
    commits: AtomicU64,
}

impl Repository {
    /// Makes an empty repository in `folder`, with the branch `main` to come.
    pub(crate) async fn create(
        folder: PathBuf,
        full_name: &str,
        html_url: String,
        clock: Clock,
    ) -> Result<Self> {
        std::fs::create_dir_all(&folder).context("make the repository's folder")?;
        let init = [
            "init",
            "--quiet",
            "--bare",
            "--template=",
            "--initial-branch=main",
        ];
        git::run(&folder, &init).await?;
        let full_name = full_name.to_owned();
        let commits = AtomicU64::new(0);
        Ok(Self {
            folder,
            full_name,
            html_url,
            clock,
            commits,
        })
    }

    /// Where it is on this machine.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// `owner/name`.
    pub fn full_name(&self) -> &str {
        &self.full_name
    }

    /// Where a person would look at it.
    pub fn html_url(&self) -> &str {
        &self.html_url
    }

    /// Where it is fetched from.
    pub fn clone_url(&self) -> String {
        format!("{}.git", self.html_url)
    }

    /// Makes a commit on top of a branch, or the branch's first, and gives its SHA.
    ///
    /// # Errors
    /// What git says.
    pub async fn commit(
        &self,
        branch: &str,
        message: &str,
        changes: &[Change<'_>],
    ) -> Result<String> {
        let parent = self.head(branch).await.ok();
        self.commit_onto(parent.as_deref(), branch, message, changes)
            .await
    }

    /// Makes a commit on top of `parent`, or a root commit, and moves the branch to it, wherever
    /// the branch was: a force push.
    ///
    /// # Errors
    /// What git says.
    pub async fn commit_onto(
        &self,
        parent: Option<&str>,
        branch: &str,
        message: &str,
        changes: &[Change<'_>],
    ) -> Result<String> {
        let mut stream = format!("reset refs/heads/{branch}\n").into_bytes();
        if let Some(parent) = parent {
            stream.extend(format!("from {parent}\n").bytes());
        }
        let at = self.next_moment();
        let who = format!("{AUTHOR_NAME} <{AUTHOR_EMAIL}> {at} +0000");
        let head = format!("commit refs/heads/{branch}\nauthor {who}\ncommitter {who}\n");
        stream.extend(head.bytes());
        append_data(&mut stream, message.as_bytes());
        if let Some(parent) = parent {
            stream.extend(format!("from {parent}\n").bytes());
        }
        for change in changes {
            append_change(&mut stream, change);
        }
        git::run_with(
            &self.folder,
            &["fast-import", "--quiet", "--force"],
            &stream,
        )
        .await?;
        self.head(branch).await
    }

    /// Makes many small commits on top of a branch, in one go; the last one's SHA.
    ///
    /// # Errors
    /// What git says.
    pub async fn grow(&self, branch: &str, commits: u32) -> Result<String> {
        let mut parent = self.head(branch).await.ok();
        let mut stream = format!("reset refs/heads/{branch}\n").into_bytes();
        if let Some(parent) = &parent {
            stream.extend(format!("from {parent}\n").bytes());
        }
        for number in 0..commits {
            let at = self.next_moment();
            let who = format!("{AUTHOR_NAME} <{AUTHOR_EMAIL}> {at} +0000");
            let head = format!("commit refs/heads/{branch}\nauthor {who}\ncommitter {who}\n");
            stream.extend(head.bytes());
            append_data(&mut stream, format!("{branch} {number}").as_bytes());
            if let Some(parent) = parent.take() {
                stream.extend(format!("from {parent}\n").bytes());
            }
            let content = number.to_string();
            append_change(&mut stream, &Change::File(b"notes.txt", content.as_bytes()));
        }
        let arguments = ["fast-import", "--quiet", "--force"];
        git::run_with(&self.folder, &arguments, &stream).await?;
        self.head(branch).await
    }

    /// The newest commits of a branch, at most `count`, the newest first.
    ///
    /// # Errors
    /// What git says.
    pub async fn newest(&self, branch: &str, count: u32) -> Result<Vec<String>> {
        let (count, name) = (
            format!("--max-count={count}"),
            format!("refs/heads/{branch}"),
        );
        let list = git::run(&self.folder, &["rev-list", "--topo-order", &count, &name]).await?;
        Ok(list.lines().map(str::to_owned).collect())
    }

    /// Makes the first commit with the tree of another repository's branch, as a forge does for a
    /// repository that is made from a template: none of the template's history comes along.
    ///
    /// # Errors
    /// What git says.
    pub async fn commit_template(&self, template: &Self, branch: &str) -> Result<String> {
        let from = template.folder.to_string_lossy();
        git::run(
            &self.folder,
            &["fetch", "--quiet", "--no-tags", &from, branch],
        )
        .await?;
        let tree = git::run(&self.folder, &["rev-parse", "FETCH_HEAD^{tree}"]).await?;
        let at = format!("{} +0000", self.next_moment());
        let name = format!("user.name={AUTHOR_NAME}");
        let email = format!("user.email={AUTHOR_EMAIL}");
        let mut command = git::command(&self.folder);
        command.args([
            "-c",
            &name,
            "-c",
            &email,
            "commit-tree",
            &tree,
            "-m",
            "Initial commit",
        ]);
        command
            .env("GIT_AUTHOR_DATE", &at)
            .env("GIT_COMMITTER_DATE", &at);
        let output = git::feed(&mut command, &[]).await?;
        let sha = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let name = format!("refs/heads/{branch}");
        git::run(&self.folder, &["update-ref", &name, &sha]).await?;
        Ok(sha)
    }

    /// Makes an annotated tag of a commit and gives the tag object's SHA.
    ///
    /// # Errors
    /// What git says.
    pub async fn tag(&self, name: &str, commit: &str) -> Result<String> {
        let at = self.next_moment();
        let tagger = format!("tagger {AUTHOR_NAME} <{AUTHOR_EMAIL}> {at} +0000\n");
        let mut stream = format!("tag {name}\nfrom {commit}\n{tagger}").into_bytes();
        append_data(&mut stream, name.as_bytes());
        git::run_with(
            &self.folder,
            &["fast-import", "--quiet", "--force"],
            &stream,
        )
        .await?;
        git::run(&self.folder, &["rev-parse", &format!("refs/tags/{name}")]).await
    }

    /// Removes a branch.
    ///
    /// # Errors
    /// What git says.
    pub async fn delete_branch(&self, branch: &str) -> Result<()> {
        let name = format!("refs/heads/{branch}");
        git::run(&self.folder, &["update-ref", "-d", &name])
            .await
            .map(drop)
    }

    /// The commit that a branch is at.
    ///
    /// # Errors
    /// What git says, where there is no such branch for instance.
    pub async fn head(&self, branch: &str) -> Result<String> {
        let name = format!("refs/heads/{branch}");
        git::run(&self.folder, &["rev-parse", "--verify", "--quiet", &name]).await
    }

    fn next_moment(&self) -> u64 {
        let number = self.commits.fetch_add(1, Ordering::Relaxed);
        match self.clock {
            Clock::Fixed => FIRST_COMMIT_AT + number * COMMIT_EVERY_SECS,
            Clock::System => SystemTime::UNIX_EPOCH
                .elapsed()
                .expect("the clock is past 1970")
                .as_secs(),
        }
    }
}

fn append_change(stream: &mut Vec<u8>, change: &Change<'_>) {
    let (mode, path, bytes) = match change {
        Change::File(path, bytes) => ("100644", path, bytes),
        Change::Executable(path, bytes) => ("100755", path, bytes),
        Change::Symlink(path, target) => ("120000", path, target),
        Change::Gitlink(path, commit) => {
            stream.extend(format!("M 160000 {commit} {}\n", quote(path)).bytes());
            return;
        }
        Change::Remove(path) => {
            stream.extend(format!("D {}\n", quote(path)).bytes());
            return;
        }
    };
    stream.extend(format!("M {mode} inline {}\n", quote(path)).bytes());
    append_data(stream, bytes);
}

fn append_data(stream: &mut Vec<u8>, bytes: &[u8]) {
    stream.extend(format!("data {}\n", bytes.len()).bytes());
    stream.extend(bytes);
    stream.push(b'\n');
}

/// A path as fast-import reads any: quoted, every byte in octal that is not plain.
fn quote(path: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    let bytes = path.iter().map(|&byte| {
        if plain(byte) {
            char::from(byte).to_string()
        } else {
            format!("\\{byte:03o}")
        }
    });
    format!("\"{}\"", bytes.collect::<String>())
}

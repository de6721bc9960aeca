//! Owns asking a cache for objects, one after the other, through one process of git's: whether a
//! commit is there, and what is in a blob.

use std::time::Duration;

use bytes::Bytes;
use contract::name::CommitSha;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout};

use crate::git::cache::{Cache, READ_SECS_MAX};
use git::error::GitError;
use git::program::Reach;
use git::running::Running;
use git::said::last_words;

/// Most bytes of the line that an answer begins with: a name of at most that of a commit with a
/// suffix, a kind, a size.
const LINE_BYTES_MAX: u64 = 1024;
const LOOK: &str = "look for a commit";
const READ: &str = "read a blob";

/// A `git cat-file --batch-command`. It sees what is fetched after it was started.
#[derive(Debug)]
pub struct Asker {
    // Held so that the process goes when this goes.
    _running: Running,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Cache {
    /// Begins to read blobs: with the process that was asked last, if nobody else has it.
    ///
    /// # Errors
    /// [`GitError::Machine`].
    pub async fn asker(&self) -> Result<Asker, GitError> {
        match self.kept_asker().lock().await.take() {
            Some(asker) => Ok(asker),
            None => Asker::start(self),
        }
    }

    /// Keeps the process for whoever asks next.
    pub(crate) async fn keep(&self, asker: Asker) {
        *self.kept_asker().lock().await = Some(asker);
    }

    /// Whether the cache has the commit. What git cannot say is a no: it is fetched then, and a
    /// fetch finds out why.
    ///
    /// # Errors
    /// [`GitError::Machine`].
    pub async fn has(&self, commit: &CommitSha) -> Result<bool, GitError> {
        let mut kept = self.kept_asker().lock().await;
        // What was started before may have ended since; that it ends at once again says more.
        for _ in 0..2 {
            let asker = match kept.as_mut() {
                Some(asker) => asker,
                None => kept.insert(Asker::start(self)?),
            };
            match asker.has(commit).await {
                Ok(has) => return Ok(has),
                Err(_) => *kept = None,
            }
        }
        Ok(false)
    }
}

impl Asker {
    fn start(cache: &Cache) -> Result<Self, GitError> {
        let mut command = cache.git(Reach::Cache);
        command.args(["cat-file", "--batch-command"]);
        let mut running = Running::start_unheard(&mut command)?;
        let requests = running.child.stdin.take().expect("the input is piped");
        let answers = running.child.stdout.take().expect("the output is piped");
        let answers = BufReader::new(answers);
        Ok(Self {
            _running: running,
            requests,
            answers,
        })
    }

    async fn has(&mut self, commit: &CommitSha) -> Result<bool, GitError> {
        let asking = async {
            let line = self.ask(LOOK, &format!("info {commit}^{{commit}}")).await?;
            // `<id> commit <bytes>`; or `<name> missing`, or `<name> ambiguous`.
            let mut words = line.split_ascii_whitespace().skip(1);
            Ok(words.next() == Some("commit"))
        };
        in_time(LOOK, asking).await
    }

    /// Reads a blob that the tree's list gave `bytes` bytes.
    ///
    /// # Errors
    /// [`GitError::Corrupt`] if it is not there, or is not what the list says.
    pub async fn read(&mut self, id: &str, bytes: u64) -> Result<Bytes, GitError> {
        let reading = async {
            let line = self.ask(READ, &format!("contents {id}")).await?;
            if line != format!("{id} blob {bytes}\n") {
                return Err(corrupt(READ, &line));
            }
            let length = usize::try_from(bytes).map_err(|_| corrupt(READ, "too large"))?;
            let mut blob = vec![0; length + 1];
            let read = self.answers.read_exact(&mut blob).await;
            read.map_err(|_| corrupt(READ, "git left"))?;
            if blob.pop() != Some(b'\n') {
                return Err(corrupt(READ, "it does not end where it should"));
            }
            Ok(blob.into())
        };
        in_time(READ, reading).await
    }

    /// Asks, and gives the line that the answer begins with.
    async fn ask(&mut self, action: &'static str, request: &str) -> Result<String, GitError> {
        let left = |_| corrupt(action, "git left");
        let request = format!("{request}\n");
        let requests = &mut self.requests;
        requests.write_all(request.as_bytes()).await.map_err(left)?;
        let mut line = Vec::new();
        let mut capped = (&mut self.answers).take(LINE_BYTES_MAX);
        let read = capped.read_until(b'\n', &mut line).await.map_err(left)?;
        if read == 0 {
            return Err(corrupt(action, "git left"));
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}

async fn in_time<T>(
    action: &'static str,
    asking: impl Future<Output = Result<T, GitError>>,
) -> Result<T, GitError> {
    let limit = Duration::from_secs(READ_SECS_MAX);
    let asked = tokio::time::timeout(limit, asking).await;
    asked.unwrap_or_else(|_| Err(corrupt(action, "it takes too long")))
}

fn corrupt(action: &'static str, said: &str) -> GitError {
    let said = last_words(said);
    GitError::Corrupt { action, said }
}

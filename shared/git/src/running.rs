//! Owns a running git command: its process group, its deadline, the caps on what it says.
//! A command that is dropped takes its whole group with it.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::error::GitError;
use crate::program::Reach;

/// Most that is kept of what a command says on its standard error, in bytes.
const SAID_BYTES_MAX: u64 = 64 * 1024;

/// A command in a process group of its own.
#[derive(Debug)]
pub struct Running {
    /// The process, with its pipes.
    pub child: Child,
}

/// A command that ended.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub output: Vec<u8>,
    /// What it said on its standard error.
    pub said: String,
}

/// Why a command's answer could not be had.
#[derive(Debug)]
pub enum Unanswered {
    /// Its time was over.
    TimedOut,
    /// It said more than is read.
    TooLong,
    /// This machine stood in the way.
    Machine(std::io::Error),
}

impl Running {
    /// Starts a command with its input and output piped.
    ///
    /// # Errors
    /// [`GitError::Machine`].
    pub fn start(command: &mut Command) -> Result<Self, GitError> {
        Self::spawn(command, Stdio::piped())
    }

    /// The same for a command whose errors are lines of its output: nobody hears what else it says.
    ///
    /// # Errors
    /// [`GitError::Machine`].
    pub fn start_unheard(command: &mut Command) -> Result<Self, GitError> {
        // Not a closed pipe: a word of advice would end git.
        Self::spawn(command, Stdio::null())
    }

    fn spawn(command: &mut Command, said: Stdio) -> Result<Self, GitError> {
        let child = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(said)
            .kill_on_drop(true)
            .spawn()
            .map_err(GitError::machine("start git"))?;
        Ok(Self { child })
    }

    /// Starts a command that was made for `reach`, and says by its input what it needs to get in.
    ///
    /// # Errors
    /// [`GitError::Machine`].
    pub async fn start_for(command: &mut Command, reach: Reach<'_>) -> Result<Self, GitError> {
        let mut running = Self::start(command)?;
        running.tell(&reach.said_to_git().unwrap_or_default()).await;
        Ok(running)
    }

    /// Says what a command waits to be told by its input, which is closed with it.
    pub async fn tell(&mut self, said: &str) {
        if let Some(mut input) = self.child.stdin.take() {
            // Who has ended already says why himself.
            let _ = input.write_all(said.as_bytes()).await;
        }
    }

    /// Waits for the end, and gives what it printed.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn finish(
        mut self,
        seconds_max: u64,
        output_bytes_max: u64,
    ) -> Result<Ended, Unanswered> {
        drop(self.child.stdin.take());
        let stdout = self.child.stdout.take();
        let stderr = self.child.stderr.take();
        let whole = async {
            let (output, said) = tokio::try_join!(
                read(stdout, output_bytes_max, Beyond::Fail),
                read(stderr, SAID_BYTES_MAX, Beyond::Discard),
            )?;
            let status = self.child.wait().await.map_err(Unanswered::Machine)?;
            let said = String::from_utf8_lossy(&said).into_owned();
            Ok(Ended {
                status,
                output,
                said,
            })
        };
        let limit = Duration::from_secs(seconds_max);
        tokio::time::timeout(limit, whole)
            .await
            .unwrap_or(Err(Unanswered::TimedOut))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The id is there until the child was waited for, so it cannot be another process's.
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(group) = id.and_then(Pid::from_raw) {
            // A group that is gone already is what is wanted.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// What is done with output beyond its cap.
enum Beyond {
    Fail,
    Discard,
}

async fn read(
    pipe: Option<impl AsyncRead + Unpin>,
    bytes_max: u64,
    beyond: Beyond,
) -> Result<Vec<u8>, Unanswered> {
    let mut bytes = Vec::new();
    let Some(pipe) = pipe else { return Ok(bytes) };
    let mut capped = pipe.take(bytes_max);
    capped
        .read_to_end(&mut bytes)
        .await
        .map_err(Unanswered::Machine)?;
    let mut rest = capped.into_inner();
    let more = match beyond {
        Beyond::Fail => rest.read(&mut [0]).await.map_err(Unanswered::Machine)?,
        Beyond::Discard => {
            tokio::io::copy(&mut rest, &mut tokio::io::sink())
                .await
                .map_err(Unanswered::Machine)?;
            0
        }
    };
    if more > 0 {
        Err(Unanswered::TooLong)
    } else {
        Ok(bytes)
    }
}

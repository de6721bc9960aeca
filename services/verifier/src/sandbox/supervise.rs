//! Owns the life of one box: started, watched, killed when a limit says so, and gone before
//! anybody reads what it left.
//!
//! Each box has a thread of its own, because the kernel kills a box when the thread that started
//! it ends (`--die-with-parent`), and a runtime's threads come and go.

use std::ffi::OsString;
use std::io::Error;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use rustix::process::{WaitId, WaitIdOptions, waitid};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines, Take};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::limit::Limit;
use crate::sandbox::BoxOutcome;
use crate::sandbox::ending::{SIGNAL_BASE, Stop, ending};
use crate::sandbox::error::SandboxError;
use crate::sandbox::gauge::{Gauge, Peaks};
use crate::sandbox::output::{Listener, Output, Taken};
use crate::sandbox::status::{self, STATUS_BYTES_MAX};
use report::harmless;

/// How long making the namespaces may take, in seconds.
const SETUP_WAIT_SECS: u64 = 30;
/// How long a killed box may take to be gone, in seconds.
const KILL_WAIT_SECS: u64 = 30;
/// Longest complaint of bubblewrap that is kept, in characters.
const COMPLAINT_CHARS_MAX: usize = 300;
/// The signal that nobody can ignore.
const SIGKILL: i32 = 9;
/// Bytes of a KiB.
const KIB: usize = 1024;

/// Runs a box by its command line.
pub(super) async fn run(
    arguments: Vec<OsString>,
    gauge: Gauge,
    listener: Option<Listener>,
) -> Result<BoxOutcome, SandboxError> {
    let (mut answer, result) = oneshot::channel();
    let thread = std::thread::Builder::new().name("sandbox".into());
    let started = thread.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let outcome = match runtime {
            Ok(runtime) => runtime.block_on(async {
                let watched = watch(arguments, gauge, listener);
                // The box dies with this future: nobody waits for it any more.
                tokio::select! {
                    outcome = watched => outcome,
                    () = answer.closed() => Err(SandboxError::GivenUp),
                }
            }),
            Err(error) => Err(SandboxError::Start(error)),
        };
        // Nobody is left to be told only when the run was given up.
        let _ = answer.send(outcome);
    });
    started.map_err(SandboxError::Start)?;
    result.await.unwrap_or(Err(SandboxError::GivenUp))
}

async fn watch(
    arguments: Vec<OsString>,
    gauge: Gauge,
    listener: Option<Listener>,
) -> Result<BoxOutcome, SandboxError> {
    let limits = gauge.limits;
    // Ended after the box, and whatever ends this.
    let mut gauge = gauge;
    let output = Output::new(limits.output_kib as usize * KIB, listener);
    let mut running = Running::start(arguments, output).await?;
    gauge.begin();
    let begun = Instant::now();
    let wall = Duration::from_secs(limits.wall_seconds.into());
    let stop = tokio::select! {
        ended = timeout(wall, running.until_end()) => match ended {
            Ok(Ok(stop)) => stop,
            Ok(Err(error)) => return Err(SandboxError::Watch(error)),
            Err(_elapsed) => Stop::At(Limit::Wall),
        },
        limit = gauge.until_exceeded() => Stop::At(limit),
    };
    if stop != Stop::Itself {
        running.kill();
    }
    let gone = timeout(
        Duration::from_secs(KILL_WAIT_SECS),
        running.until_gone(stop),
    )
    .await;
    let wall_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let gone = gone.map_err(|_elapsed| SandboxError::Unkillable(KILL_WAIT_SECS))??;
    let is_measured = gauge.group.is_some();
    let mut measured = gauge.finish();
    if measured.is_host_short {
        return Err(SandboxError::HostMemory);
    }
    let exit_code = match (gone.exit_code, stop, measured.limit) {
        (Some(code), ..) => code,
        // Killed before it could say anything.
        (None, Stop::At(_), _) | (None, Stop::Itself, Some(_)) => SIGNAL_BASE + SIGKILL,
        (None, Stop::Itself, None) => return Err(complaint(&running.output.log)),
    };
    if !is_measured {
        measured.peaks.cpu_ms = gone.cpu_ms;
    }
    let peaks = Peaks {
        wall_ms,
        output_bytes: running.output.log.len() as u64,
        ..measured.peaks
    };
    Ok(BoxOutcome {
        ending: ending(stop, exit_code, peaks.cpu_ms, measured.limit, &limits),
        peaks,
        stdout: running.output.stdout,
        log: running.output.log,
    })
}

fn complaint(log: &[u8]) -> SandboxError {
    let said = String::from_utf8_lossy(log);
    SandboxError::Setup(harmless::line(&said, COMPLAINT_CHARS_MAX))
}

/// A box that runs.
struct Running {
    child: Child,
    /// Becomes true when bubblewrap itself has ended; its numbers can still be read.
    ended: watch::Receiver<bool>,
    /// The box's first process: with it, all others die.
    first: Option<OwnedFd>,
    status: Lines<BufReader<Take<Receiver>>>,
    stdout: ChildStdout,
    stderr: ChildStderr,
    output: Output,
}

/// What is known when nothing of the box runs any more.
struct Gone {
    exit_code: Option<i32>,
    cpu_ms: u64,
}

impl Running {
    async fn start(arguments: Vec<OsString>, output: Output) -> Result<Self, SandboxError> {
        let (program, arguments) = arguments.split_first().expect("a recipe names its program");
        let (status, status_end) = std::io::pipe().map_err(SandboxError::Start)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .current_dir("/")
            .kill_on_drop(true);
        command
            .stdin(status_end)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(SandboxError::Start)?;
        // It holds the status pipe's writing end, and that must end with the box.
        drop(command);
        let ended = ended(process(child.id()).map_err(SandboxError::Watch)?);
        let status = Receiver::from_owned_fd(status.into()).map_err(SandboxError::Watch)?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(SandboxError::Watch(Error::other("a pipe is missing")));
        };
        let mut running = Self {
            child,
            ended,
            first: None,
            status: BufReader::new(status.take(STATUS_BYTES_MAX)).lines(),
            stdout,
            stderr,
            output,
        };
        running.until_set_up().await?;
        Ok(running)
    }

    /// Waits until the first process is known.
    async fn until_set_up(&mut self) -> Result<(), SandboxError> {
        let setup = Duration::from_secs(SETUP_WAIT_SECS);
        let line = match timeout(setup, self.status.next_line()).await {
            Ok(line) => line.map_err(SandboxError::Watch)?.unwrap_or_default(),
            Err(_elapsed) => return Err(SandboxError::Setup("it took too long".into())),
        };
        match status::line(&line).first_process {
            // When it is gone already there is nothing left to kill.
            Some(id) => {
                let first = Pid::from_raw(id);
                self.first = first.and_then(|id| pidfd_open(id, PidfdFlags::empty()).ok());
            }
            None => {
                let take = self.output.take(&mut self.stdout, &mut self.stderr);
                // Only what it complains of is wanted here, and it may be nothing.
                let _ = timeout(setup, take).await;
                return Err(complaint(&self.output.log));
            }
        }
        Ok(())
    }

    /// Waits until the box ends by itself or prints too much.
    async fn until_end(&mut self) -> std::io::Result<Stop> {
        let taken = self.output.take(&mut self.stdout, &mut self.stderr).await?;
        if taken == Taken::TooMuch {
            return Ok(Stop::At(Limit::Output));
        }
        // It may have closed its output and go on.
        let _ = self.ended.wait_for(|ended| *ended).await;
        Ok(Stop::Itself)
    }

    /// Kills all of the box; bubblewrap itself is left to count and to tell.
    fn kill(&mut self) {
        let killed = self
            .first
            .as_ref()
            .map(|first| pidfd_send_signal(first, Signal::KILL));
        if !matches!(killed, Some(Ok(()))) {
            // It ended in this moment, or never was: then bubblewrap is all there is.
            let _ = self.child.start_kill();
        }
    }

    /// Waits until nothing of the box runs, then reads the numbers that it leaves.
    async fn until_gone(&mut self, stop: Stop) -> Result<Gone, SandboxError> {
        if !matches!(stop, Stop::Itself | Stop::At(Limit::Output)) {
            // What it printed just before; more than the cap is no news now.
            let take = self.output.take(&mut self.stdout, &mut self.stderr);
            take.await.map_err(SandboxError::Watch)?;
        }
        let _ = self.ended.wait_for(|ended| *ended).await;
        let cpu_ms = self.child.id().and_then(cpu_ms).unwrap_or_default();
        self.child.wait().await.map_err(SandboxError::Watch)?;
        let mut exit_code = None;
        while let Some(line) = self.status.next_line().await.map_err(SandboxError::Watch)? {
            exit_code = status::line(&line).exit_code.or(exit_code);
        }
        Ok(Gone { exit_code, cpu_ms })
    }
}

fn process(id: Option<u32>) -> std::io::Result<Pid> {
    let id = id
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw);
    id.ok_or_else(|| Error::other("no process id"))
}

/// Waits for a child's end on a thread of its own, and leaves the child to be reaped later.
fn ended(child: Pid) -> watch::Receiver<bool> {
    let (tell, ended) = watch::channel(false);
    tokio::task::spawn_blocking(move || {
        let how = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        // An error says that it was reaped already: that is an end too.
        while waitid(WaitId::Pid(child), how).is_err_and(|error| error == Errno::INTR) {}
        tell.send_replace(true);
    });
    ended
}

/// Processor time of an ended process and of all that it has waited for: fields 14 to 17 of
/// proc(5)'s `stat`, in clock ticks.
fn cpu_ms(id: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let after_name = &stat[stat.rfind(')')? + 1..];
    let ticks = after_name.split_whitespace().skip(11).take(4);
    let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(ticks * 1_000 / rustix::param::clock_ticks_per_second())
}

//! Owns the built program as a child of the test: started, signalled, waited for, and gone when the
//! test is, whatever way that ends.

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::wait;

/// Lines of a program's log that a failing test shows.
const LOG_LINES_MAX: usize = 15;
/// How variables begin that would change what a program of the test does.
const SETTINGS: [&str; 3] = ["ASSAY__", "ASSAY_CONFIG", "ASSAY_DATA"];

/// How the program is started.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Variables that it is given beside those of the test, but for settings of Assay's.
    pub variables: Vec<(&'a str, String)>,
    /// The folder it runs in: without an `assay.toml` of somebody's.
    pub folder: &'a Path,
}

/// A running program. Dropping it kills it with all that it started.
#[derive(Debug)]
pub struct Program {
    child: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

/// What a program said that has ended.
#[derive(Clone, Debug)]
pub struct Said {
    /// Its exit code, if it was not killed.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Plan<'_> {
    /// The command, in a process group of its own and, where that can be had, tied to the life of
    /// the thread that starts it: a test that is killed cannot clean up.
    fn command(&self) -> Command {
        let mut command = if cfg!(target_os = "linux") {
            let mut command = Command::new("setpriv");
            command
                .args(["--pdeathsig", "KILL", "--"])
                .arg(&self.program);
            command
        } else {
            Command::new(&self.program)
        };
        for (name, _) in std::env::vars_os() {
            if SETTINGS
                .iter()
                .any(|set| name.to_string_lossy().starts_with(set))
            {
                command.env_remove(name);
            }
        }
        command
            .args(&self.arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder)
            .stdin(Stdio::null())
            .process_group(0);
        command
    }

    /// Starts the program; both its outputs are appended to `log`.
    pub fn start(&self, log: &Path) -> Program {
        let opened = OpenOptions::new().create(true).append(true).open(log);
        let file = opened.expect("a log file");
        let copy = file.try_clone().expect("a second handle of the log");
        let mut command = self.command();
        command.stdout(file).stderr(copy);
        Program {
            child: command.spawn().expect("the program starts"),
            log: log.to_owned(),
            ended: None,
        }
    }

    /// Runs the program to its end.
    pub async fn run(&self) -> Said {
        self.run_within(Duration::from_secs(wait::WAIT_SECS_MAX))
            .await
    }

    /// Runs the program to its end, which may be a long way off, and no further than this.
    pub async fn run_within(&self, limit: Duration) -> Said {
        let mut command = tokio::process::Command::from(self.command());
        let running = command.kill_on_drop(true).output();
        let output = tokio::time::timeout(limit, running).await;
        let output = output.unwrap_or_else(|_| panic!("{:?} takes too long", self.arguments));
        let output = output.expect("the program starts");
        let text = |bytes| String::from_utf8(bytes).expect("the program speaks UTF-8");
        Said {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

impl Program {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has said so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends it a signal, and not to what it started.
    pub fn signal(&self, signal: Signal) {
        assert!(self.ended.is_none(), "it has ended already");
        kill_process(self.pid(), signal).expect("a child that was not reaped takes signals");
    }

    /// How it ended, if it has.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("a child can be waited for");
        }
        self.ended
    }

    /// Kills it as a crash would, and waits until it is gone.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.ended = Some(self.child.wait().expect("a child can be waited for"));
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let log = self.log.clone();
        let status = wait::until("the program ends", async || {
            let ended = self.child.try_wait().expect("a child can be waited for");
            ended.ok_or_else(|| format!("it runs; its log ends with\n{}", tail(&log)))
        });
        let status = status.await;
        self.ended = Some(status);
        status
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.ended.is_none() {
            // As long as it is not reaped, its id is its own, and its group's.
            let _ = kill_process_group(self.pid(), Signal::KILL);
            let _ = self.child.wait();
        }
        if thread::panicking() {
            eprintln!("{} ends with\n{}", self.log.display(), tail(&self.log));
        }
    }
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES_MAX)..].join("\n")
}

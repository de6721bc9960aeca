//! Owns a running child: how it is started, signalled without hitting a stranger, and waited for.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::sync::watch;

use crate::account::Account;
use crate::error::{ServerError, file};
use crate::{program, spawner};

/// What is to be started, and as whom.
pub(crate) struct Plan {
    /// The program's path.
    pub(crate) program: PathBuf,
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
    /// What it is told by its environment, beside what every child is.
    pub(crate) variables: &'static [(&'static str, &'static str)],
    /// The folder it runs in.
    pub(crate) folder: PathBuf,
    /// What it reads; `None` is nothing.
    pub(crate) input: Option<File>,
    /// Where its output goes.
    pub(crate) log: File,
    /// The account it runs as; `None` is this process's own.
    pub(crate) account: Option<Account>,
    /// The signal it gets when this process dies, by its name without `SIG`.
    pub(crate) death_signal: &'static str,
}

/// A started child. Dropping it does nothing to the child: its server decides how it is to end.
#[derive(Debug)]
pub(crate) struct Child {
    pid: Pid,
    end: Arc<End>,
}

#[derive(Debug)]
struct End {
    /// Held while the child is reaped and while it is signalled, so that a signal never reaches
    /// another process that was given the same id.
    status: Mutex<Option<ExitStatus>>,
    reached: Condvar,
    announced: watch::Sender<Option<ExitStatus>>,
}

impl Child {
    /// Starts the plan, in a process group of its own: a Ctrl-C in the terminal is for this
    /// process, which then ends its children in order.
    pub(crate) fn start(plan: Plan) -> Result<Self, ServerError> {
        let path = plan.program.clone();
        let command = command(plan).map_err(file("open log of", &path))?;
        let process = spawner::spawn(command).map_err(file("start", &path))?;
        let pid = Pid::from_child(&process);
        let (announced, _) = watch::channel(None);
        let end = End {
            status: Mutex::new(None),
            reached: Condvar::new(),
            announced,
        };
        let end = Arc::new(end);
        let reaper = Arc::clone(&end);
        thread::Builder::new()
            .name("child-end".to_owned())
            .spawn(move || reaper.reap(process, pid))
            .map_err(file("wait for", &path))?;
        Ok(Self { pid, end })
    }

    /// The child's process id.
    pub(crate) fn id(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        *self.end.lock()
    }

    /// Sends a signal, unless the child has ended.
    pub(crate) fn signal(&self, signal: Signal) {
        let status = self.end.lock();
        if status.is_none() {
            // It has not been reaped, so it is at worst a zombie, which a signal does not hurt.
            let _ = kill_process(self.pid, signal);
        }
    }

    /// Waits, for ever, until the child has ended.
    pub(crate) async fn wait(&self) -> ExitStatus {
        let mut announced = self.end.announced.subscribe();
        match announced.wait_for(Option::is_some).await {
            Ok(status) => status.expect("it was waited for until it is some"),
            Err(_) => unreachable!("the sender lives in self"),
        }
    }

    /// Waits until the child has ended or the limit is over; says whether it has ended.
    pub(crate) async fn wait_for(&self, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.wait()).await.is_ok()
    }

    /// The same for where nothing can be awaited, as in a `drop`.
    pub(crate) fn wait_blocking(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let mut status = self.end.lock();
        while status.is_none() {
            let Some(left) = until.checked_duration_since(Instant::now()) else {
                return false;
            };
            status = match self.end.reached.wait_timeout(status, left) {
                Ok((status, _)) => status,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        true
    }
}

impl End {
    fn lock(&self) -> MutexGuard<'_, Option<ExitStatus>> {
        // The value is written in one step, so that a panic elsewhere cannot have broken it.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reap(&self, mut process: Process, pid: Pid) {
        // Waits without reaping: until the lock is held, the id must stay the child's.
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(waitid(WaitId::Pid(pid), look), Err(rustix::io::Errno::INTR)) {}
        let mut status = self.lock();
        let ended = process.wait().unwrap_or_default();
        *status = Some(ended);
        self.announced.send_replace(Some(ended));
        self.reached.notify_all();
    }
}

fn command(plan: Plan) -> io::Result<Command> {
    let mut command = match program::with_death_signal() {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command
                .args(["--pdeathsig", plan.death_signal, "--"])
                .arg(&plan.program);
            command
        }
        None => Command::new(&plan.program),
    };
    // A change of account forgets the death signal. `uid` takes effect before setpriv is started,
    // and setpriv asks for the signal: in this order it stays.
    if let Some(account) = plan.account {
        command.uid(account.user).gid(account.group);
    }
    command
        .args(&plan.arguments)
        .current_dir(&plan.folder)
        .env_clear()
        .envs(environment())
        .envs(plan.variables.iter().copied())
        .stdin(plan.input.map_or_else(Stdio::null, Stdio::from))
        .stdout(plan.log.try_clone()?)
        .stderr(plan.log)
        .process_group(0);
    Ok(command)
}

/// A child gets nothing of our environment but where programs are; what it does is in its settings.
pub(crate) fn environment() -> Vec<(&'static str, String)> {
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
    vec![
        ("PATH", path),
        ("LC_ALL", "C".to_owned()),
        ("TZ", "UTC".to_owned()),
    ]
}

/// Whether a file exists and is a program.
pub(crate) fn is_program(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok() && path.is_file()
}

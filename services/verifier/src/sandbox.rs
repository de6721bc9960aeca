//! Owns the box: what a step of strangers' code may see and use, and how it is made to end.
//!
//! bubblewrap gives it namespaces of its own (user, process, network, mount, IPC, UTS, cgroup), a
//! read-only system, a private `/tmp`, `/dev` and `/proc`, no capabilities, no new privileges, an
//! environment of four variables, three descriptors, and a filter of system calls. A control group
//! bounds and counts memory, processes and processor time of all processes together, a tmpfs the
//! disk of all files together, and the supervisor wall time and output.
//! There is no mode without the box; one without every limit has to be asked for by its name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lab::spec::Limits;
use thiserror::Error;

use crate::judge::Ending;

pub mod account;
mod ending;
mod filter;
pub mod gauge;
mod group;
mod leftover;
mod output;
mod probe;
mod programs;
mod quota;
mod recipe;
pub mod report_file;
pub mod scratch;
mod status;
mod supervise;

use account::Account;
use gauge::{BOX_BYTES, BOX_PROCESSES, Gauge, Peaks};
use group::{Bounds, Group, Groups, Lacking};
use programs::Programs;
use quota::MIB;
use recipe::Recipe;
use scratch::{RunFolder, Scratch, Size};

/// Makes boxes. Only [`Sandbox::probe`] makes one of these.
#[derive(Clone, Debug)]
pub struct Sandbox {
    programs: Programs,
    scratch: Scratch,
    /// Further folders of the system that a step may read.
    system: Vec<PathBuf>,
    /// Where each box gets its group; `None` only where running without limits was asked for.
    groups: Option<Groups>,
    size: Size,
}

/// Where boxes are made.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The folder that runs work in.
    pub scratch: &'a Path,
    /// Further folders of the system that a step may read.
    pub system: &'a [PathBuf],
    /// The control group in which each box gets its own; without it, this process's.
    pub control_group: Option<&'a Path>,
    /// What to do where a limit cannot be enforced.
    pub bounding: Bounding,
}

/// What to do where a limit cannot be enforced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bounding {
    /// Not to start.
    Required,
    /// To start all the same: strangers' code can then take all that the machine has.
    DangerouslyWaived,
}

/// What is to be run in a box.
#[derive(Clone, Copy, Debug)]
pub struct BoxedStep<'a> {
    /// The run's folder; the step finds its `work` as its working directory, and may write to it.
    pub folder: &'a Arc<RunFolder>,
    /// The command, as `sh -c` takes it.
    pub command: &'a str,
    /// What it may use.
    pub limits: &'a Limits,
}

/// What came of a box. Nothing of it runs any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BoxOutcome {
    /// How it ended.
    pub ending: Ending,
    /// What it used.
    pub peaks: Peaks,
    /// What it printed on standard output.
    pub stdout: Vec<u8>,
    /// What it printed on standard output and standard error, as it came.
    pub log: Vec<u8>,
}

/// Why a box could not be made. Never the learner's fault.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// A program could not be started.
    #[error("start the sandbox")]
    Start(#[source] std::io::Error),
    /// The box was not set up.
    #[error("set up the sandbox: {0}")]
    Setup(String),
    /// The box could not be watched.
    #[error("watch the sandbox")]
    Watch(#[source] std::io::Error),
    /// The run's folder could not be made ready.
    #[error("prepare the sandbox")]
    Prepare(#[source] std::io::Error),
    /// It was killed because the machine had no memory left, not because it took too much.
    #[error("the machine ran out of memory")]
    HostMemory,
    /// It did not end although it was killed.
    #[error("sandbox did not end within {0} s of being killed")]
    Unkillable(u64),
    /// Whoever wanted the result went away first.
    #[error("run was given up")]
    GivenUp,
}

/// Why no box can be made on this machine at all.
#[derive(Debug, Error)]
pub enum CannotSandbox {
    /// Another system than Linux.
    #[error("the sandbox needs Linux namespaces; run the verifier on Linux")]
    NotLinux,
    /// A program is missing.
    #[error("program {program} is missing: install the package {package}")]
    Missing {
        /// The program.
        program: &'static str,
        /// Where Debian has it.
        package: &'static str,
    },
    /// bubblewrap is too old.
    #[error("found {found}, but the sandbox needs bubblewrap 0.8.0 or newer")]
    TooOld {
        /// What it says of itself.
        found: String,
    },
    /// A folder could not be made.
    #[error("prepare the sandbox's folder {folder}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Limits that would not be enforced.
    #[error(
        "cannot enforce these limits on this machine: {0}. Give the verifier control groups of its \
         own and, as root, the right to mount; or, for a trial on a machine that nobody else needs, \
         set verifier.dangerously_run_without_limits"
    )]
    Unbounded(String),
    /// The first box could not be made.
    #[error("a trial box could not be made: {reason}; {advice}")]
    Refused {
        /// What was said.
        reason: String,
        /// What may help.
        advice: &'static str,
    },
    /// A box was made, and it is not as closed as it must be.
    #[error("a trial box is not closed: {0}")]
    Open(String),
}

impl Sandbox {
    /// Prepares the sandbox and makes a trial box, as `account` and with the least limits that a
    /// lab may set.
    ///
    /// # Errors
    /// [`CannotSandbox`] says what is missing. A verifier that gets it must not start.
    pub async fn probe(site: Site<'_>, account: Option<Account>) -> Result<Self, CannotSandbox> {
        let scratch = site.scratch;
        if !cfg!(target_os = "linux") {
            return Err(CannotSandbox::NotLinux);
        }
        let programs = Programs::find()?;
        let folder = |source| CannotSandbox::Folder {
            folder: scratch.to_owned(),
            source,
        };
        let mut sandbox = Self {
            programs,
            scratch: Scratch::open(scratch).map_err(folder)?,
            system: site.system.to_vec(),
            groups: None,
            size: Size::Unbounded,
        };
        sandbox.bound(site, account)?;
        let run = sandbox.folder(0, account).map_err(folder)?;
        let run = Arc::new(run);
        probe::probe(&sandbox, &run).await?;
        Ok(sandbox)
    }

    /// Finds out how each limit is enforced here.
    fn bound(&mut self, site: Site<'_>, account: Option<Account>) -> Result<(), CannotSandbox> {
        let mut lacking = Vec::new();
        match Groups::open(site.control_group) {
            Ok(groups) => self.groups = Some(groups),
            Err(Lacking { limits, why }) => lacking.push(format!("{} ({why})", limits.join(", "))),
        }
        match RunFolder::make(&self.scratch, 0, account, Size::Bounded) {
            Ok(_trial) => self.size = Size::Bounded,
            Err(error) => lacking.push(format!(
                "disk (no file system of a run's own can be mounted in {}: {error})",
                site.scratch.display()
            )),
        }
        if lacking.is_empty() {
            return Ok(());
        }
        let lacking = lacking.join("; ");
        match site.bounding {
            Bounding::Required => Err(CannotSandbox::Unbounded(lacking)),
            Bounding::DangerouslyWaived => {
                tracing::warn!("running strangers' code without these limits: {lacking}");
                Ok(())
            }
        }
    }

    /// An empty folder for the run that has the slot. What an earlier run left there goes.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn folder(&self, slot: u16, account: Option<Account>) -> std::io::Result<RunFolder> {
        RunFolder::make(&self.scratch, slot, account, self.size)
    }

    /// What makes the boxes and what bounds them, for the result's record:
    /// `bubblewrap 0.8.0, cgroup v2, tmpfs`.
    pub fn identification(&self) -> String {
        let groups = self.groups.as_ref().map(Groups::identification);
        let groups = groups.unwrap_or("no control groups");
        let files = match self.size {
            Size::Bounded => "tmpfs",
            Size::Unbounded => "disk unbounded",
        };
        format!("{}, {groups}, {files}", self.programs.version)
    }

    /// Runs a step in a box of its own and waits until nothing of it runs any more. Dropping the
    /// future kills the box.
    ///
    /// # Errors
    /// [`SandboxError`] when the step was not run as it should have been.
    pub async fn run(&self, step: BoxedStep<'_>) -> Result<BoxOutcome, SandboxError> {
        let gauge = self.prepare(step).await?;
        let doors = gauge.group.as_ref().map(Group::doors).unwrap_or_default();
        let private = step.folder.private();
        let recipe = Recipe {
            programs: &self.programs,
            etc: &self.scratch.etc(),
            filter: &self.scratch.filter(),
            doors: &doors,
            system: &self.system,
            work: step.folder.work(),
            private: private.as_ref().map(|[tmp, shm]| [tmp.as_path(), shm]),
            account: step.folder.account(),
            limits: step.limits,
            command: step.command,
        };
        let outcome = supervise::run(recipe.arguments(), gauge).await;
        let folder = Arc::clone(step.folder);
        on_disk(move || folder.widen()).await?;
        outcome
    }

    /// Makes the group and the room for a step's files.
    async fn prepare(&self, step: BoxedStep<'_>) -> Result<Gauge, SandboxError> {
        let (folder, groups) = (Arc::clone(step.folder), self.groups.clone());
        let limits = *step.limits;
        let make = move || {
            let room = folder.prepare(limits.disk_mib)?;
            let left = room.map_or(0, |(allowance, used)| allowance.left(used));
            let memory_bytes = u64::from(limits.memory_mib) * MIB + BOX_BYTES + left;
            let bounds = Bounds {
                memory_bytes,
                processes: u64::from(limits.processes) + BOX_PROCESSES,
            };
            let group = groups.map(|groups| groups.make(bounds)).transpose()?;
            let disk = room.map(|(allowance, _)| (folder, allowance));
            Ok(Gauge::new(group, disk, memory_bytes, limits))
        };
        on_disk(make).await
    }
}

async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, SandboxError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_stopped| SandboxError::GivenUp)?
        .map_err(SandboxError::Prepare)
}

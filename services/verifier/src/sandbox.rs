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

use contract::digest::Digest;
use contract::name::ToolName;
use lab::spec::Limits;
use serde_json::Value;

use crate::judge::Ending;
use crate::tools::{Mounted, Shelf, ToolError};

pub mod account;
mod check;
mod ending;
pub mod error;
mod filter;
pub mod gauge;
mod group;
mod holder;
mod leftover;
pub mod means;
pub mod output;
mod probe;
mod programs;
mod quota;
mod recipe;
pub mod report_file;
pub mod scratch;
mod status;
mod supervise;

use account::Account;
use error::{CannotSandbox, SandboxError};
use gauge::{BOX_BYTES, BOX_PROCESSES, Gauge, Peaks};
use group::{Bounds, Group, Groups};
use means::Means;
use output::Listener;
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
    /// The tools that labs may name, and those that the boxes of this run get.
    shelf: Shelf,
    tools: Arc<[Mounted]>,
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
        let opened = Scratch::open(scratch).map_err(folder)?;
        let Means {
            groups,
            size,
            lacking,
        } = Means::find(site, &opened);
        if let Some(lacking) = lacking {
            if site.bounding == Bounding::Required {
                return Err(CannotSandbox::Unbounded(lacking));
            }
            tracing::warn!("running strangers' code without these limits: {lacking}");
        }
        let sandbox = Self {
            programs,
            scratch: opened,
            system: site.system.to_vec(),
            groups,
            size,
            shelf: Shelf::default(),
            tools: Arc::default(),
        };
        let run = sandbox.folder(0, account).map_err(folder)?;
        let run = Arc::new(run);
        probe::probe(&sandbox, &run).await?;
        Ok(sandbox)
    }

    /// The same sandbox, with these tools for labs to name.
    #[must_use]
    pub fn with_shelf(self, shelf: Shelf) -> Self {
        Self { shelf, ..self }
    }

    /// The same sandbox, for a run whose lab names these tools.
    ///
    /// # Errors
    /// [`ToolError`].
    pub async fn equipped(&self, names: &[ToolName]) -> Result<Self, ToolError> {
        if names.is_empty() {
            return Ok(self.clone());
        }
        let (mut sandbox, names) = (self.clone(), names.to_vec());
        let taking = tokio::task::spawn_blocking(move || {
            sandbox.tools = sandbox.shelf.take(&names)?.into();
            Ok(sandbox)
        });
        taking.await.expect("looking at folders does not panic")
    }

    /// These tools with their digests, for the record of a result.
    pub fn record_of(&self, names: &[ToolName]) -> Value {
        self.shelf.record(names)
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

    /// The digest of the system call filter.
    pub fn filter_digest(&self) -> Option<Digest> {
        filter::bytes().ok().map(|bytes| Digest::of(&bytes))
    }

    /// Whether every limit is enforced.
    pub fn is_bounded(&self) -> bool {
        self.groups.is_some() && self.size == Size::Bounded
    }

    /// Runs a step in a box of its own and waits until nothing of it runs any more. Dropping the
    /// future kills the box.
    ///
    /// # Errors
    /// [`SandboxError`] when the step was not run as it should have been.
    pub async fn run(&self, step: BoxedStep<'_>) -> Result<BoxOutcome, SandboxError> {
        self.run_heard(step, None).await
    }

    /// As [`Sandbox::run`]; what the step prints is told while it runs, as far as the listener
    /// keeps up: the box never waits for it.
    ///
    /// # Errors
    /// As [`Sandbox::run`].
    pub async fn run_heard(
        &self,
        step: BoxedStep<'_>,
        listener: Option<Listener>,
    ) -> Result<BoxOutcome, SandboxError> {
        let gauge = self.prepare(step).await?;
        let doors = gauge.group.as_ref().map(Group::doors).unwrap_or_default();
        let private = step.folder.private();
        let (sealed, mounts) = (step.folder.sealed(), step.folder.door());
        let recipe = Recipe {
            programs: &self.programs,
            etc: &self.scratch.etc(),
            filter: &self.scratch.filter(),
            doors: &doors,
            system: &self.system,
            mounts: &mounts,
            tools: &self.tools,
            work: &step.folder.work_inside(),
            sealed: sealed.as_deref(),
            private: private.as_ref().map(|[tmp, shm]| [tmp.as_path(), shm]),
            account: step.folder.account(),
            limits: step.limits,
            command: step.command,
        };
        let outcome = supervise::run(recipe.arguments(), gauge, listener).await;
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

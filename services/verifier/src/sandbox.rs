//! Owns the box: what a step of strangers' code may see and use, and how it is made to end.
//!
//! bubblewrap gives it namespaces of its own (user, process, network, mount, IPC, UTS, cgroup), a
//! read-only system, a private `/tmp`, `/dev` and `/proc`, no capabilities, no new privileges, an
//! environment of four variables and three descriptors. rlimits bound each process, and the
//! supervisor bounds wall time, processor time and output of all together.
//! There is no mode without the box.
//!
//! Not bounded yet, because only cgroups can: the memory of all processes together (each one is
//! bounded), and the disk that all files together take (each one is bounded). A process that
//! exceeds its memory is told so by the system and ends by itself, so that limit is not named.

use std::path::{Path, PathBuf};

use lab::spec::Limits;
use thiserror::Error;

use crate::judge::Ending;

pub mod account;
mod ending;
#[cfg(target_os = "linux")]
mod leftover;
mod output;
mod probe;
mod programs;
mod recipe;
pub mod report_file;
pub mod scratch;
mod status;
#[cfg(target_os = "linux")]
mod supervise;

use account::Account;
use programs::Programs;
use recipe::Recipe;
use scratch::{RunFolder, Scratch};

/// Makes boxes. Only [`Sandbox::probe`] makes one of these.
#[derive(Clone, Debug)]
pub struct Sandbox {
    programs: Programs,
    scratch: Scratch,
    /// Further folders of the system that a step may read.
    system: Vec<PathBuf>,
}

/// What is to be run in a box.
#[derive(Clone, Copy, Debug)]
pub struct BoxedStep<'a> {
    /// The folder that the step finds as its working directory, and may write to.
    pub work: &'a Path,
    /// The command, as `sh -c` takes it.
    pub command: &'a str,
    /// What it may use.
    pub limits: &'a Limits,
    /// Whom the box's processes belong to outside it; `None` for this process's own user.
    pub account: Option<Account>,
}

/// What came of a box. Nothing of it runs any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BoxOutcome {
    /// How it ended.
    pub ending: Ending,
    /// Wall time in milliseconds.
    pub wall_ms: u64,
    /// Processor time of all its processes in milliseconds.
    pub cpu_ms: u64,
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
    /// Prepares the sandbox in `scratch` and makes a trial box, as `account` and with the least
    /// limits that a lab may set.
    ///
    /// # Errors
    /// [`CannotSandbox`] says what is missing. A verifier that gets it must not start.
    pub async fn probe(
        scratch: &Path,
        system: Vec<PathBuf>,
        account: Option<Account>,
    ) -> Result<Self, CannotSandbox> {
        if !cfg!(target_os = "linux") {
            return Err(CannotSandbox::NotLinux);
        }
        let programs = Programs::find()?;
        let folder = |source| CannotSandbox::Folder {
            folder: scratch.to_owned(),
            source,
        };
        let sandbox = Self {
            programs,
            scratch: Scratch::open(scratch).map_err(folder)?,
            system,
        };
        let run = sandbox.folder(0, account).map_err(folder)?;
        probe::probe(&sandbox, &run, account).await?;
        Ok(sandbox)
    }

    /// An empty folder for the run that has the slot. What an earlier run left there goes.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn folder(&self, slot: u16, account: Option<Account>) -> std::io::Result<RunFolder> {
        RunFolder::make(&self.scratch, slot, account)
    }

    /// What makes the boxes, for the result's record: `bubblewrap 0.8.0`.
    pub fn identification(&self) -> &str {
        &self.programs.version
    }

    /// Runs a step in a box of its own and waits until nothing of it runs any more. Dropping the
    /// future kills the box.
    ///
    /// # Errors
    /// [`SandboxError`] when the step was not run as it should have been.
    pub async fn run(&self, step: BoxedStep<'_>) -> Result<BoxOutcome, SandboxError> {
        let recipe = Recipe {
            programs: &self.programs,
            etc: &self.scratch.etc(),
            system: &self.system,
            step,
        };
        #[cfg(target_os = "linux")]
        return supervise::run(recipe.arguments(), *step.limits).await;
        #[cfg(not(target_os = "linux"))]
        {
            let _ = recipe.arguments();
            Err(SandboxError::Setup("the sandbox needs Linux".into()))
        }
    }
}

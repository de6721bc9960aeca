//! Owns why a box, or a sandbox at all, cannot be made.

use std::path::PathBuf;

use thiserror::Error;

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
         own (verifier.control_group) and the right to mount, as root or in a user namespace; or, \
         for a trial on a machine that nobody else needs, set \
         verifier.dangerously_run_without_limits"
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

//! Owns a run: its folder, its company, and why it ended without a judgement.

use std::sync::Arc;

use contract::digest::Digest;
use contract::ids::{LabId, SessionId};
use contract::result::ErrorCause;
use lab::spec::LabSpec;
use objects::store::{Objects, ObjectsError};
use thiserror::Error;

use crate::company::Company;
use crate::live::Telling;
use crate::result::Came;
use crate::sandbox::Sandbox;
use crate::sandbox::account::Account;
use crate::sandbox::error::SandboxError;
use crate::sandbox::scratch::RunFolder;
use crate::slots::Slot;
use crate::steps::all;
use crate::tools::ToolError;
use crate::tree::TreeError;
use report::harmless::{self, REASON_CHARS_MAX};

/// What is run.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) session: SessionId,
    pub(crate) snapshot: Digest,
    pub(crate) lab: LabId,
    pub(crate) lab_version: Digest,
    pub(crate) spec: &'a LabSpec,
    pub(crate) slot: u16,
    /// What is free again when the run's folder is gone.
    pub(crate) held: Option<Arc<Slot>>,
    /// Whoever follows it.
    pub(crate) telling: Telling,
}

/// Why a run ended without a judgement.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    /// The objects are away: nothing is to be recorded.
    #[error("reach the objects")]
    Objects(#[source] ObjectsError),
    /// The process is about to end.
    #[error("run was given up")]
    GivenUp,
    /// It is an error of this cause, and nobody's fault that is judged here.
    #[error("{cause}: {detail}")]
    Error {
        /// Why.
        cause: ErrorCause,
        /// Why, for people.
        detail: String,
    },
}

/// What the log of a run begins with that took its place.
const AGAIN: &str = "stopped by the clock beside other runs, with little processor time used: \
    run again alone";

/// Runs the lab's steps on the snapshot and judges them. A run that waited until the clock stopped
/// it, beside others, is run again alone: only then does it count.
pub(crate) async fn execute(
    sandbox: &Sandbox,
    objects: &Objects,
    company: &Company,
    run: Run<'_>,
) -> Result<Came, RunError> {
    let sandbox = &sandbox.equipped(&run.spec.verify.tools).await?;
    let guest = company.join().await;
    let (came, waited) = once(sandbox, objects, &run, None).await?;
    if waited == Waited::No || !guest.had_company() {
        return Ok(came);
    }
    drop(guest);
    let _alone = company.alone().await;
    let (came, _) = once(sandbox, objects, &run, Some(AGAIN)).await?;
    Ok(came)
}

/// Whether a run waited until the clock stopped it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Waited {
    Yes,
    No,
}

async fn once(
    sandbox: &Sandbox,
    objects: &Objects,
    run: &Run<'_>,
    note: Option<&str>,
) -> Result<(Came, Waited), RunError> {
    let account = Account::of_slot(run.slot);
    let (maker, slot) = (sandbox.clone(), run.slot);
    let made = tokio::task::spawn_blocking(move || maker.folder(slot, account)).await;
    let folder: Arc<RunFolder> = match made {
        Ok(Ok(mut folder)) => {
            folder.keep(run.held.clone());
            Arc::new(folder)
        }
        Ok(Err(problem)) => return Err(TreeError::Folder(problem).into()),
        Err(_stopped) => return Err(RunError::GivenUp),
    };
    let came = all(sandbox, objects, run, (Arc::clone(&folder), note)).await;
    // Before the slot is free: the next run has the same folder. It may be a large one.
    let removed = tokio::task::spawn_blocking(move || drop(folder)).await;
    removed.map_err(|_stopped| RunError::GivenUp)?;
    came
}

pub(crate) fn error(cause: ErrorCause, detail: &str) -> RunError {
    let detail = harmless::line(detail, REASON_CHARS_MAX);
    RunError::Error { cause, detail }
}

impl From<TreeError> for RunError {
    fn from(problem: TreeError) -> Self {
        match problem {
            TreeError::Objects(problem) if problem.is_transient() => Self::Objects(problem),
            _ => error(problem.cause(), &chain(&problem)),
        }
    }
}

impl From<ToolError> for RunError {
    fn from(problem: ToolError) -> Self {
        match problem {
            // No other try of it here comes out otherwise; the settings or the lab must change.
            ToolError::Unknown(_) => error(ErrorCause::LabBroken, &chain(&problem)),
            ToolError::Unreadable { .. } | ToolError::Changed { .. } => {
                tracing::error!(%problem, "a tool is not used");
                error(ErrorCause::SandboxUnavailable, &chain(&problem))
            }
        }
    }
}

impl From<SandboxError> for RunError {
    fn from(problem: SandboxError) -> Self {
        match problem {
            SandboxError::GivenUp => Self::GivenUp,
            SandboxError::HostMemory => error(ErrorCause::HostMemory, &chain(&problem)),
            _ => error(ErrorCause::SandboxUnavailable, &chain(&problem)),
        }
    }
}

fn chain(problem: &dyn std::error::Error) -> String {
    let mut text = problem.to_string();
    let mut source = problem.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

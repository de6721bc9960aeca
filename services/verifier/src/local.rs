//! Owns a verification of two folders on this machine, without servers: the same trees, the same
//! boxes and the same judgement as the service's, for a lab's author.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use contract::ids::{LabId, SessionId};
use contract::live::LiveEvent;
use contract::result::{ErrorCause, StepResult, Strength, Verdict};
use lab::mistake::Mistake;
use lab::spec::{Executor, FILE_NAME, LabSpec, Limits, parse};
use objects::owner::Owner;
use objects::store::{Objects, ObjectsError};
use process::settings::work;
use serde::Serialize;
use serde_json::Value;
use tempfile::TempDir;
use thiserror::Error;

use crate::company::Company;
use crate::execute::{Run, RunError, execute};
use crate::judge::Judgement;
use crate::live::Telling;
use crate::result::Came;
use crate::run;
use crate::sandbox::account::Account;
use crate::sandbox::error::CannotSandbox;
use crate::sandbox::{Sandbox, Site};
use crate::tools::ToolError;

mod folder;

use folder::keep;

/// The slot of the one run.
const SLOT: u16 = 0;
/// Longest log that is read back, in bytes: more than any is.
const LOG_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What is verified, and where.
#[derive(Clone, Copy, Debug)]
pub struct Local<'a> {
    /// The learner's tree.
    pub learner: &'a Path,
    /// The lab, its `lab.toml` at the root.
    pub lab: &'a Path,
    /// What a verifier here would be set to; its scratch folder is not used.
    pub settings: &'a work::Verifier,
}

/// How it came out: what the service would have recorded.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LocalResult {
    /// The verdict.
    pub result: Verdict,
    /// Why it is an error.
    pub cause: Option<ErrorCause>,
    /// The same for people, or the first reason of a fail.
    pub detail: Option<String>,
    /// Points earned.
    pub points: u32,
    /// Points to be had.
    pub points_max: u32,
    /// How much can be made of a pass in this lab.
    pub strength: Strength,
    /// Each step with its tests.
    pub steps: Vec<StepResult>,
    /// The limits it ran under.
    pub limits: Limits,
    /// What each step used.
    pub peaks: Value,
    /// What ran it.
    pub runner: String,
    /// What of the folders was left out, and why.
    pub left_out: Vec<String>,
    /// What was printed.
    pub log: String,
}

/// Why nothing could be verified at all.
#[derive(Debug, Error)]
pub enum CannotVerify {
    /// The lab's rules have a mistake.
    #[error("the lab cannot work")]
    Lab(#[source] Mistake),
    /// A folder does not read.
    #[error("read {what}")]
    Folder {
        /// What was read.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// A temporary folder could not be made or written.
    #[error("keep the trees in a temporary folder")]
    Temporary(#[source] std::io::Error),
    /// The trees could not be kept.
    #[error("keep the trees")]
    Objects(#[from] ObjectsError),
    /// No box can be made here.
    #[error("make a sandbox")]
    Sandbox(#[from] CannotSandbox),
    /// A tool is not what the settings say.
    #[error("take the tools that the settings allow")]
    Tools(#[from] ToolError),
    /// The lab has nothing run.
    #[error("the lab's executor is \"none\": it has nothing run")]
    Unchecked,
    /// It was interrupted.
    #[error("the run was given up")]
    GivenUp,
}

/// Reads and judges the `lab.toml` of a lab's folder.
///
/// # Errors
/// [`CannotVerify::Lab`] and [`CannotVerify::Folder`].
pub fn spec(lab: &Path) -> Result<LabSpec, CannotVerify> {
    let path = lab.join(FILE_NAME);
    let text = std::fs::read_to_string(&path).map_err(|source| CannotVerify::Folder {
        what: path.display().to_string(),
        source,
    })?;
    parse(&path.display().to_string(), &text).map_err(CannotVerify::Lab)
}

/// Verifies the learner's folder by the lab's. `heard` is told what happens while it runs; what it
/// does not keep up with is in the log all the same.
///
/// # Errors
/// [`CannotVerify`].
pub async fn verify(
    local: Local<'_>,
    mut heard: impl FnMut(LiveEvent),
) -> Result<LocalResult, CannotVerify> {
    let spec = spec(local.lab)?;
    if spec.verify.executor == Executor::None {
        return Err(CannotVerify::Unchecked);
    }
    let kept = TempDir::new().map_err(CannotVerify::Temporary)?;
    let objects = Objects::open_folder(kept.path())?;
    let (session, lab) = (SessionId::new(), LabId::new());
    let learners = keep(&objects, Owner::Session(session), local.learner).await?;
    let labs = keep(&objects, Owner::Lab(lab), local.lab).await?;
    let scratch = scratch().map_err(CannotVerify::Temporary)?;
    let site = Site {
        scratch: scratch.path(),
        ..run::site(local.settings)
    };
    let shelf = run::shelf(local.settings).await?;
    let sandbox = Sandbox::probe(site, Account::of_slot(SLOT)).await?;
    let sandbox = sandbox.with_shelf(shelf);
    let (telling, mut events) = Telling::channel();
    let run = Run {
        session,
        snapshot: learners.digest,
        lab,
        lab_version: labs.digest,
        spec: &spec,
        slot: SLOT,
        held: None,
        telling,
    };
    let company = Company::default();
    let running = execute(&sandbox, &objects, &company, run);
    let hearing = async {
        while let Some(event) = events.recv().await {
            heard(event);
        }
    };
    let (came, ()) = tokio::join!(running, hearing);
    let runner = format!(
        "assay-verifier/{} {}",
        env!("CARGO_PKG_VERSION"),
        sandbox.identification()
    );
    let blank = LocalResult {
        result: Verdict::Error,
        cause: None,
        detail: None,
        points: 0,
        points_max: spec.points_max(),
        strength: spec.strength(),
        steps: Vec::new(),
        limits: spec.limits,
        peaks: Value::Null,
        runner,
        left_out: [learners.left_out, labs.left_out].concat(),
        log: String::new(),
    };
    match came {
        Ok(came) => fill(blank, &objects, session, came).await,
        Err(RunError::Error { cause, detail }) => Ok(error(blank, cause, detail)),
        Err(RunError::Objects(problem)) => Err(problem.into()),
        Err(RunError::GivenUp) => Err(CannotVerify::GivenUp),
    }
}

async fn fill(
    blank: LocalResult,
    objects: &Objects,
    session: SessionId,
    came: Came,
) -> Result<LocalResult, CannotVerify> {
    let (judgement, peaks, digest) = match came {
        Came::Judged {
            judgement,
            peaks,
            log: (digest, _),
        } => (judgement, peaks, digest),
        Came::Error { cause, detail } => return Ok(error(blank, cause, detail)),
        // Nothing is newer here.
        Came::Superseded { .. } => return Err(CannotVerify::GivenUp),
        Came::Unchecked => return Err(CannotVerify::Unchecked),
    };
    let log = objects.get(Owner::Session(session), digest, LOG_BYTES_MAX);
    let Judgement {
        verdict,
        points,
        points_max,
        steps,
        detail,
    } = judgement;
    Ok(LocalResult {
        result: verdict,
        detail,
        points,
        points_max,
        steps,
        peaks,
        log: String::from_utf8_lossy(&log.await?).into_owned(),
        ..blank
    })
}

fn error(blank: LocalResult, cause: ErrorCause, detail: String) -> LocalResult {
    LocalResult {
        cause: Some(cause),
        detail: Some(detail),
        ..blank
    }
}

/// A folder that the boxes' users can get to.
fn scratch() -> std::io::Result<TempDir> {
    let scratch = TempDir::new()?;
    std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(0o711))?;
    Ok(scratch)
}

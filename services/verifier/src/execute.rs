//! Owns a run: the tree rebuilt, each step in its box, its report read when the box is gone.

use std::sync::Arc;

use contract::digest::Digest;
use contract::ids::LabId;
use contract::job::PushOfSession;
use contract::result::ErrorCause;
use lab::report::ReportForm;
use lab::spec::{LabSpec, Step};
use objects::owner::Owner;
use objects::reader::SnapshotReader;
use objects::store::{Objects, ObjectsError};
use serde_json::{Value, json};
use thiserror::Error;
use tracing::{Instrument as _, info_span};

use crate::company::Company;
use crate::harmless::{self, REASON_CHARS_MAX};
use crate::judge::{Evidence, judge};
use crate::limit::Limit;
use crate::report::{Reported, junit, tap};
use crate::result::Came;
use crate::sandbox::account::Account;
use crate::sandbox::error::SandboxError;
use crate::sandbox::report_file;
use crate::sandbox::scratch::RunFolder;
use crate::sandbox::{BoxOutcome, BoxedStep, Sandbox};
use crate::tree::{Tree, TreeError};

/// What is run.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) push: &'a PushOfSession,
    pub(crate) snapshot: Digest,
    pub(crate) lab: LabId,
    pub(crate) lab_version: Digest,
    pub(crate) spec: &'a LabSpec,
    pub(crate) slot: u16,
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

/// A run that was stopped by the clock has used little of its processor time below this part of the
/// wall time: it waited for something, perhaps for its turn.
const IDLE_PERCENT: u64 = 10;
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
enum Waited {
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
        Ok(Ok(folder)) => Arc::new(folder),
        Ok(Err(problem)) => return Err(TreeError::Folder(problem).into()),
        Err(_stopped) => return Err(RunError::GivenUp),
    };
    let came = run_all(sandbox, objects, run, (Arc::clone(&folder), note)).await;
    // Before the slot is free: the next run has the same folder. It may be a large one.
    let removed = tokio::task::spawn_blocking(move || drop(folder)).await;
    removed.map_err(|_stopped| RunError::GivenUp)?;
    came
}

async fn run_all(
    sandbox: &Sandbox,
    objects: &Objects,
    run: &Run<'_>,
    (folder, note): (Arc<RunFolder>, Option<&str>),
) -> Result<(Came, Waited), RunError> {
    let tree = rebuild(objects, run, folder).await?;
    let mut log = Log::default();
    note.inspect(|note| log.line(note));
    for left_out in &tree.left_out {
        log.line(&format!("left out: {left_out}"));
    }
    let (mut evidence, mut peaks, mut waited) = (Vec::new(), Vec::new(), Waited::No);
    for step in &run.spec.steps {
        let span = info_span!("run step", step = step.name);
        let running = run_step(sandbox, &tree, run.spec, step);
        let (outcome, reported) = running.instrument(span).await?;
        log.step(step, &outcome);
        if waited_in_vain(&outcome) {
            waited = Waited::Yes;
        }
        let mut used = json!(outcome.peaks);
        used["step"] = json!(step.name);
        peaks.push(used);
        evidence.push(Evidence {
            ending: outcome.ending,
            wall_ms: outcome.peaks.wall_ms,
            reported,
        });
    }
    let came = Came::Judged {
        judgement: judge(run.spec, &evidence),
        peaks: Value::Array(peaks),
        log: log.keep(objects, run.push).await?,
    };
    Ok((came, waited))
}

fn waited_in_vain(outcome: &BoxOutcome) -> bool {
    let used = outcome.peaks;
    let is_idle = used.cpu_ms < used.wall_ms / 100 * IDLE_PERCENT;
    outcome.ending.limit == Some(Limit::Wall) && is_idle
}

async fn rebuild(
    objects: &Objects,
    run: &Run<'_>,
    folder: Arc<RunFolder>,
) -> Result<Tree, RunError> {
    let of_lab = SnapshotReader::of_lab(objects.clone(), run.lab);
    let lab_manifest = of_lab
        .manifest(run.lab_version)
        .await
        .map_err(TreeError::from)?;
    let has = |path: &str| {
        let mut entries = lab_manifest.entries().iter();
        entries.any(|entry| entry.path.as_bytes() == path.as_bytes())
    };
    if let Some((step, path)) = run.spec.missing_files(has).first() {
        let detail = format!(
            "step {:?} needs {path}, which the lab does not have",
            step.name
        );
        return Err(error(ErrorCause::LabBroken, &detail));
    }
    let of_session = SnapshotReader::of_session(objects.clone(), run.push.session, run.lab);
    let manifest = of_session
        .manifest(run.snapshot)
        .await
        .map_err(TreeError::from)?;
    let places = run.spec.places();
    let (session, lab) = ((&of_session, &manifest), (of_lab, &lab_manifest));
    Ok(Tree::rebuild(folder, session, lab, &places).await?)
}

async fn run_step(
    sandbox: &Sandbox,
    tree: &Tree,
    spec: &LabSpec,
    step: &Step,
) -> Result<(BoxOutcome, Reported), RunError> {
    tree.restore().await?;
    if let ReportForm::Junit(file) = &step.report {
        tree.clear_report(file).await?;
    }
    let boxed = BoxedStep {
        folder: tree.folder(),
        command: &step.run,
        limits: &spec.limits,
    };
    let outcome = sandbox.run(boxed).await?;
    let reported = match &step.report {
        ReportForm::ExitCode => Reported::Nothing,
        ReportForm::Tap => Reported::Tests(tap::read(&outcome.stdout)),
        ReportForm::Junit(file) => match report_file::read(tree.work(), file) {
            Err(why) => Reported::Unreadable(format!("the report {} {why}", file.as_str())),
            Ok(bytes) => match junit::read(&bytes) {
                Ok(report) => Reported::Tests(report),
                Err(why) => Reported::Unreadable(format!("the report {} {why}", file.as_str())),
            },
        },
    };
    Ok((outcome, reported))
}

/// The output of all steps, as it is kept.
#[derive(Debug, Default)]
struct Log(String);

impl Log {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn step(&mut self, step: &Step, outcome: &BoxOutcome) {
        self.line(&format!("== {} ==", step.name));
        self.0.push_str(&harmless::log(&outcome.log));
        if !self.0.ends_with('\n') {
            self.0.push('\n');
        }
    }

    async fn keep(
        self,
        objects: &Objects,
        push: &PushOfSession,
    ) -> Result<(Digest, u64), RunError> {
        let bytes = self.0.len() as u64;
        let kept = objects
            .put(Owner::Session(push.session), self.0.into())
            .await;
        let digest = kept.map_err(RunError::Objects)?;
        Ok((digest, bytes))
    }
}

fn error(cause: ErrorCause, detail: &str) -> RunError {
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

impl From<SandboxError> for RunError {
    fn from(problem: SandboxError) -> Self {
        match problem {
            SandboxError::GivenUp => Self::GivenUp,
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

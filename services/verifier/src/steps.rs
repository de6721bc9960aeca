//! Owns the steps of a run, one after another: each in a box of its own, its report read when the
//! box is gone. A step that judges gets a fresh folder of the lab's own files, and what the others
//! left as data.

use std::path::PathBuf;
use std::sync::Arc;

use lab::pattern::Patterns;
use lab::report::ReportForm;
use lab::spec::{Step, StepKind};
use objects::owner::Owner;
use objects::store::Objects;
use serde_json::{Value, json};
use tracing::{Instrument as _, info_span};

use crate::execute::{Run, RunError, Waited};
use crate::journal::Journal;
use crate::judge::{Ending, Evidence, judge};
use crate::limit::Limit;
use crate::result::Came;
use crate::sandbox::account::Account;
use crate::sandbox::gauge::Peaks;
use crate::sandbox::report_file;
use crate::sandbox::scratch::RunFolder;
use crate::sandbox::{BoxOutcome, BoxedStep, Sandbox};
use crate::seal::{self, CannotSeal, Ended};
use crate::tree::{Tree, TreeError};

mod trees;

use report::reported::Reported;
use report::{junit, tap};
use trees::{Lab, open_lab, rebuild};

/// A run that was stopped by the clock has used little of its processor time below this part of the
/// wall time: it waited for something, perhaps for its turn.
const IDLE_PERCENT: u64 = 10;
/// What is added to a slot's number for the folders of its judges.
const JUDGES: u16 = 1_000;
/// Most of what the steps printed that is held for judges, in bytes.
const SAID_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Runs every step on the snapshot, in the folder, and judges them.
pub(crate) async fn all(
    sandbox: &Sandbox,
    objects: &Objects,
    run: &Run<'_>,
    (folder, note): (Arc<RunFolder>, Option<&str>),
) -> Result<(Came, Waited), RunError> {
    let lab = open_lab(objects, run).await?;
    let tree = rebuild(objects, run, &lab, folder).await?;
    let mut steps = Steps {
        sandbox,
        run,
        lab,
        tree,
        said: Vec::new(),
        evidence: Vec::new(),
        journal: Journal::default(),
        peaks: Vec::new(),
        waited: Waited::No,
    };
    note.inspect(|note| steps.journal.note(note));
    for left_out in &steps.tree.left_out {
        steps.journal.note(&format!("left out: {left_out}"));
    }
    for step in &run.spec.steps {
        let span = info_span!("run step", step = step.name);
        steps.next(step).instrument(span).await?;
    }
    let judgement = judge(run.spec, &steps.evidence);
    for step in &judgement.steps {
        steps.journal.tests(step);
    }
    let text = steps.journal.into_text();
    let bytes = text.len() as u64;
    let kept = objects.put(Owner::Session(run.session), text.into()).await;
    let came = Came::Judged {
        judgement,
        peaks: Value::Array(steps.peaks),
        log: (kept.map_err(RunError::Objects)?, bytes),
    };
    Ok((came, steps.waited))
}

/// The steps of a run, and what came of those that ended.
struct Steps<'a> {
    sandbox: &'a Sandbox,
    run: &'a Run<'a>,
    lab: Lab,
    /// The learner's tree.
    tree: Tree,
    said: Vec<Said>,
    evidence: Vec<Evidence>,
    journal: Journal,
    peaks: Vec<Value>,
    waited: Waited,
}

/// What a step printed, held for its judges.
#[derive(Default)]
struct Said {
    stdout: Vec<u8>,
    output: Vec<u8>,
}

/// What came of a step.
struct Outcome {
    ending: Ending,
    peaks: Peaks,
    said: Said,
    reported: Reported,
}

impl Steps<'_> {
    async fn next(&mut self, step: &Step) -> Result<(), RunError> {
        let number = self.evidence.len() + 1;
        self.journal.begin(&step.name);
        self.run.telling.step_began(number, &step.name);
        let outcome = match step.kind {
            StepKind::Run => self.step(&self.tree, step).await?,
            StepKind::Judge => self.judged(step).await?,
        };
        let Outcome {
            ending,
            peaks,
            said,
            reported,
        } = outcome;
        let limits = &self.run.spec.limits;
        self.journal
            .end(&said.output, ending, peaks.wall_ms, limits);
        self.run.telling.step_ended(number, ending, peaks.wall_ms);
        if waited_in_vain(ending, &peaks) {
            self.waited = Waited::Yes;
        }
        let mut used = json!(peaks);
        used["step"] = json!(step.name);
        self.peaks.push(used);
        self.evidence.push(Evidence {
            ending,
            wall_ms: peaks.wall_ms,
            reported,
        });
        let judges_follow = self.run.spec.steps[number..]
            .iter()
            .any(|step| step.kind == StepKind::Judge);
        self.said
            .push(if judges_follow { said } else { Said::default() });
        Ok(())
    }

    /// Runs a step in a tree.
    async fn step(&self, tree: &Tree, step: &Step) -> Result<Outcome, RunError> {
        tree.restore().await?;
        if let ReportForm::Junit(file) = &step.report {
            tree.clear_report(file).await?;
        }
        let boxed = BoxedStep {
            folder: tree.folder(),
            command: &step.run,
            limits: &self.run.spec.limits,
        };
        let telling = &self.run.telling;
        let outcome = telling
            .hear(|listener| self.sandbox.run_heard(boxed, listener))
            .await?;
        let reported = reported(tree, step, &outcome);
        Ok(Outcome {
            ending: outcome.ending,
            peaks: outcome.peaks,
            said: Said {
                stdout: outcome.stdout,
                output: outcome.log,
            },
            reported,
        })
    }

    /// Runs a step that judges: nothing of the learner's is in its tree, and what it reads of him
    /// is not his to change any more.
    async fn judged(&mut self, step: &Step) -> Result<Outcome, RunError> {
        let (maker, slot) = (self.sandbox.clone(), self.run.slot);
        let held = self.run.held.clone();
        let made = on_disk(move || {
            let mut folder = maker.folder(JUDGES + slot, Account::of_slot(slot))?;
            folder.keep(held);
            let sealed = folder.make_sealed()?;
            Ok((Arc::new(folder), sealed))
        });
        let (folder, sealed) = made.await?;
        let judged = self.judge_in(&folder, sealed, step).await;
        // The slot's next judge has the same folder.
        on_disk(move || {
            drop(folder);
            Ok(())
        })
        .await?;
        judged
    }

    async fn judge_in(
        &mut self,
        folder: &Arc<RunFolder>,
        sealed: PathBuf,
        step: &Step,
    ) -> Result<Outcome, RunError> {
        let said: usize = self.said.iter().map(|said| said.output.len()).sum();
        if said > SAID_BYTES_MAX {
            return Ok(unread(format!("more than {SAID_BYTES_MAX} bytes printed")));
        }
        let ended = self.run.spec.steps.iter().zip(&self.evidence);
        let ended: Vec<_> = ended
            .zip(&self.said)
            .map(|((step, evidence), said)| Ended {
                name: &step.name,
                evidence,
                stdout: &said.stdout,
                output: &said.output,
            })
            .collect();
        seal::steps(&sealed, &ended).map_err(TreeError::Folder)?;
        let (learners, reads) = (Arc::clone(self.tree.folder()), Patterns::new(&step.reads));
        let copied = tokio::task::spawn_blocking(move || {
            learners.reopen()?;
            seal::files(learners.work(), &reads, &sealed)
        });
        match copied.await.map_err(|_stopped| RunError::GivenUp)? {
            Ok(left_out) => left_out.iter().for_each(|line| self.journal.note(line)),
            Err(CannotSeal::TooMuch(what)) => return Ok(unread(what)),
            Err(CannotSeal::Io(problem)) => return Err(TreeError::Folder(problem).into()),
        }
        let lab = (self.lab.0.clone(), &self.lab.1);
        let places = self.run.spec.places();
        let tree = Tree::of_judge(Arc::clone(folder), lab, &places).await?;
        self.step(&tree, step).await
    }
}

/// A judge that had nothing to read, because there was too much of it: the learner's doing.
fn unread(what: String) -> Outcome {
    let reason = CannotSeal::TooMuch(what).to_string();
    Outcome {
        ending: Ending::default(),
        peaks: Peaks::default(),
        said: Said::default(),
        reported: Reported::Unreadable(reason),
    }
}

fn reported(tree: &Tree, step: &Step, outcome: &BoxOutcome) -> Reported {
    match &step.report {
        ReportForm::ExitCode => Reported::Nothing,
        ReportForm::Tap => Reported::Tests(tap::read(&outcome.stdout)),
        ReportForm::Junit(file) => match report_file::read(tree.work(), file) {
            Err(why) => Reported::Unreadable(format!("the report {} {why}", file.as_str())),
            Ok(bytes) => match junit::read(&bytes) {
                Ok(report) => Reported::Tests(report),
                Err(why) => Reported::Unreadable(format!("the report {} {why}", file.as_str())),
            },
        },
    }
}

fn waited_in_vain(ending: Ending, used: &Peaks) -> bool {
    let is_idle = used.cpu_ms < used.wall_ms / 100 * IDLE_PERCENT;
    ending.limit == Some(Limit::Wall) && is_idle
}

async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, RunError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|_stopped| RunError::GivenUp)?;
    done.map_err(|problem| TreeError::Folder(problem).into())
}

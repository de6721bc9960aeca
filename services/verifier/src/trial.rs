//! Owns the doubt in a lab: a step that left no report, or whose program was not found, may have
//! been spoilt by the learner, or may not work for anybody. Then the lab's own files are tried.
//!
//! A lab is broken when its own files show the same, and nothing that a learner should bring explains
//! it: the step ends well and leaves no report, or a program of the system does not exist.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use contract::digest::Digest;
use contract::result::StepResult;
use lab::report::ReportForm;
use lab::spec::Step;
use tokio::sync::OnceCell;

use crate::judge::Judgement;
use crate::sandbox::report_file::NoReport;

/// A shell's exit codes for a command that cannot be run, or is not found.
const NOT_RUN: [i32; 2] = [126, 127];
/// How the shells say that a program is not found.
const NOT_FOUND: [&str; 2] = [": command not found", ": not found"];
/// Labs whose trial is remembered.
const TRIALS_MAX: usize = 256;

/// What came of the lab's own files, step by step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Trial {
    steps: Vec<StepResult>,
    /// The programs of the system that were not found.
    not_found: Vec<String>,
}

impl Trial {
    /// What came of a trial, from its judgement and what its steps printed.
    pub(crate) fn of(judgement: Judgement, log: &str) -> Self {
        Self {
            steps: judgement.steps,
            not_found: log.lines().filter_map(not_found).collect(),
        }
    }
}

/// Trials of lab versions, each made once.
#[derive(Debug, Default)]
pub(crate) struct Trials {
    known: Mutex<HashMap<Digest, Arc<OnceCell<Trial>>>>,
}

impl Trials {
    /// Where a lab version's trial is kept.
    pub(crate) fn of(&self, lab_version: Digest) -> Arc<OnceCell<Trial>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= TRIALS_MAX && !known.contains_key(&lab_version) {
            known.clear();
        }
        Arc::clone(known.entry(lab_version).or_default())
    }
}

/// Whether something in a judgement may be the lab's fault.
pub(crate) fn is_doubtful(steps: &[Step], judgement: &Judgement) -> bool {
    let mut pairs = steps.iter().zip(&judgement.steps);
    pairs.any(|(step, result)| lacks_report(step, result) || is_not_run(result))
}

/// Why the lab cannot work for anybody, if that is what came out.
pub(crate) fn broken(steps: &[Step], judgement: &Judgement, trial: &Trial) -> Option<String> {
    let results = judgement.steps.iter().zip(&trial.steps);
    steps
        .iter()
        .zip(results)
        .find_map(|(step, (learners, own))| {
            let name = &step.name;
            if lacks_report(step, learners) && lacks_report(step, own) && own.exit_code == Some(0) {
                let which = match &step.report {
                    ReportForm::Junit(file) => format!("the report {}", file.as_str()),
                    _ => "its report".to_owned(),
                };
                return Some(format!(
                    "step {name:?}: {which} does not appear even for the lab's own files"
                ));
            }
            if is_not_run(learners) && is_not_run(own) {
                let program = trial.not_found.first()?;
                return Some(format!(
                    "step {name:?}: the program {program} does not exist"
                ));
            }
            None
        })
}

fn lacks_report(step: &Step, result: &StepResult) -> bool {
    let ReportForm::Junit(file) = &step.report else {
        return false;
    };
    let reason = format!("the report {} {}", file.as_str(), NoReport::Missing);
    result.reason.as_ref() == Some(&reason)
}

fn is_not_run(result: &StepResult) -> bool {
    result.exit_code.is_some_and(|code| NOT_RUN.contains(&code))
}

/// The program that a line says is not found: one of the system's, since what lies in the tree is
/// named with its folder.
fn not_found(line: &str) -> Option<String> {
    let before = NOT_FOUND
        .iter()
        .find_map(|end| line.trim_end().strip_suffix(end))?;
    let program = before.rsplit(": ").next()?.trim();
    let is_plain = !program.is_empty() && !program.contains(['/', ' ']);
    is_plain.then(|| program.to_owned())
}

#[cfg(test)]
mod tests {
    use contract::result::Verdict;
    use lab::spec::parse;

    use super::*;

    fn steps(report: &str) -> Vec<Step> {
        let text = format!(
            "[lab]\nslug = \"a\"\n[[step]]\nname = \"s\"\nrun = \"x\"\nreport = \"{report}\""
        );
        parse("lab.toml", &text).unwrap().steps
    }

    fn judged(exit_code: i32, reason: &str) -> Judgement {
        let step = StepResult {
            strength: None,
            name: "s".to_owned(),
            passed: false,
            exit_code: Some(exit_code),
            signal: None,
            limit: None,
            wall_ms: 1,
            points: 0,
            points_max: 1,
            reason: Some(reason.to_owned()),
            tests: Vec::new(),
        };
        Judgement {
            verdict: Verdict::Fail,
            points: 0,
            points_max: 1,
            steps: vec![step],
            detail: None,
        }
    }

    #[test]
    fn only_what_no_learner_could_mend_makes_a_lab_broken() {
        const MISSING: &str = "the report r.xml is missing";
        let own = |code, reason, log: &str| Trial::of(judged(code, reason), log);
        for (learners, trial, is_broken) in [
            // The report never appears.
            (judged(0, MISSING), own(0, MISSING, ""), true),
            (judged(1, MISSING), own(0, MISSING, ""), true),
            // It does for the lab's own files; the learner spoilt it.
            (judged(1, MISSING), own(1, "1 of 2 tests", ""), false),
            // The lab's own files do not build: a learner's would.
            (judged(1, MISSING), own(1, MISSING, ""), false),
            // A program of the system is not there, or one that the learner should bring.
            (
                judged(127, "exit code 127"),
                own(127, "x", "sh: 1: py: not found"),
                true,
            ),
            (
                judged(127, "exit code 127"),
                own(127, "x", "sh: 1: ./a: not found"),
                false,
            ),
            (judged(127, "exit code 127"), own(127, "x", ""), false),
            (
                judged(127, "exit code 127"),
                own(1, "x", "sh: py: not found"),
                false,
            ),
        ] {
            let steps = steps("junit:r.xml");
            assert!(is_doubtful(&steps, &learners), "{learners:?}");
            let why = broken(&steps, &learners, &trial);
            assert_eq!(why.is_some(), is_broken, "{learners:?} {trial:?} {why:?}");
        }
    }

    #[test]
    fn an_ordinary_fail_raises_no_doubt() {
        for (report, result) in [
            ("junit:r.xml", judged(1, "1 of 2 tests did not pass: a")),
            ("junit:r.xml", judged(0, "the report r.xml ends too early")),
            ("exit-code", judged(2, "exit code 2")),
            ("tap", judged(0, "its report has no tests")),
        ] {
            assert!(!is_doubtful(&steps(report), &result), "{result:?}");
        }
    }

    #[test]
    fn the_shells_words_for_a_program_that_is_not_there() {
        for (line, program) in [
            ("sh: 1: pytest: not found", Some("pytest")),
            ("tests/run.sh: 3: npm: not found", Some("npm")),
            ("bash: line 1: pytest: command not found", Some("pytest")),
            ("sh: 1: ./calc: not found", None),
            ("/work/run.sh: 2: bin/calc: not found", None),
            ("not found", None),
            ("error: the test file was not found", None),
        ] {
            assert_eq!(not_found(line).as_deref(), program, "{line}");
        }
    }
}

//! Owns the judgement of the steps, and of the tests that they are to report.

use std::collections::HashSet;

use toml::Spanned;

use crate::bounds::{
    NAME_CHARS_MAX, POINTS_DEFAULT, POINTS_MAX, RUN_BYTES_MAX, STEPS_MAX, TEST_NAME_CHARS_MAX,
    TESTS_MAX,
};
use crate::mistake::Fault;
use crate::raw::{RawStep, RawVerify};
use crate::report::{BadReport, ReportForm};
use crate::spec::check::{check_name, check_patterns, check_range, values};
use crate::spec::{Executor, Step, StepKind};

pub(super) fn check_steps(
    executor: Executor,
    steps: Vec<Spanned<RawStep>>,
) -> Result<Vec<Step>, Fault> {
    if let (Executor::None, Some(step)) = (executor, steps.first()) {
        let reason = "a lab whose executor is \"none\" has nothing run";
        let advice = "leave the steps out, or the executor";
        return Err(Fault::new(step.span(), reason, advice));
    }
    if executor == Executor::Box && steps.is_empty() {
        let advice = "add at least one table [[step]] with name and run";
        return Err(Fault::new(0..0, "there is no [[step]]", advice));
    }
    if let Some(extra) = steps.get(STEPS_MAX) {
        let reason = format!("there are more than {STEPS_MAX} steps");
        return Err(Fault::new(extra.span(), reason, "join some of them"));
    }
    let mut names = HashSet::new();
    for name in steps.iter().map(|step| &step.get_ref().name) {
        if !names.insert(name.get_ref().trim()) {
            let reason = format!("two steps are called {:?}", name.get_ref());
            return Err(Fault::new(
                name.span(),
                reason,
                "give each a name of its own",
            ));
        }
    }
    steps
        .into_iter()
        .map(Spanned::into_inner)
        .map(check_step)
        .collect()
}

fn check_step(step: RawStep) -> Result<Step, Fault> {
    let points = match &step.points {
        None => POINTS_DEFAULT,
        Some(points) => check_range("points", "points", 0..=POINTS_MAX, points)?,
    };
    let name = check_name("name", &step.name, NAME_CHARS_MAX)?;
    let report = check_report(step.report.as_ref())?;
    let reads = step.reads.first().map(Spanned::span);
    let (kind, run) = match (step.run, step.judge) {
        (Some(run), None) => (StepKind::Run, check_command("run", run)?),
        (None, Some(judge)) => (StepKind::Judge, check_command("judge", judge)?),
        (Some(_), Some(judge)) => {
            let reason = "a step has either run or judge, not both";
            let advice = "make two steps of it: what runs the learner's code, then what judges";
            return Err(Fault::new(judge.span(), reason, advice));
        }
        (None, None) => {
            let reason = "the step has no command";
            let advice =
                "write run = \"sh tests/run.sh\", or judge for one that must not be forged";
            return Err(Fault::new(step.name.span(), reason, advice));
        }
    };
    match reads {
        Some(span) if kind == StepKind::Run => {
            let reason = "reads is only for a step that judges";
            let advice = "leave it out: a step that runs sees the whole tree";
            return Err(Fault::new(span, reason, advice));
        }
        _ => {}
    }
    Ok(Step {
        name,
        kind,
        report,
        points,
        expected_tests: values(step.expected_tests),
        reads: check_patterns("reads", step.reads)?,
        run,
    })
}

fn check_command(key: &str, command: Spanned<String>) -> Result<String, Fault> {
    let text = command.get_ref();
    if text.trim().is_empty() {
        let advice = "write the command, such as \"sh tests/run.sh\"";
        return Err(Fault::new(
            command.span(),
            format!("{key} is empty"),
            advice,
        ));
    }
    if text.len() > RUN_BYTES_MAX || text.contains('\0') {
        let reason = format!("{key} is longer than {RUN_BYTES_MAX} bytes or holds a NUL");
        return Err(Fault::new(command.span(), reason, "put it into a script"));
    }
    Ok(command.into_inner())
}

/// The rules over all lists of expected tests together.
pub(super) fn check_tests(verify: &RawVerify, steps: &[Spanned<RawStep>]) -> Result<(), Fault> {
    let of_steps = steps.iter().flat_map(|step| &step.get_ref().expected_tests);
    let mut seen = HashSet::new();
    for test in verify.expected_tests.iter().chain(of_steps) {
        let name = check_name("expected test", test, TEST_NAME_CHARS_MAX)?;
        if !seen.insert(name) {
            let reason = format!("test {:?} is expected twice", test.get_ref());
            return Err(Fault::new(test.span(), reason, "name each test once"));
        }
        if seen.len() > TESTS_MAX {
            let reason = format!("there are more than {TESTS_MAX} expected tests");
            return Err(Fault::new(test.span(), reason, "shorten the lists"));
        }
    }
    // A form that does not read is found later, with a better reason.
    let names_tests = |step: &Spanned<RawStep>| {
        let report = step.get_ref().report.as_ref();
        report.is_some_and(|form| form.get_ref() != "exit-code")
    };
    let unreported = |test: &Spanned<String>| {
        let reason = "tests are expected, but exit-code reports none";
        let advice = "give the step report = \"junit:report.xml\" or \"tap\"";
        Fault::new(test.span(), reason, advice)
    };
    let silent = steps.iter().filter(|step| !names_tests(step));
    let mut orphans = silent.flat_map(|step| &step.get_ref().expected_tests);
    if let Some(test) = orphans.next() {
        return Err(unreported(test));
    }
    match verify.expected_tests.first() {
        Some(test) if !steps.is_empty() && !steps.iter().any(names_tests) => Err(unreported(test)),
        _ => Ok(()),
    }
}

fn check_report(form: Option<&Spanned<String>>) -> Result<ReportForm, Fault> {
    let Some(form) = form else {
        return Ok(ReportForm::ExitCode);
    };
    form.get_ref().parse().map_err(|bad: BadReport| {
        let advice = match &bad {
            BadReport::Unknown(_) => "write \"junit:<path>\", \"tap\" or \"exit-code\"",
            BadReport::Path(_) => "write a path inside the tree, such as \"junit:report.xml\"",
        };
        Fault::new(form.span(), bad, advice)
    })
}

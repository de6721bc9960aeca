//! Owns the judgement: from how each step ended and what it reported to verdict, tests and
//! points. No IO, no clock.
//!
//! A step passes when it exits with 0, no limit or signal stopped it, its report is whole, and
//! every test that it answers for is reported once and passed. Points go by tests: the step's
//! points times passed over expected, rounded down. A test that was expected and never reported
//! has failed; one that nobody expects, or that is reported twice, fails the run and costs its
//! step's points, because then the report is not the lab's. A skipped test has not passed, and no
//! test at all is never a pass.

use contract::result::{StepResult, TestOutcome, TestResult, Verdict};
use lab::spec::{LabSpec, Step};

use crate::limit::Limit;
use report::harmless::{self, REASON_CHARS_MAX};
use report::reported::{Report, Reported};

mod account;

use account::{Account, Accounts};

/// Most messages of tests that one step keeps.
const MESSAGES_MAX: usize = 100;
/// What is said of a test that never came.
const NOT_REPORTED: &str = "expected, but not reported";
/// Most tests that a reason names.
const NAMED_MAX: usize = 5;

/// What is known of a step when its box is gone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evidence {
    /// How it ended.
    pub ending: Ending,
    /// Wall time in milliseconds.
    pub wall_ms: u64,
    /// What it reported.
    pub reported: Reported,
}

/// How a step's box ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ending {
    /// The exit code, if it exited by itself.
    pub exit_code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// The limit that stopped it.
    pub limit: Option<Limit>,
}

impl Ending {
    fn is_clean(self) -> bool {
        self.exit_code == Some(0) && self.signal.is_none() && self.limit.is_none()
    }
}

/// How a run came out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judgement {
    /// [`Verdict::Pass`] or [`Verdict::Fail`].
    pub verdict: Verdict,
    /// Points earned by all steps.
    pub points: u32,
    /// Points to be had.
    pub points_max: u32,
    /// Each step, in the lab's order.
    pub steps: Vec<StepResult>,
    /// The first reason not to pass, with its step.
    pub detail: Option<String>,
}

/// Judges a run. `evidence` has one item for each of the lab's steps.
pub fn judge(spec: &LabSpec, evidence: &[Evidence]) -> Judgement {
    let mut accounts = Accounts::new(spec);
    let pairs: Vec<_> = spec.steps.iter().zip(evidence).collect();
    for (index, (_, evidence)) in pairs.iter().enumerate() {
        if let Reported::Tests(report) = &evidence.reported {
            accounts.enter(index, report);
        }
    }
    let accounts = accounts.close(evidence);
    let steps: Vec<_> = pairs
        .into_iter()
        .zip(accounts)
        .map(|((step, evidence), account)| judge_step(spec, step, evidence, account))
        .collect();
    let passed = steps.len() == spec.steps.len() && steps.iter().all(|step| step.passed);
    let detail = steps.iter().find_map(|step| {
        let reason = step.reason.as_ref()?;
        Some(harmless::line(
            &format!("{}: {reason}", step.name),
            REASON_CHARS_MAX,
        ))
    });
    Judgement {
        verdict: if passed { Verdict::Pass } else { Verdict::Fail },
        points: steps.iter().map(|step| step.points).sum(),
        points_max: spec.points_max(),
        steps,
        detail,
    }
}

fn judge_step(spec: &LabSpec, step: &Step, evidence: &Evidence, account: Account) -> StepResult {
    let reason = reason(spec, evidence, &account);
    StepResult {
        name: step.name.clone(),
        strength: Some(step.strength()),
        passed: reason.is_none(),
        exit_code: evidence.ending.exit_code,
        signal: evidence.ending.signal,
        limit: evidence.ending.limit.map(|limit| limit.to_string()),
        wall_ms: evidence.wall_ms,
        points: points(step, evidence, &account, reason.is_none()),
        points_max: step.points,
        reason,
        tests: shortened(account.tests),
    }
}

/// Why the step did not pass, the cause before its effects.
fn reason(spec: &LabSpec, evidence: &Evidence, account: &Account) -> Option<String> {
    let Evidence {
        ending, reported, ..
    } = evidence;
    let stopped = ending.limit.map(|limit| limit.sentence(&spec.limits));
    let killed = || {
        ending
            .signal
            .map(|signal| format!("ended by signal {signal}"))
    };
    let reported = || match reported {
        Reported::Unreadable(why) => Some(why.clone()),
        Reported::Tests(report) => account.fault.clone().or_else(|| problem(report)),
        Reported::Nothing => None,
    };
    let exited = || match ending.exit_code {
        Some(0) => None,
        Some(code) => Some(format!("exit code {code}")),
        None => Some("ended without an exit code".into()),
    };
    let reason = stopped
        .or_else(killed)
        .or_else(reported)
        .or_else(|| failed(account))
        .or_else(exited)?;
    Some(harmless::line(&reason, REASON_CHARS_MAX))
}

fn problem(report: &Report) -> Option<String> {
    let problem = report
        .problem
        .as_ref()
        .map(|problem| format!("its report {problem}"));
    problem.or_else(|| {
        let empty = report.tests.is_empty();
        empty.then(|| "its report has no tests".into())
    })
}

fn failed(account: &Account) -> Option<String> {
    let failed: Vec<_> = account
        .tests
        .iter()
        .filter(|test| test.outcome != TestOutcome::Passed)
        .map(|test| test.name.as_str())
        .collect();
    let (count, total) = (failed.len(), account.total);
    match failed.get(..NAMED_MAX) {
        _ if failed.is_empty() && account.missing == 0 => None,
        // Expected tests that another step's account lists were never reported.
        _ if failed.is_empty() => Some(format!("{} expected tests are missing", account.missing)),
        Some(named) if count > NAMED_MAX => {
            let named = named.join(", ");
            Some(format!("{count} of {total} tests did not pass: {named}, …"))
        }
        _ => Some(format!(
            "{count} of {total} tests did not pass: {}",
            failed.join(", ")
        )),
    }
}

fn points(step: &Step, evidence: &Evidence, account: &Account, passed: bool) -> u32 {
    if passed {
        return step.points;
    }
    let Reported::Tests(report) = &evidence.reported else {
        return 0;
    };
    // Without a list of what to expect, only a whole report says how many tests there were, and
    // nobody can tell which were left out when the step broke off.
    let ending = evidence.ending;
    let broke_off = report.problem.is_some()
        || ending.exit_code.is_none()
        || !ending.is_clean() && account.passed == account.total;
    if account.fault.is_some() || account.total == 0 || !account.listed && broke_off {
        return 0;
    }
    let share = u64::from(step.points) * account.passed as u64 / account.total as u64;
    u32::try_from(share).expect("a share is never more than the step's points")
}

/// Drops the messages that a row need not carry: those of tests that passed, and the tail of many.
fn shortened(mut tests: Vec<TestResult>) -> Vec<TestResult> {
    let mut kept = 0;
    for test in &mut tests {
        if test.outcome == TestOutcome::Passed || kept == MESSAGES_MAX {
            test.message = None;
        } else if test.message.is_some() {
            kept += 1;
        }
    }
    tests
}

/// The steps without what reports said of tests: that quotes the learner's program, may name
/// somebody, and is kept with the log. What we said ourselves stays.
pub(crate) fn without_quotes(mut steps: Vec<StepResult>) -> Vec<StepResult> {
    let tests = steps.iter_mut().flat_map(|step| &mut step.tests);
    for test in tests {
        test.message = test.message.take().filter(|said| said == NOT_REPORTED);
    }
    steps
}

#[cfg(test)]
mod tests;

//! Owns the account of tests: who expects which, who reported which, what is missing.

use std::collections::HashMap;

use contract::result::{TestOutcome, TestResult};
use lab::spec::LabSpec;

use crate::judge::{Evidence, NOT_REPORTED};
use report::reported::{Report, Reported, ReportedTest};

/// One step's tests.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Account {
    /// Reported ones in the report's order, then those that never came.
    pub(super) tests: Vec<TestResult>,
    /// How many of them count as passed.
    pub(super) passed: usize,
    /// How many the step answers for.
    pub(super) total: usize,
    /// How many of those were never reported.
    pub(super) missing: usize,
    /// Whether the lab lists which tests to expect.
    pub(super) listed: bool,
    /// The first test that nobody expects here, or that is there twice.
    pub(super) fault: Option<String>,
}

/// The accounts of all steps, while reports are entered.
pub(super) struct Accounts<'a> {
    spec: &'a LabSpec,
    expected: HashMap<&'a str, Expected>,
    accounts: Vec<Account>,
}

struct Expected {
    /// The step that answers for it; any, when the lab does not say.
    owner: Option<usize>,
    /// Where it was reported: step and place in its account.
    seen: Option<(usize, usize)>,
}

impl<'a> Accounts<'a> {
    pub(super) fn new(spec: &'a LabSpec) -> Self {
        let shared = spec.verify.expected_tests.iter().map(|name| (None, name));
        let owned = spec.steps.iter().enumerate().flat_map(|(index, step)| {
            let names = step.expected_tests.iter();
            names.map(move |name| (Some(index), name))
        });
        let expected = shared.chain(owned).map(|(owner, name)| {
            let seen = None;
            (name.as_str(), Expected { owner, seen })
        });
        let accounts = spec.steps.iter().map(|step| Account {
            listed: !step.expected_tests.is_empty() || !spec.verify.expected_tests.is_empty(),
            ..Account::default()
        });
        Self {
            spec,
            expected: expected.collect(),
            accounts: accounts.collect(),
        }
    }

    /// Enters a step's report.
    pub(super) fn enter(&mut self, step: usize, report: &Report) {
        if self.accounts[step].listed {
            for test in &report.tests {
                self.enter_expected(step, test);
            }
        } else {
            self.enter_unlisted(step, report);
        }
    }

    /// A test is called by its name, or with its class before it where the lab expects it so.
    fn enter_expected(&mut self, step: usize, test: &ReportedTest) {
        let qualified = test.qualified.as_deref();
        let name = qualified
            .filter(|name| self.expected.contains_key(name))
            .unwrap_or(&test.name);
        let place = self.accounts[step].tests.len();
        self.accounts[step].tests.push(result(name, test));
        let fault = match self.expected.get_mut(name) {
            None => Some(format!("reported a test that is not expected: {name}")),
            Some(expected) if expected.owner.is_some_and(|owner| owner != step) => Some(format!(
                "reported a test that another step answers for: {name}"
            )),
            Some(expected) => {
                let before = expected.seen.replace((step, place));
                before.map(|_| format!("reported a test twice: {name}"))
            }
        };
        if fault.is_some() {
            let account = &mut self.accounts[step];
            account.fault = account.fault.take().or(fault);
        }
    }

    /// Without a list every test counts; those that share a name are told apart by their class.
    fn enter_unlisted(&mut self, step: usize, report: &Report) {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for test in &report.tests {
            *counts.entry(&test.name).or_default() += 1;
        }
        let account = &mut self.accounts[step];
        for test in &report.tests {
            let shared = counts[test.name.as_str()] > 1;
            let qualified = test.qualified.as_deref().filter(|_| shared);
            let name = qualified.unwrap_or(&test.name);
            account.tests.push(result(name, test));
        }
        account.total = report.tests.len().max(report.planned.unwrap_or_default());
    }

    /// Enters what is missing and counts.
    pub(super) fn close(mut self, evidence: &[Evidence]) -> Vec<Account> {
        let answering = self.answering_for_shared();
        let first = first_broken(&answering, evidence).or(answering.first().copied());
        for name in self.spec.expected_tests() {
            let expected = &self.expected[name];
            let steps: &[usize] = match (expected.seen, expected.owner.as_ref()) {
                (Some((step, _)), _) => {
                    self.accounts[step].total += 1;
                    continue;
                }
                (None, Some(owner)) => std::slice::from_ref(owner),
                (None, None) => &answering,
            };
            for &step in steps {
                self.accounts[step].total += 1;
                self.accounts[step].missing += 1;
            }
            if let Some(step) = expected.owner.or(first) {
                self.accounts[step].tests.push(missing(name));
            }
        }
        for account in &mut self.accounts {
            let passed = |test: &&TestResult| test.outcome == TestOutcome::Passed;
            account.passed = account.tests.iter().filter(passed).count();
        }
        self.accounts
    }

    /// The steps that answer for tests of the shared list which nobody reported.
    fn answering_for_shared(&self) -> Vec<usize> {
        let steps = || self.spec.steps.iter().enumerate();
        let reporting = || steps().filter(|(_, step)| step.report.names_tests());
        let unowned = reporting().filter(|(_, step)| step.expected_tests.is_empty());
        let unowned: Vec<_> = unowned.map(|(index, _)| index).collect();
        if unowned.is_empty() {
            reporting().map(|(index, _)| index).collect()
        } else {
            unowned
        }
    }
}

/// The first of the steps whose report is not whole: a missing test is most likely its.
fn first_broken(steps: &[usize], evidence: &[Evidence]) -> Option<usize> {
    let broken = |step: &usize| match evidence.get(*step).map(|e| &e.reported) {
        Some(Reported::Tests(report)) => report.problem.is_some(),
        _ => true,
    };
    steps.iter().copied().find(broken)
}

fn result(name: &str, test: &ReportedTest) -> TestResult {
    TestResult {
        name: name.to_owned(),
        outcome: test.outcome,
        duration_ms: test.duration_ms,
        message: test.message.clone(),
    }
}

fn missing(name: &str) -> TestResult {
    TestResult {
        name: name.to_owned(),
        outcome: TestOutcome::Failed,
        duration_ms: None,
        message: Some(NOT_REPORTED.into()),
    }
}

//! Owns the reading of TAP 13 and 14 from a step's standard output.
//!
//! Lines that are no TAP are left out, as the specification asks (<https://testanything.org>).
//! Subtests of TAP 14 are summed up by their parent's line: what did not pass in them becomes its
//! message. Only a plan says that nothing is missing: without one the report has a problem.

use std::collections::HashSet;

use contract::result::TestOutcome;

use crate::harmless::{self, MESSAGE_CHARS_MAX, NAME_CHARS_MAX, REASON_CHARS_MAX};
use crate::reported::{Report, ReportedTest, TESTS_MAX};

/// Most subtests that a message names.
const SUBTESTS_NAMED_MAX: usize = 5;

/// Reads what a step printed. Never fails: what is wrong is the report's problem.
pub fn read(stdout: &[u8]) -> Report {
    let text = String::from_utf8_lossy(stdout);
    let mut state = State::default();
    for line in text.lines() {
        if !state.take(line) {
            break;
        }
    }
    state.finish()
}

#[derive(Default)]
struct State {
    report: Report,
    numbers: HashSet<usize>,
    /// The lines of the diagnostic block that is open.
    block: Option<String>,
    /// The subtests that did not pass since the last test's line.
    failed_within: Vec<String>,
}

impl State {
    /// Takes one line; `false` when nothing after it counts.
    fn take(&mut self, line: &str) -> bool {
        if self.take_block(line) {
            return true;
        }
        // In a subtest it ends the whole as well.
        if let Some(reason) = line.trim_start().strip_prefix("Bail out!") {
            let reason = harmless::line(reason, REASON_CHARS_MAX);
            self.problem(format!("bailed out: {reason}"));
            return false;
        }
        if line.starts_with([' ', '\t']) {
            self.take_within(line.trim_start());
        } else if let Some(plan) = line.strip_prefix("1..") {
            self.take_plan(plan);
        } else if let Some(rest) = result(line, "not ok") {
            self.take_test(TestOutcome::Failed, rest);
        } else if let Some(rest) = result(line, "ok") {
            self.take_test(TestOutcome::Passed, rest);
        }
        true
    }

    /// Takes a line of a diagnostic block: YAML, indented by two blanks, after a test's line.
    fn take_block(&mut self, line: &str) -> bool {
        let indented = line.strip_prefix("  ");
        match (&mut self.block, indented) {
            (None, Some("---")) if !self.report.tests.is_empty() => {
                self.block = Some(String::new());
                true
            }
            (Some(_), Some("...")) | (Some(_), None) => {
                let said =
                    harmless::lines(&self.block.take().unwrap_or_default(), MESSAGE_CHARS_MAX);
                if let Some(test) = self.report.tests.last_mut()
                    && !said.is_empty()
                {
                    test.message = Some(said);
                }
                indented.is_some()
            }
            (Some(said), Some(line)) => {
                if said.len() <= MESSAGE_CHARS_MAX * 4 {
                    said.push_str(line);
                    said.push('\n');
                }
                true
            }
            (None, _) => false,
        }
    }

    /// Takes a line of a subtest.
    fn take_within(&mut self, line: &str) {
        let Some(rest) = result(line, "not ok") else {
            return;
        };
        let (description, directive) = split_directive(unnumbered(rest).1);
        if directive.is_none() && self.failed_within.len() < SUBTESTS_NAMED_MAX {
            self.failed_within.push(named(description));
        }
    }

    fn take_plan(&mut self, plan: &str) {
        let digits = plan.split(|c: char| !c.is_ascii_digit()).next();
        match digits.unwrap_or_default().parse() {
            Ok(0) if self.report.planned.is_none() => {
                self.report.planned = Some(0);
                if let (_, Some((Directive::Skip, why))) = split_directive(plan) {
                    let why = harmless::line(why, REASON_CHARS_MAX);
                    self.problem(format!("skipped all its tests: {why}"));
                }
            }
            Ok(_) if self.report.planned.is_some() => self.problem("has two plans".into()),
            Ok(planned) => self.report.planned = Some(planned),
            Err(_) => self.problem("has a plan that does not read".into()),
        }
    }

    fn take_test(&mut self, outcome: TestOutcome, rest: &str) {
        if self.report.tests.len() == TESTS_MAX {
            self.problem(format!("has more than {TESTS_MAX} tests"));
            return;
        }
        let failed_within = std::mem::take(&mut self.failed_within);
        let (number, description) = unnumbered(rest);
        let number = number.unwrap_or(self.report.tests.len() + 1);
        if !self.numbers.insert(number) {
            self.problem(format!("has two tests with the number {number}"));
        }
        let (description, directive) = split_directive(description);
        let name = named(description);
        let name = if name.is_empty() {
            format!("test {number}")
        } else {
            name
        };
        let (outcome, message) = match directive {
            Some((Directive::Skip, why)) => (TestOutcome::Skipped, why),
            // What is still to be done did not hold, even though nobody is alarmed by it.
            Some((Directive::Todo, why)) if outcome == TestOutcome::Failed => {
                (TestOutcome::Skipped, why)
            }
            _ => (outcome, ""),
        };
        let message = match outcome {
            TestOutcome::Failed if !failed_within.is_empty() => {
                format!("did not pass: {}", failed_within.join(", "))
            }
            _ => harmless::line(message, MESSAGE_CHARS_MAX),
        };
        self.report.tests.push(ReportedTest {
            name,
            qualified: None,
            outcome,
            duration_ms: None,
            message: Some(message).filter(|message| !message.is_empty()),
        });
    }

    fn problem(&mut self, problem: String) {
        self.report.problem.get_or_insert(problem);
    }

    fn finish(mut self) -> Report {
        self.take_block("");
        let count = self.report.tests.len();
        match self.report.planned {
            None if count == 0 => self.problem("printed no TAP".into()),
            None => self.problem("ended without a plan (1..N)".into()),
            Some(planned) if planned != count => {
                self.problem(format!("planned {planned} tests and reported {count}"));
            }
            Some(planned) => {
                if self
                    .numbers
                    .iter()
                    .any(|number| !(1..=planned).contains(number))
                {
                    self.problem(format!("has a test with a number outside 1..{planned}"));
                }
            }
        }
        self.report
    }
}

/// What follows `word` in a test's line, without the blanks between.
fn result<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(word)?;
    match rest.chars().next() {
        None => Some(rest),
        Some(c) if c.is_whitespace() => Some(rest.trim_start()),
        Some(_) => None,
    }
}

/// A test's number, if its line has one, and what follows it.
fn unnumbered(rest: &str) -> (Option<usize>, &str) {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, description) = rest.split_at(digits);
    let number = (digits > 0).then(|| number.parse().unwrap_or(usize::MAX));
    (number, description)
}

/// A description as a name.
fn named(description: &str) -> String {
    let description = description.trim();
    let description = description.strip_prefix('-').unwrap_or(description);
    harmless::line(&unescape(description), NAME_CHARS_MAX)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Directive {
    Skip,
    Todo,
}

/// Splits `description # SKIP why` at the first `#` that is not escaped and begins a directive.
fn split_directive(text: &str) -> (&str, Option<(Directive, &str)>) {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == '#' && !escaped {
            let rest = text[at + 1..].trim_start();
            for (word, directive) in [("skip", Directive::Skip), ("todo", Directive::Todo)] {
                let Some((head, why)) = rest.split_at_checked(word.len()) else {
                    continue;
                };
                if head.eq_ignore_ascii_case(word) {
                    // `# SKIPPED: why` is seen as well.
                    let why = why.trim_start_matches(|c: char| c.is_alphanumeric() || c == ':');
                    return (&text[..at], Some((directive, why.trim())));
                }
            }
        }
        escaped = c == '\\' && !escaped;
    }
    (text, None)
}

/// TAP 14 writes `\#` for `#` and `\\` for `\`.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let escaped = rest.next_if(|&next| c == '\\' && matches!(next, '#' | '\\'));
        plain.push(escaped.unwrap_or(c));
    }
    plain
}

#[cfg(test)]
mod tests;

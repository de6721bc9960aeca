//! Owns what must hold for any report of a test runner: it is read or refused, what is kept of it
//! is harmless and within its caps, and it is the same each time.

use report::harmless::{self, MESSAGE_CHARS_MAX, NAME_CHARS_MAX, REASON_CHARS_MAX};
use report::reported::{Report, TESTS_MAX};
use report::{junit, tap};

/// Any bytes as a JUnit report.
pub(crate) fn report_junit(bytes: &[u8]) {
    if let Ok(report) = junit::read(bytes) {
        sound(&report);
        let again = junit::read(bytes).expect("it was read before");
        assert_eq!(report, again);
    }
}

/// Any bytes as what a step printed in TAP.
pub(crate) fn report_tap(bytes: &[u8]) {
    let report = tap::read(bytes);
    sound(&report);
    assert_eq!(report, tap::read(bytes));
    if report.problem.is_none() {
        let count = report.tests.len();
        assert_eq!(report.planned, Some(count), "a whole report has its plan");
    }
    clean(&harmless::log(bytes), usize::MAX);
}

fn sound(report: &Report) {
    assert!(report.tests.len() <= TESTS_MAX);
    for test in &report.tests {
        assert!(!test.name.is_empty(), "every test has a name");
        line(&test.name, NAME_CHARS_MAX);
        test.qualified
            .iter()
            .for_each(|name| line(name, NAME_CHARS_MAX));
        let messages = test.message.iter();
        messages.for_each(|message| clean(message, MESSAGE_CHARS_MAX));
    }
    // Our own words come before a reason.
    let words = 100;
    let problems = report.problem.iter();
    problems.for_each(|problem| line(problem, REASON_CHARS_MAX + words));
}

fn line(text: &str, chars_max: usize) {
    assert!(!text.contains(['\n', '\t']), "a line is one: {text:?}");
    clean(text, chars_max);
}

fn clean(text: &str, chars_max: usize) {
    assert!(text.chars().count() <= chars_max, "a text has its cap");
    let harms = |c: char| {
        let control = c.is_control() && c != '\n' && c != '\t';
        control || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(harms), "a text is harmless: {text:?}");
}

//! Owns the log of a run: what its steps printed, made harmless, capped, with what was cut stated.
//! No line of a step can pass for one of ours.

use std::borrow::Cow;

use contract::result::StepResult;
use lab::spec::Limits;

use crate::judge::Ending;
use crate::limit::Limit;
use report::harmless;

/// Longest log, in bytes, but for our own lines.
const LOG_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What our own lines begin with; a step's that begin so get a blank before.
const OURS: [&str; 3] = ["== ", "-- ", "!! "];

/// The output of all steps, as it is kept.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    text: String,
    kept: usize,
}

impl Journal {
    /// Notes something of our own.
    pub(crate) fn note(&mut self, line: &str) {
        self.text.push_str("!! ");
        self.text.push_str(&harmless::line(line, LOG_BYTES_MAX));
        self.text.push('\n');
    }

    /// A step begins.
    pub(crate) fn begin(&mut self, name: &str) {
        self.text.push_str(&format!("== {name} ==\n"));
    }

    /// A step has ended.
    pub(crate) fn end(&mut self, output: &[u8], ending: Ending, wall_ms: u64, limits: &Limits) {
        let printed = printed(output);
        let room = LOG_BYTES_MAX - self.kept;
        let ends = (0..=room.min(printed.len())).rev();
        let end = ends.into_iter().find(|&end| printed.is_char_boundary(end));
        let kept = &printed[..end.unwrap_or(0)];
        self.kept += kept.len();
        self.text.push_str(kept);
        if !kept.is_empty() && !kept.ends_with('\n') {
            self.text.push('\n');
        }
        let cut = printed.len() - kept.len();
        if cut > 0 {
            let max = LOG_BYTES_MAX;
            self.note(&format!("cut {cut} bytes: a log holds {max} at most"));
        }
        if ending.limit == Some(Limit::Output) {
            let max = limits.output_kib;
            self.note(&format!("cut here: no more than {max} KiB are taken"));
        }
        let end = sentence(ending, limits);
        self.text
            .push_str(&format!("-- {end} after {wall_ms} ms --\n"));
    }

    /// What a step's report said of tests: it quotes what the learner's program printed, so it is
    /// kept here, where it can be removed, and not in the row.
    pub(crate) fn tests(&mut self, step: &StepResult) {
        for test in &step.tests {
            if let Some(said) = &test.message {
                let outcome = test.outcome.as_str();
                self.note(&format!("{}: {}: {outcome}: {said}", step.name, test.name));
            }
        }
    }

    /// The whole text.
    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

/// How a step ended, in a few words.
pub(crate) fn sentence(ending: Ending, limits: &Limits) -> String {
    match (ending.limit, ending.signal, ending.exit_code) {
        (Some(limit), ..) => limit.sentence(limits),
        (None, Some(signal), _) => format!("ended by signal {signal}"),
        (None, None, Some(code)) => format!("exit code {code}"),
        (None, None, None) => "not run".into(),
    }
}

/// What a step printed, harmless, and no line of it like one of ours.
pub(crate) fn printed(output: &[u8]) -> String {
    let text = harmless::log(output);
    let mut printed = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        printed.push_str(&theirs(line));
    }
    printed
}

fn theirs(line: &str) -> Cow<'_, str> {
    if OURS.iter().any(|ours| line.starts_with(ours)) {
        Cow::Owned(format!(" {line}"))
    } else {
        Cow::Borrowed(line)
    }
}

#[cfg(test)]
mod tests {
    use contract::result::{TestOutcome, TestResult};

    use super::*;

    const EXITED: Ending = Ending {
        exit_code: Some(0),
        signal: None,
        limit: None,
    };

    #[test]
    fn no_line_of_a_step_passes_for_one_of_ours() {
        let mut journal = Journal::default();
        journal.begin("unit");
        let forged = b"ok\n== other ==\n-- exit code 0 after 1 ms --\n!! all is well";
        journal.end(forged, EXITED, 7, &Limits::default());
        assert_eq!(
            journal.into_text(),
            "== unit ==\nok\n == other ==\n -- exit code 0 after 1 ms --\n !! all is well\n\
             -- exit code 0 after 7 ms --\n"
        );
    }

    #[test]
    fn what_a_report_said_of_a_test_is_a_line_of_ours() {
        let mut journal = Journal::default();
        let test = |name: &str, message: Option<&str>| TestResult {
            name: name.to_owned(),
            outcome: TestOutcome::Failed,
            duration_ms: None,
            message: message.map(str::to_owned),
        };
        journal.tests(&StepResult {
            name: "unit".to_owned(),
            strength: None,
            passed: false,
            exit_code: Some(1),
            signal: None,
            limit: None,
            wall_ms: 1,
            points: 0,
            points_max: 1,
            reason: None,
            tests: vec![test("adds", Some("gives 1")), test("subtracts", None)],
        });
        assert_eq!(journal.into_text(), "!! unit: adds: failed: gives 1\n");
    }

    #[test]
    fn what_was_cut_is_stated() {
        let limits = Limits::default();
        let mut journal = Journal::default();
        let much = vec![b'a'; LOG_BYTES_MAX];
        journal.end(&much, EXITED, 1, &limits);
        let stopped = Ending {
            limit: Some(Limit::Output),
            ..Ending::default()
        };
        journal.end("é more".as_bytes(), stopped, 1, &limits);
        let text = journal.into_text();
        assert!(text.len() < LOG_BYTES_MAX + 500, "{}", text.len());
        assert!(text.contains("!! cut 7 bytes: a log holds"));
        assert!(text.contains("!! cut here: no more than 1024 KiB"));
        assert!(text.ends_with("-- stopped at the limit of 1024 KiB of output after 1 ms --\n"));
    }
}

//! Owns how a run that is followed looks on a terminal.

use contract::live::LiveEvent;

use crate::say::{say, text};

/// Writes what happens in a run, as it happens.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    is_within_line: bool,
}

impl Teller {
    /// Writes one event.
    pub(crate) fn tell(&mut self, event: &LiveEvent) {
        match event {
            LiveEvent::StepBegan { name, .. } => {
                self.end_line();
                say!("== {name} ==");
            }
            LiveEvent::Printed {
                text: printed,
                missed_bytes,
            } => {
                text(printed);
                if !printed.is_empty() {
                    self.is_within_line = !printed.ends_with('\n');
                }
                if *missed_bytes > 0 {
                    self.note(&format!("{missed_bytes} bytes were not told: see the log"));
                }
            }
            LiveEvent::StepEnded { .. } => {
                self.end_line();
                say!("-- {} --", ending(event));
            }
        }
    }

    /// Writes something of our own.
    pub(crate) fn note(&mut self, note: &str) {
        self.end_line();
        say!("!! {note}");
    }

    fn end_line(&mut self) {
        if std::mem::take(&mut self.is_within_line) {
            say!();
        }
    }
}

fn ending(event: &LiveEvent) -> String {
    let LiveEvent::StepEnded {
        exit_code,
        signal,
        limit,
        wall_ms,
        ..
    } = event
    else {
        return String::new();
    };
    let how = match (limit, signal, exit_code) {
        (Some(limit), ..) => format!("stopped at the limit {limit}"),
        (None, Some(signal), _) => format!("ended by signal {signal}"),
        (None, None, Some(code)) => format!("exit code {code}"),
        (None, None, None) => "not run".to_owned(),
    };
    format!("{how} after {wall_ms} ms")
}

//! Owns the mistake that a lab's author reads: where it is, what is wrong, what to do.

use std::fmt;
use std::ops::Range;

use thiserror::Error;

/// One mistake in a `lab.toml`.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{file}:{line}:{column}: {reason}; {advice}")]
pub struct Mistake {
    /// The file, as the caller named it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub reason: String,
    /// What to do about it.
    pub advice: String,
}

/// What is wrong at a place in the text that is not worked out yet.
#[derive(Debug)]
pub(crate) struct Fault {
    span: Range<usize>,
    reason: String,
    advice: String,
}

impl Fault {
    pub(crate) fn new(
        span: Range<usize>,
        reason: impl fmt::Display,
        advice: impl fmt::Display,
    ) -> Self {
        Self {
            span,
            reason: reason.to_string(),
            advice: advice.to_string(),
        }
    }

    /// Works out the line and the column.
    pub(crate) fn locate(self, file: &str, text: &str) -> Mistake {
        let before = text.get(..self.span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Mistake {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            reason: self.reason,
            advice: self.advice,
        }
    }
}

/// Turns what the TOML reader says into words that need no knowledge of this program.
pub(crate) fn of_toml(error: &toml::de::Error) -> Fault {
    let message = error.message().trim();
    let advice = if message.starts_with("unknown field") {
        "remove the key or write one of those that exist"
    } else if message.starts_with("invalid type") || message.starts_with("invalid value") {
        "write a value of the type that is expected"
    } else if message.starts_with("missing field") {
        "add the key to this table"
    } else if message.starts_with("duplicate") {
        "keep one of the two"
    } else {
        "correct the TOML"
    };
    let reason = message
        .replace("unknown field", "unknown key")
        .replace("missing field", "missing key")
        .replace("invalid type", "wrong type")
        .replace("expected i64", "expected a whole number")
        .replace("expected u64", "expected a whole number")
        .replace("expected a sequence", "expected a list")
        .replace('\n', ", ");
    Fault::new(error.span().unwrap_or(0..0), reason, advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_characters_from_one() {
        let text = "é = 1\nzwei = ü\n";
        for (at, line, column) in [(0, 1, 1), (3, 1, 3), (7, 2, 1), (14, 2, 8), (999, 3, 1)] {
            let mistake = Fault::new(at..at, "r", "a").locate("lab.toml", text);
            assert_eq!((mistake.line, mistake.column), (line, column), "{at}");
        }
    }
}

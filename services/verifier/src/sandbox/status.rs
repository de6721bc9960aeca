//! Owns what bubblewrap says of a box: JSON documents, one a line.

use serde::Deserialize;

/// Longest status that is read, in bytes: bubblewrap's two lines are far shorter.
pub(super) const STATUS_BYTES_MAX: u64 = 4_096;

/// One line of the status.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub(super) struct Line {
    /// The box's first process, as the machine numbers it.
    #[serde(rename = "child-pid")]
    pub(super) first_process: Option<i32>,
    /// What the first process exited with; there only if it was started at all.
    #[serde(rename = "exit-code")]
    pub(super) exit_code: Option<i32>,
}

/// Reads one line; what does not read says nothing.
pub(super) fn line(text: &str) -> Line {
    serde_json::from_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lines_are_read_and_others_say_nothing() {
        for (text, first_process, exit_code) in [
            (
                r#"{ "child-pid": 77, "net-namespace": 4026532179 }"#,
                Some(77),
                None,
            ),
            (r#"{ "exit-code": 7 }"#, None, Some(7)),
            ("", None, None),
            ("{", None, None),
        ] {
            let expected = Line {
                first_process,
                exit_code,
            };
            assert_eq!(line(text), expected, "{text}");
        }
    }
}

//! Owns log files of programs that are started: opened for appending, kept small, read back when something
//! fails.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::{ServerError, file};

/// A log larger than this at a start is put aside (once: `.old` is overwritten), in bytes.
const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How much of the end of a log is read for an error, in bytes.
const TAIL_BYTES_MAX: u64 = 8 * 1024;
/// How many lines of it are shown.
const TAIL_LINES_MAX: usize = 15;

/// Opens a log for appending.
pub(crate) fn open(path: &Path) -> Result<File, ServerError> {
    if fs::metadata(path).is_ok_and(|meta| meta.len() > LOG_BYTES_MAX) {
        fs::rename(path, path.with_extension("log.old")).map_err(file("put aside log", path))?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(file("open log", path))
}

/// The last lines of a log, or why they cannot be had.
pub fn tail(path: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut log = File::open(path)?;
        let length = log.metadata()?.len();
        log.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES_MAX)))?;
        let mut bytes = Vec::new();
        log.take(TAIL_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => last_lines(&String::from_utf8_lossy(&bytes)),
        Err(error) => format!("(the log cannot be read: {error})"),
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES_MAX)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_last_lines_in_their_order() {
        let text = (1..=TAIL_LINES_MAX + 2)
            .map(|n| format!("{n}\n"))
            .collect::<String>();
        let tail = last_lines(&text);
        assert!(tail.starts_with("3\n"), "{tail}");
        assert!(tail.ends_with("17"), "{tail}");
        assert_eq!(last_lines("one\n"), "one");
    }
}

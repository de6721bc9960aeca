//! Owns writing to the terminal: whoever reads us may leave early, and that is no failure.

use std::fmt::Arguments;
use std::io::Write as _;

/// Writes a line to standard output.
macro_rules! say {
    () => { $crate::say::line(format_args!("")) };
    ($($text:tt)*) => { $crate::say::line(format_args!($($text)*)) };
}
pub(crate) use say;

pub(crate) fn line(text: Arguments<'_>) {
    // A closed pipe (`assay status | head`) ends the reading, not the work.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Writes text as it is, and at once.
pub(crate) fn text(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

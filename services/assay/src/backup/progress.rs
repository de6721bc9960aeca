//! Owns how long work tells how far it is: a line on standard error, now and then.

use std::time::{Duration, Instant};

/// Shortest time between two lines, in seconds.
const EVERY_SECS: u64 = 2;
const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];

/// Tells how far a step is.
pub(crate) struct Progress {
    step: &'static str,
    told: Instant,
    begun: Instant,
}

impl Progress {
    /// Begins a step, and says so.
    pub(crate) fn begin(step: &'static str) -> Self {
        eprintln!("{step} …");
        let now = Instant::now();
        Self {
            step,
            told: now,
            begun: now,
        }
    }

    /// Says how far it is, unless it was said just now.
    pub(crate) fn tell(&mut self, far: impl FnOnce() -> String) {
        if self.told.elapsed() >= Duration::from_secs(EVERY_SECS) {
            eprintln!("{}: {}", self.step, far());
            self.told = Instant::now();
        }
    }

    /// Ends it; gives how long it took, in seconds.
    pub(crate) fn end(self, outcome: &str) -> f64 {
        let took = self.begun.elapsed().as_secs_f64();
        eprintln!("{}: {outcome}, in {took:.1} s", self.step);
        took
    }
}

/// A number of bytes as people read it.
#[allow(clippy::cast_precision_loss, reason = "tenths are shown")]
pub(crate) fn bytes(bytes: u64) -> String {
    let mut shown = bytes as f64;
    let mut unit = "B";
    for larger in UNITS {
        if shown < 1024.0 {
            break;
        }
        (shown, unit) = (shown / 1024.0, larger);
    }
    match unit {
        "B" => format!("{bytes} B"),
        _ => format!("{shown:.1} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_in_the_unit_that_suits() {
        for (number, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_572_864, "1.5 MiB"),
            (u64::MAX, "16777216.0 TiB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }
}

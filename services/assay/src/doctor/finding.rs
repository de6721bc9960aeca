//! Owns what the doctor says of one thing, and the thoughts behind it: when a clock is off, a disk
//! short, a room full.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// From this difference between two clocks on people should know, and it is wrong.
const CLOCK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// Free room on a disk below which people should know, and it is wrong: bytes.
const ROOM_SHORT: (u64, u64) = (5 * GIB, GIB);
const GIB: u64 = 1 << 30;
/// Used part of a bound from which on people should know, and it is wrong: percent.
const FULL: (u64, u64) = (70, 90);

/// How something is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// As it must be.
    Good,
    /// It could not be looked at from here, and need not be.
    Skipped,
    /// It works, and somebody should know.
    Warning,
    /// It is wrong.
    Bad,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Good => "good",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
            Self::Bad => "bad",
        })
    }
}

/// What was found of one thing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) check: &'static str,
    pub(crate) state: State,
    /// What it is; free of secrets.
    pub(crate) said: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mend: Option<String>,
}

impl Finding {
    pub(crate) fn good(check: &'static str, said: impl Into<String>) -> Self {
        Self::of(check, State::Good, said.into(), None)
    }

    pub(crate) fn skipped(check: &'static str, said: impl Into<String>) -> Self {
        Self::of(check, State::Skipped, said.into(), None)
    }

    pub(crate) fn warning(
        check: &'static str,
        said: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self::of(check, State::Warning, said.into(), Some(mend.into()))
    }

    pub(crate) fn bad(
        check: &'static str,
        said: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self::of(check, State::Bad, said.into(), Some(mend.into()))
    }

    fn of(check: &'static str, state: State, said: String, mend: Option<String>) -> Self {
        Self {
            check,
            state,
            said,
            mend,
        }
    }
}

/// How a difference between two clocks is.
pub(crate) fn clock(check: &'static str, whose: &str, off: Duration) -> Finding {
    let said = format!("the clock of {whose} is {} ms from ours", off.as_millis());
    let mend = "let both machines follow a time server: deadlines, leases and signed times go by \
                these clocks";
    match off {
        off if off >= CLOCK_OFF.1 => Finding::bad(check, said, mend),
        off if off >= CLOCK_OFF.0 => Finding::warning(check, said, mend),
        _ => Finding::good(check, said),
    }
}

/// How much room there is where `what` lies.
pub(crate) fn room(check: &'static str, what: &str, free: u64) -> Finding {
    let said = format!("{} MiB are free for {what}", free >> 20);
    let mend = "make room, or let the setting name a larger disk";
    match free {
        free if free < ROOM_SHORT.1 => Finding::bad(check, said, mend),
        free if free < ROOM_SHORT.0 => Finding::warning(check, said, mend),
        _ => Finding::good(check, said),
    }
}

/// How full something with a bound is.
pub(crate) fn full(
    check: &'static str,
    what: &str,
    (used, bound): (u64, u64),
    mend: &str,
) -> Finding {
    let percent = used.saturating_mul(100).checked_div(bound).unwrap_or(0);
    let said = format!("{what}: {percent} % used");
    match percent {
        percent if percent >= FULL.1 => Finding::bad(check, said, mend),
        percent if percent >= FULL.0 => Finding::warning(check, said, mend),
        _ => Finding::good(check, said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_differ_by_less_than_a_second() {
        for (millis, state) in [
            (0, State::Good),
            (999, State::Good),
            (1_000, State::Warning),
            (9_999, State::Warning),
            (10_000, State::Bad),
        ] {
            let found = clock("clock", "NATS", Duration::from_millis(millis));
            assert_eq!(found.state, state, "{millis}");
            assert_eq!(found.mend.is_some(), state != State::Good, "{millis}");
        }
    }

    #[test]
    fn a_disk_is_short_below_five_and_wrong_below_one_gibibyte() {
        for (free, state) in [
            (GIB - 1, State::Bad),
            (GIB, State::Warning),
            (5 * GIB - 1, State::Warning),
            (5 * GIB, State::Good),
        ] {
            assert_eq!(room("disk", "the objects", free).state, state, "{free}");
        }
    }

    #[test]
    fn what_is_nearly_full_is_said_and_what_has_no_bound_is_never_full() {
        for (used, bound, state) in [
            (69, 100, State::Good),
            (70, 100, State::Warning),
            (89, 100, State::Warning),
            (90, 100, State::Bad),
            (90, 0, State::Good),
        ] {
            let found = full("room", "it", (used, bound), "more");
            assert_eq!(found.state, state, "{used} of {bound}");
        }
    }
}

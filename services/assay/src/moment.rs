//! Owns moments as they are written on a command line: a time, or how long ago.

use std::str::FromStr;

use chrono::TimeDelta;
use contract::time::{Timestamp, now, to_micros};

/// A moment: RFC 3339, or a number of minutes, hours, days or weeks ago (`90m`, `36h`, `2d`, `1w`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read(text, now()).map(Self)
    }
}

fn read(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let bad = || format!("{text:?} is no moment: write 90m, 36h, 2d, 1w or 2026-12-18T23:59:00Z");
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(to_micros(at));
    }
    let minutes = match text.chars().last() {
        Some('m') => 1,
        Some('h') => 60,
        Some('d') => 24 * 60,
        Some('w') => 7 * 24 * 60,
        _ => return Err(bad()),
    };
    let number: u32 = text[..text.len() - 1].parse().map_err(|_| bad())?;
    let ago = TimeDelta::try_minutes(i64::from(number) * minutes);
    ago.and_then(|ago| now.checked_sub_signed(ago))
        .ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_how_long_ago() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        for (text, moment) in [
            ("2d", "2026-11-19T12:00:00Z"),
            ("90m", "2026-11-21T10:30:00Z"),
            ("36h", "2026-11-20T00:00:00Z"),
            ("1w", "2026-11-14T12:00:00Z"),
            ("0m", "2026-11-21T12:00:00Z"),
            (
                "2026-01-02T03:04:05.123456789+01:00",
                "2026-01-02T02:04:05.123456Z",
            ),
        ] {
            assert_eq!(
                read(text, now).unwrap(),
                moment.parse::<Timestamp>().unwrap()
            );
        }
        for bad in [
            "",
            "d",
            "2",
            "-2d",
            "2 d",
            "2y",
            "yesterday",
            "4294967295w",
            "é",
        ] {
            assert!(read(bad, now).is_err(), "{bad}");
        }
    }
}

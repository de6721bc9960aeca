//! Owns when a try follows another: only after an error that can heal, ever later, and not for
//! ever.

use std::time::Duration;

use contract::result::ErrorCause;
use contract::time::Timestamp;

/// Seconds between the end of a try and the begin of the next one, after the first, second and
/// so on.
pub const RETRY_AFTER_SECS: [i64; 4] = [10, 60, 300, 1_800];
/// Most tries of a request.
pub const TRIES_MAX: u32 = RETRY_AFTER_SECS.len() as u32 + 1;
/// Longest that a message is put off at one time, in seconds: it comes again, and is put off
/// again.
const PUT_OFF_SECS_MAX: u64 = 3_600;

/// When the next try may begin; `None` when there is to be none.
pub fn retry_at(cause: ErrorCause, try_number: u32, now: Timestamp) -> Option<Timestamp> {
    if !cause.can_heal() {
        return None;
    }
    let place = usize::try_from(try_number.checked_sub(1)?).ok()?;
    let seconds = RETRY_AFTER_SECS.get(place)?;
    Some(now + chrono::Duration::seconds(*seconds))
}

/// How long a worker leaves a try to others that it could not do itself, in seconds after the try's
/// time has come.
const AVOID_SECS: i64 = 15;

/// From when on a worker may begin a message's try: `not_before`, and later where it is to be left
/// to others for a while.
pub fn begins_at(
    not_before: Option<Timestamp>,
    avoid: Option<&str>,
    worker: &str,
) -> Option<Timestamp> {
    let others_first = if avoid == Some(worker) { AVOID_SECS } else { 0 };
    Some(not_before? + chrono::Duration::seconds(others_first))
}

/// How long a message has to wait for its time; `None` when that has come.
pub fn remaining(not_before: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    let remaining = (not_before? - now).to_std().ok()?;
    let longest = Duration::from_secs(PUT_OFF_SECS_MAX);
    (!remaining.is_zero()).then(|| remaining.min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_heal_is_tried_again_and_not_for_ever() {
        let now = Timestamp::UNIX_EPOCH;
        for (cause, try_number, seconds) in [
            (ErrorCause::SourceUnavailable, 1, Some(10)),
            (ErrorCause::SandboxUnavailable, 2, Some(60)),
            (ErrorCause::HostMemory, 1, Some(10)),
            (ErrorCause::WorkerLost, 3, Some(300)),
            (ErrorCause::SnapshotUnavailable, 4, Some(1_800)),
            (ErrorCause::SourceUnavailable, TRIES_MAX, None),
            (ErrorCause::SourceUnavailable, 0, None),
            (ErrorCause::SourceUnavailable, u32::MAX, None),
            (ErrorCause::LabBroken, 1, None),
            (ErrorCause::TreeRefused, 1, None),
        ] {
            let at = retry_at(cause, try_number, now).map(|at| (at - now).num_seconds());
            assert_eq!(at, seconds, "{cause} {try_number}");
        }
    }

    #[test]
    fn whoever_could_not_do_it_leaves_it_to_others_for_a_while() {
        let now = Timestamp::UNIX_EPOCH;
        let later = now + chrono::Duration::seconds(AVOID_SECS);
        for (not_before, avoid, expected) in [
            (None, Some("a"), None),
            (Some(now), None, Some(now)),
            (Some(now), Some("b"), Some(now)),
            (Some(now), Some("a"), Some(later)),
        ] {
            assert_eq!(begins_at(not_before, avoid, "a"), expected);
        }
    }

    #[test]
    fn a_message_waits_for_its_time_and_no_longer() {
        let now = Timestamp::UNIX_EPOCH;
        let at = |millis| Some(now + chrono::Duration::milliseconds(millis));
        assert_eq!(remaining(None, now), None);
        assert_eq!(remaining(at(0), now), None);
        assert_eq!(remaining(at(-5), now), None);
        assert_eq!(
            remaining(at(1_500), now),
            Some(Duration::from_millis(1_500))
        );
        assert_eq!(
            remaining(at(1 << 40), now),
            Some(Duration::from_secs(3_600))
        );
    }
}

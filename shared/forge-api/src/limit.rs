//! Owns the thought of a forge's rate limit: how long it wants us to wait.
//! GitHub's words: <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>.

use std::time::Duration;

use hyper::HeaderMap;

/// What is waited where the forge does not say how long, in seconds.
const WAIT_SECS: u64 = 60;
/// Longest wait that a forge's word is taken for, in seconds.
const WAIT_SECS_MAX: u64 = 3_600;

/// How long to wait, if this answer is a rate limit's. `now` is Unix time, in seconds.
pub(crate) fn wait(status: u16, headers: &HeaderMap, now: i64) -> Option<Duration> {
    let retry_after = number(headers, "retry-after");
    let exhausted = number(headers, "x-ratelimit-remaining") == Some(0);
    // A 403 is a limit's only where it says so; else it is a refusal.
    if status != 429 && !(status == 403 && (exhausted || retry_after.is_some())) {
        return None;
    }
    if retry_after.is_none()
        && let Some(wait) = used_up(headers, now)
    {
        return Some(wait);
    }
    let seconds = retry_after;
    let seconds = seconds.map_or(WAIT_SECS, |seconds| u64::try_from(seconds).unwrap_or(0));
    Some(Duration::from_secs(seconds.clamp(1, WAIT_SECS_MAX)))
}

/// How long to wait before the next question, where an answer says that it was the last one for
/// now. `now` is Unix time, in seconds.
pub(crate) fn used_up(headers: &HeaderMap, now: i64) -> Option<Duration> {
    let left = number(headers, "x-ratelimit-remaining")?;
    let reset = number(headers, "x-ratelimit-reset").filter(|_| left == 0)?;
    let seconds = u64::try_from(reset.saturating_sub(now)).unwrap_or(0);
    Some(Duration::from_secs(seconds.clamp(1, WAIT_SECS_MAX)))
}

fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderName;

    use super::*;

    #[test]
    fn a_limit_says_how_long_and_a_refusal_is_none() {
        let reset = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1030"),
        ];
        for (status, headers, expected) in [
            (429, &[("retry-after", "7")][..], Some(7)),
            (429, &[], Some(WAIT_SECS)),
            (403, &reset, Some(30)),
            (429, &reset, Some(30)),
            (403, &[("retry-after", "5")], Some(5)),
            (403, &[("x-ratelimit-remaining", "4000")], None),
            (403, &[], None),
            (200, &reset, None),
            (503, &[("retry-after", "5")], None),
            (429, &[("retry-after", "999999999")], Some(WAIT_SECS_MAX)),
            (429, &[("retry-after", "-4")], Some(1)),
            (429, &[("retry-after", "soon")], Some(WAIT_SECS)),
        ] {
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
                .collect();
            let waits = wait(status, &headers, 1_000).map(|wait| wait.as_secs());
            assert_eq!(waits, expected, "{status} {headers:?}");
        }
    }

    #[test]
    fn the_last_answer_before_a_limit_says_how_long_to_be_quiet() {
        for (left, reset, expected) in [
            ("0", "1030", Some(30)),
            ("0", "900", Some(1)),
            ("0", "99999999", Some(WAIT_SECS_MAX)),
            ("0", "", None),
            ("1", "1030", None),
            ("", "1030", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("x-ratelimit-remaining", left.parse().unwrap());
            headers.insert("x-ratelimit-reset", reset.parse().unwrap());
            let waits = used_up(&headers, 1_000).map(|wait| wait.as_secs());
            assert_eq!(waits, expected, "{left} {reset}");
        }
    }
}

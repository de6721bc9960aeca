//! Owns the thought of what a forge is told: from how an attempt stands to a status, and from the
//! forge's refusal to what becomes of it.

use std::time::Duration;

use chrono::TimeDelta;
use contract::ids::AttemptId;
use contract::name::Repository;
use contract::time::Timestamp;
use forge_api::error::ApiError;
use forge_api::status::{State, Status};
use store::status_report::Standing;

/// First wait after a forge refused a source or a repository, in seconds. Later ones are as long as
/// the trouble lasts already.
const TROUBLE_SECS_MIN: i64 = 300;
/// Longest such wait, in seconds.
const TROUBLE_SECS_MAX: i64 = 86_400;

/// What a forge is told of an attempt that stands so.
pub(crate) fn status(
    attempt: AttemptId,
    repository: &Repository,
    standing: &Standing,
    target_url: Option<&str>,
) -> Status {
    let (state, mut description) = words(standing);
    if standing.late {
        description.push_str(" (after the deadline)");
    }
    Status {
        state,
        context: format!("assay/{}", standing.lab),
        description,
        target_url: target_url.map(|template| {
            template
                .replace("{attempt}", &attempt.to_string())
                .replace("{session}", &standing.session_id.to_string())
                .replace("{commit}", &standing.commit_sha)
                .replace("{repository}", repository.full_name())
                .replace("{lab}", &standing.lab)
        }),
    }
}

fn words(standing: &Standing) -> (State, String) {
    let points = || {
        let (points, of) = (standing.points, standing.points_max);
        format!("{} of {} points", points.unwrap_or(0), of.unwrap_or(0))
    };
    let cause = || standing.cause.as_deref().unwrap_or("unknown");
    match standing.result.as_deref() {
        None => (State::Pending, "waits to be verified".to_owned()),
        Some("pass") => (State::Success, points()),
        Some("fail") => {
            let detail = standing.detail.as_deref().unwrap_or_default();
            let line = detail.lines().next().unwrap_or_default();
            let reason = if line.is_empty() { "" } else { ": " };
            (State::Failure, format!("{}{reason}{line}", points()))
        }
        Some("unchecked") => (
            State::Error,
            "not checked: the lab has nothing run".to_owned(),
        ),
        Some("superseded") => (State::Error, "a newer push took its place".to_owned()),
        Some("error") if standing.retry_at.is_some() => {
            let text = format!("not judged yet ({}), and tried again", cause());
            (State::Pending, text)
        }
        // What a later version may call a result is none that we can judge.
        Some(_) => {
            let text = format!("could not be judged ({}): costs no attempt", cause());
            (State::Error, text)
        }
    }
}

/// What becomes of a report that the forge did not take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// It is as it should be.
    Accepted,
    /// Nothing is told before this has passed.
    Wait(Duration),
    /// The forge has trouble of its own: later.
    Later,
    /// The whole source is closed to us.
    Source,
    /// The repository is.
    Repository,
    /// This status is refused.
    Status,
}

/// Judges what a forge answered.
pub(crate) fn refusal(error: &ApiError) -> Refusal {
    match error {
        ApiError::Unmoved { .. } => Refusal::Accepted,
        // It took the status, and answered with more than we read.
        ApiError::Unreadable { .. } => Refusal::Accepted,
        ApiError::Limited { wait } => Refusal::Wait(*wait),
        ApiError::Unreachable(_) => Refusal::Later,
        ApiError::Address(_) | ApiError::Token => Refusal::Source,
        ApiError::NotFound { .. } => Refusal::Repository,
        ApiError::Refused { status, .. } => match status {
            401 => Refusal::Source,
            // Closed to our token, or gone elsewhere: nothing of an answer is followed.
            403 | 410 | 451 | 300..=399 => Refusal::Repository,
            408 | 425 | 500.. => Refusal::Later,
            _ => Refusal::Status,
        },
    }
}

/// When a trouble that began at `since` is looked at again.
pub(crate) fn again_at(since: Timestamp, now: Timestamp) -> Timestamp {
    let lasts = (now - since).num_seconds();
    now + TimeDelta::seconds(lasts.clamp(TROUBLE_SECS_MIN, TROUBLE_SECS_MAX))
}

#[cfg(test)]
mod tests;

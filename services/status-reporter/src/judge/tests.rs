//! What forges are told, and what becomes of their refusals, by tables.

use uuid::Uuid;

use super::*;

fn standing(result: Option<&str>) -> Standing {
    Standing {
        session_id: Uuid::from_u128(2),
        repository: "github:octo/hello".to_owned(),
        commit_sha: "c0ffee".to_owned(),
        lab: "intro".to_owned(),
        late: false,
        outdone: false,
        request_id: Uuid::from_u128(3),
        lane: "live".to_owned(),
        try_number: result.map(|_| 1),
        result: result.map(str::to_owned),
        cause: Some("worker-lost".to_owned()),
        detail: Some("test adds: expected 4\nmore".to_owned()),
        points: Some(3),
        points_max: Some(4),
        retry_at: None,
        told_number: 0,
        told_request_id: None,
        told_try_number: None,
    }
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_timestamp(secs, 0).unwrap()
}

fn told(standing: &Standing) -> (State, String) {
    let attempt = AttemptId::from_uuid(Uuid::from_u128(1));
    let repository = standing.repository.parse().unwrap();
    let status = status(attempt, &repository, standing, None);
    assert_eq!(status.context, "assay/intro");
    (status.state, status.description)
}

#[test]
fn each_result_has_its_state_and_its_line() {
    for (result, state, line) in [
        (None, State::Pending, "waits to be verified"),
        (Some("pass"), State::Success, "3 of 4 points"),
        (
            Some("fail"),
            State::Failure,
            "3 of 4 points: test adds: expected 4",
        ),
        (
            Some("error"),
            State::Error,
            "could not be judged (worker-lost): costs no attempt",
        ),
        (
            Some("unchecked"),
            State::Error,
            "not checked: the lab has nothing run",
        ),
        (
            Some("superseded"),
            State::Error,
            "a newer push took its place",
        ),
    ] {
        let mut standing = standing(result);
        assert_eq!(told(&standing), (state, line.to_owned()), "{result:?}");
        standing.late = true;
        assert_eq!(told(&standing).1, format!("{line} (after the deadline)"));
    }
    let mut again = standing(Some("error"));
    again.retry_at = Some(at(0));
    let line = "not judged yet (worker-lost), and tried again".to_owned();
    assert_eq!(told(&again), (State::Pending, line));
    let mut bare = standing(Some("fail"));
    bare.detail = None;
    assert_eq!(told(&bare), (State::Failure, "3 of 4 points".to_owned()));
}

#[test]
fn the_link_is_made_of_its_template() {
    let standing = standing(None);
    let repository = standing.repository.parse().unwrap();
    let template = "https://a/{lab}/{repository}/{commit}/{session}/{attempt}";
    let attempt = AttemptId::from_uuid(Uuid::from_u128(1));
    let status = status(attempt, &repository, &standing, Some(template));
    let expected = format!(
        "https://a/intro/octo/hello/c0ffee/{}/{}",
        Uuid::from_u128(2),
        Uuid::from_u128(1)
    );
    assert_eq!(status.target_url, Some(expected));
}

#[test]
fn a_refusal_is_of_the_source_the_repository_or_the_status_or_it_passes() {
    let refused = |status| ApiError::Refused {
        status,
        what: String::new(),
    };
    for (status, expected) in [
        (301, Refusal::Repository),
        (400, Refusal::Status),
        (401, Refusal::Source),
        (403, Refusal::Repository),
        (410, Refusal::Repository),
        (422, Refusal::Status),
        (500, Refusal::Later),
        (503, Refusal::Later),
    ] {
        assert_eq!(refusal(&refused(status)), expected, "{status}");
    }
    let what = String::new;
    let wait = Duration::from_secs(7);
    for (error, expected) in [
        (ApiError::Unmoved { what: what() }, Refusal::Accepted),
        (ApiError::Limited { wait }, Refusal::Wait(wait)),
        (ApiError::NotFound { what: what() }, Refusal::Repository),
        (ApiError::Unreachable(what()), Refusal::Later),
        (ApiError::Token, Refusal::Source),
    ] {
        assert_eq!(refusal(&error), expected, "{error}");
    }
}

#[test]
fn a_trouble_is_looked_at_more_and_more_seldom() {
    for (since, now, wait) in [
        (0, 0, 300),
        (0, 299, 300),
        (0, 4_000, 4_000),
        (0, 1_000_000, 86_400),
        (10, 0, 300),
    ] {
        assert_eq!(again_at(at(since), at(now)), at(now + wait));
    }
}

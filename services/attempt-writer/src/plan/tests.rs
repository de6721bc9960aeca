//! The thought of the plan, by tables of values.

use contract::delivery::{BodyPlace, DeliveryReceived};
use contract::digest::Digest;
use contract::ids::{DeliveryId, LaneId};
use contract::time::now;
use forge::provider::Provider;
use process::secret::Secret;
use serde_json::{Value, json};
use store::json::CanonicalJson;

use super::*;

const START: char = 'a';

/// A commit's SHA, by one letter.
fn sha(letter: char) -> String {
    letter.to_string().repeat(40)
}

fn commit(letter: char) -> Value {
    json!({
        "id": sha(letter),
        "author": { "name": "A", "email": format!("{letter}@example.org"), "username": "a" },
        "timestamp": "2026-01-05T09:00:00+01:00",
        "added": ["new"], "modified": [], "removed": [],
    })
}

/// A push that lists these commits, the head last.
fn payload(full_ref: &str, listed: &str, head: Option<char>) -> Value {
    json!({
        "ref": full_ref,
        "before": sha('0'),
        "after": head.map_or_else(|| sha('0'), sha),
        "deleted": head.is_none(),
        "repository": { "full_name": "Course-1/Intro-1" },
        "commits": listed.chars().map(commit).collect::<Vec<_>>(),
        "head_commit": head.map(commit),
        "sender": { "id": 1, "login": "a" },
        "pusher": { "name": "a", "email": "a@example.org" },
    })
}

fn taken(payload: &Value) -> Taken {
    let text = payload.to_string();
    let received = DeliveryReceived {
        delivery: DeliveryId::compute("github", "72d3162e"),
        source: "github".parse().unwrap(),
        forge_delivery: "72d3162e".to_owned(),
        event: "push".to_owned(),
        body_digest: Digest::of(text.as_bytes()),
        body_bytes: text.len() as u64,
        body: BodyPlace::Inline,
        headers: BTreeMap::new(),
        key: "main".to_owned(),
        received_at: now(),
        lane: LaneId::new(),
        number: 7,
    };
    let push = forge::push::read(Provider::Github, &text)
        .unwrap()
        .remove(0);
    Taken {
        pushed: vec![Pushed {
            provider: Provider::Github,
            repository: "github:course-1/intro-1".parse().unwrap(),
            push,
        }],
        received,
        frame: None,
        span: tracing::Span::none(),
    }
}

fn session(starting: Option<char>, commits: &str) -> SessionRules {
    SessionRules {
        id: Uuid::now_v7(),
        lab_id: Uuid::now_v7(),
        lab_version_id: Uuid::now_v7(),
        repository: "github:course-1/intro-1".to_owned(),
        opened_by: "command:1".into(),
        starting_commit: starting.map(sha),
        template: Vec::new(),
        commits: commits.to_owned(),
        executor: "box".into(),
    }
}

fn attempts_of(taken: &Taken, session: &SessionRules) -> Vec<store::attempt::AttemptRow> {
    let pushed = &taken.pushed[0];
    let pseudonyms = Pseudonyms::new(&Secret::new("key"));
    let people = people(pushed, &pseudonyms, now());
    attempts::of_push(taken, pushed, &people, Uuid::now_v7(), session, now())
}

/// The attempts of a push, by their letters.
fn letters(full_ref: &str, listed: &str, head: Option<char>, starting: Option<char>) -> String {
    let taken = taken(&payload(full_ref, listed, head));
    let rows = attempts_of(&taken, &session(starting, "head"));
    let first = |row: &store::attempt::AttemptRow| row.commit_sha.chars().next().unwrap();
    rows.iter().map(first).collect()
}

#[test]
fn the_labs_own_history_and_what_was_there_before_an_enrolled_session_are_no_attempts() {
    const MAIN: &str = "refs/heads/main";
    let enrolled = |starting| SessionRules {
        opened_by: "enrolment:1".into(),
        ..session(starting, "head")
    };
    let with_template = SessionRules {
        template: vec![sha('2')],
        ..session(None, "head")
    };
    for (session, before, listed, head, expected) in [
        (&with_template, None, "12bc", 'c', "cb"),
        (&with_template, None, "12", '2', ""),
        (&with_template, None, "", '2', ""),
        // A push that came after the one that opened the session, and was made before it.
        (&enrolled(Some('c')), Some('1'), "bc", 'c', "cb"),
        // A branch that is made of what was there, and one that goes on from it.
        (&enrolled(Some('c')), None, "", 'c', ""),
        (&enrolled(Some('c')), None, "bcd", 'd', "d"),
        // Forced back to where the session began.
        (&enrolled(Some('c')), Some('d'), "", 'c', ""),
    ] {
        let mut payload = payload(MAIN, listed, Some(head));
        payload["before"] = json!(before.map_or("0".repeat(40), sha));
        let taken = taken(&payload);
        let rows = attempts_of(&taken, session);
        let first = |row: &store::attempt::AttemptRow| row.commit_sha.chars().next().unwrap();
        let found: String = rows.iter().map(first).collect();
        assert_eq!(found, expected, "{before:?} {listed:?} {head}");
    }
}

#[test]
fn a_push_brings_its_head_first_and_nothing_of_the_templates_history() {
    const MAIN: &str = "refs/heads/main";
    let start = Some(START);
    for (full_ref, listed, head, starting, expected) in [
        (MAIN, "bcd", Some('d'), None, "dcb"),
        (MAIN, "bcd", Some('d'), start, "dcb"),
        // The head is there even where the list is empty or leaves it out.
        (MAIN, "", Some('d'), start, "d"),
        (MAIN, "bc", Some('d'), start, "dcb"),
        // A list with the template's history in it: what comes before the start is no attempt.
        (MAIN, "12abc", Some('c'), start, "cb"),
        (MAIN, "12a", Some('a'), start, ""),
        (MAIN, "", Some('a'), start, ""),
        // The same without a starting commit.
        (MAIN, "12a", Some('a'), None, "a21"),
        // A deleted branch brings nothing, whatever it lists.
        (MAIN, "bc", None, None, ""),
        // A tag brings what it tags, and nothing that it lists.
        ("refs/tags/v1", "bc", Some('d'), None, "d"),
        ("refs/tags/v1", "", Some('a'), start, ""),
        ("refs/tags/v1", "", None, None, ""),
        // Notes and the like are nobody's attempt.
        ("refs/notes/commits", "bc", Some('d'), None, ""),
    ] {
        let found = letters(full_ref, listed, head, starting);
        assert_eq!(
            found, expected,
            "{full_ref} {listed:?} {head:?} {starting:?}"
        );
    }
}

#[test]
fn an_attempt_says_what_the_payload_says_and_names_nobody() {
    let taken = taken(&payload("refs/heads/main", "bc", Some('c')));
    let rows = attempts_of(&taken, &session(None, "head"));
    let [head, before] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    assert_eq!(head.branch, "main");
    assert_eq!(head.listed, "payload");
    assert_eq!(head.received_at, taken.received.received_at);
    assert_eq!(
        head.trace_id,
        taken.received.delivery.trace_id().to_string()
    );
    assert_eq!(
        head.committed_at,
        Some("2026-01-05T08:00:00Z".parse().unwrap())
    );
    assert_eq!(
        head.changed_files.as_ref().map(CanonicalJson::value),
        Some(json!({ "added": ["new"], "modified": [], "removed": [], "listed": 1 }))
    );
    assert!(head.author_id.is_some() && head.author_id != before.author_id);
    assert!(!format!("{rows:?}").contains("example.org"));
}

#[test]
fn the_changed_paths_of_a_commit_are_capped_and_counted() {
    let mut payload = payload("refs/heads/main", "b", Some('b'));
    let paths = |name: &str, count: usize| -> Vec<String> {
        (0..count).map(|number| format!("{name}{number}")).collect()
    };
    payload["commits"][0]["added"] = json!(paths("a", 150));
    payload["commits"][0]["modified"] = json!(paths("m", 150));
    payload["commits"][0]["removed"] = json!(paths("r", 150));
    let rows = attempts_of(&taken(&payload), &session(None, "head"));
    let files = rows[0].changed_files.as_ref().unwrap().value();
    let count = |name: &str| files[name].as_array().unwrap().len();
    assert_eq!(
        (count("added"), count("modified"), count("removed")),
        (150, 50, 0)
    );
    assert_eq!(files["listed"], 450);
}

#[test]
fn the_lab_says_which_commits_are_verified_and_a_tag_asks_only_for_what_is_new() {
    let taken = taken(&payload("refs/heads/main", "bcd", Some('d')));
    for (commits, kind, head_is_new, expected) in [
        ("head", RefKind::Branch, true, 1),
        ("head", RefKind::Branch, false, 1),
        ("all", RefKind::Branch, true, 3),
        ("all", RefKind::Branch, false, 3),
        ("head", RefKind::Tag, true, 1),
        ("head", RefKind::Tag, false, 0),
        ("all", RefKind::Tag, false, 0),
    ] {
        let session = session(None, commits);
        let rows = attempts_of(&taken, &session);
        let asked = attempts::requests(&rows, head_is_new, kind, &session, now());
        assert_eq!(asked.len(), expected, "{commits} {kind:?} {head_is_new}");
        for (request, attempt) in asked.iter().zip(&rows) {
            assert_eq!(request.lab_attempt_id, attempt.id);
            assert_eq!(request.cause, format!("push:{}", attempt.push_id));
            assert_eq!(request.lab_version_id, session.lab_version_id);
        }
        assert!(attempts::requests(&[], true, kind, &session, now()).is_empty());
    }
}

#[test]
fn a_delivery_stands_by_the_message_and_the_body_that_made_its_receipt() {
    let ours = taken(&payload("refs/heads/main", "b", Some('b')));
    let receipt = receipt(&ours, now());
    let (mut other_lane, mut other_number) = (receipt.clone(), receipt.clone());
    other_lane.lane_id = Uuid::now_v7();
    other_number.lane_number = 8;
    let mut other_body = receipt.clone();
    other_body.body_digest = Digest::of(b"other").to_string();
    for (receipt, is_new, expected) in [
        (&receipt, true, Standing::First),
        (&receipt, false, Standing::Again),
        (&other_lane, false, Standing::Repeat),
        // Made in this very transaction, by another message of the batch.
        (&other_number, true, Standing::Repeat),
        (&other_body, true, Standing::Conflict),
        (&other_body, false, Standing::Conflict),
    ] {
        assert_eq!(standing(&ours, receipt, is_new), expected, "{receipt:?}");
    }
}

#[test]
fn a_push_is_named_by_its_whole_ref_and_its_head() {
    let pseudonyms = Pseudonyms::new(&Secret::new("key"));
    let row = |full_ref: &str, head| {
        let taken = taken(&payload(full_ref, "b", head));
        let pushed = &taken.pushed[0];
        let people = people(pushed, &pseudonyms, now());
        push(&taken, pushed, &people, now())
    };
    for (full_ref, kind) in [
        ("refs/heads/main", "branch"),
        ("refs/heads/feature/x", "branch"),
        ("refs/tags/v1", "tag"),
        ("refs/notes/commits", "other"),
    ] {
        let row = row(full_ref, Some('b'));
        assert_eq!((row.ref_name.as_str(), row.kind.as_str()), (full_ref, kind));
        assert_eq!((row.before_sha, row.after_sha), (None, Some(sha('b'))));
        assert!(row.pusher_id.is_some());
    }
    assert_eq!(row("refs/heads/main", None).after_sha, None);
    // The tag object is not what was pushed: the commit is.
    let mut annotated = payload("refs/tags/v1", "", Some('b'));
    annotated["after"] = json!(sha('e'));
    let taken = taken(&annotated);
    let pushed = &taken.pushed[0];
    let people = people(pushed, &pseudonyms, now());
    let row = push(&taken, pushed, &people, now());
    assert_eq!(row.after_sha, Some(sha('b')));
}

#[test]
fn a_long_push_is_several_jobs_and_none_without_attempts() {
    let taken = taken(&payload("refs/heads/main", "b", Some('b')));
    let pushed = &taken.pushed[0];
    let session = session(Some('a'), "head");
    let push = push_of_session(&taken, pushed, Uuid::now_v7(), &session).unwrap();
    assert_eq!(push.after.as_str(), sha('b'));
    assert_eq!(push.starting.as_ref().unwrap().as_str(), sha('a'));
    assert_eq!((push.before.as_ref(), push.branch.as_str()), (None, "main"));
    let attempt = || AttemptToPreserve {
        attempt: contract::ids::AttemptId::new(),
        commit: sha('b').parse().unwrap(),
        request: None,
    };
    for (count, sizes) in [
        (0, vec![]),
        (1, vec![1]),
        (ATTEMPTS_PER_JOB_MAX, vec![ATTEMPTS_PER_JOB_MAX]),
        (ATTEMPTS_PER_JOB_MAX + 1, vec![ATTEMPTS_PER_JOB_MAX, 1]),
    ] {
        let attempts: Vec<_> = (0..count).map(|_| attempt()).collect();
        let jobs = jobs(&push, &attempts, Lane::Live);
        let found: Vec<_> = jobs.iter().map(|job| job.attempts.len()).collect();
        assert_eq!(found, sizes);
        let parts: Vec<_> = jobs.iter().map(|job| job.part as usize).collect();
        assert_eq!(parts, (0..sizes.len()).collect::<Vec<_>>());
    }
}

#[test]
fn rows_are_sorted_by_their_key_and_the_first_of_a_key_stays() {
    let rows = [("b", 1), ("a", 2), ("b", 3)];
    assert_eq!(sorted(rows, |row| row.0), [("a", 2), ("b", 1)]);
}

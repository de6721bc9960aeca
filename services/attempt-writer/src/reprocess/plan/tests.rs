use contract::digest::Digest;
use contract::reprocess::Selection;
use contract::time::now;

use super::*;

fn scanned(chosen: bool, kept: bool, push: Uuid) -> Scanned {
    Scanned {
        id: Uuid::now_v7(),
        received_at: now(),
        chosen,
        commit_sha: "a".repeat(40),
        branch: "main".into(),
        trace_id: "0".repeat(32),
        delivery_id: Uuid::now_v7(),
        push_id: push,
        before_sha: None,
        after_sha: Some("b".repeat(40)),
        session_id: Uuid::nil(),
        repository: "github:a/b".into(),
        starting_commit: None,
        pinned_version: Uuid::from_u128(1),
        newest_version: Some(Uuid::from_u128(2)),
        snapshot_digest: kept.then(|| Digest::of(b"tree").to_string()),
    }
}

fn asked(rate_per_second: Option<u32>, limit: Option<u64>) -> ReprocessRequested {
    ReprocessRequested {
        command: CommandId::new(),
        actor: "operator".parse().unwrap(),
        selection: Selection::default(),
        lab_version: VersionChoice::Current,
        reason: "because".into(),
        rate_per_second,
        limit,
    }
}

fn turned(looked: usize, chosen: usize) -> Turned {
    let last = Looked {
        received_at: now(),
        attempt: AttemptId::new(),
    };
    Turned {
        looked,
        last: Some(last),
        chosen,
    }
}

#[test]
fn a_page_holds_a_few_seconds_of_the_rate_and_never_more_than_a_transaction() {
    for (rate, attempts) in [
        (None, 500),
        (Some(1), 5),
        (Some(100), 500),
        (Some(101), 500),
        (Some(u32::MAX), 500),
    ] {
        assert_eq!(page_attempts(rate), attempts, "{rate:?}");
    }
}

#[test]
fn a_limit_counts_what_earlier_pages_selected() {
    let page = || {
        let push = Uuid::now_v7();
        vec![
            scanned(true, true, push),
            scanned(false, true, push),
            scanned(true, true, push),
        ]
    };
    for (limit, selected, left) in [
        (None, 10, 2),
        (Some(12), 10, 2),
        (Some(11), 10, 1),
        (Some(10), 10, 0),
        (Some(3), 10, 0),
    ] {
        assert_eq!(chosen(page(), limit, selected).len(), left, "{limit:?}");
    }
}

#[test]
fn the_next_page_comes_after_a_full_one_and_not_before_the_rate_allows() {
    let due = ReprocessDue {
        command: CommandId::new(),
        after: None,
        selected: 7,
        not_before: None,
    };
    let now = now();
    let after = turned(500, 3);
    let following = next(&due, &asked(None, None), after, now).unwrap();
    assert_eq!((following.selected, following.not_before), (10, None));
    assert_eq!(following.after, after.last);
    assert_eq!(next(&due, &asked(None, None), turned(499, 3), now), None);
    assert_eq!(next(&due, &asked(None, Some(10)), after, now), None);
    assert!(next(&due, &asked(None, Some(11)), after, now).is_some());
    // 10 attempts at 2 a second are 5 seconds' worth.
    let slow = next(&due, &asked(Some(2), None), turned(10, 10), now).unwrap();
    assert_eq!(slow.not_before, Some(now + Duration::from_secs(5)));
    let nothing = next(&due, &asked(Some(2), None), turned(10, 0), now).unwrap();
    assert_eq!(nothing.not_before, None);
}

#[test]
fn what_is_preserved_is_verified_at_once_and_the_rest_is_preserved_first() {
    let push = Uuid::now_v7();
    let kept = scanned(true, true, push);
    let lost = [scanned(true, false, push), scanned(true, false, push)];
    let other = scanned(true, false, Uuid::now_v7());
    let all = [&kept, &lost[0], &lost[1], &other];
    let jobs = jobs(all.map(|scanned| (scanned, Uuid::now_v7())));
    assert_eq!(jobs.verify.len(), 1);
    assert_eq!(jobs.verify[0].attempt.as_uuid(), kept.id);
    let mut sizes: Vec<_> = jobs.preserve.iter().map(|job| job.attempts.len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 2]);
    assert!(jobs.preserve.iter().all(|job| job.lane == Lane::Bulk));
}

#[test]
fn a_request_names_the_command_and_the_chosen_version() {
    let (command, attempt) = (CommandId::new(), scanned(true, true, Uuid::now_v7()));
    for (choice, version) in [(VersionChoice::Current, 1), (VersionChoice::Newest, 2)] {
        let row = request(command, &attempt, choice, now());
        assert_eq!(row.lab_version_id, Uuid::from_u128(version));
        assert_eq!(row.cause, format!("command:{command}"));
        assert_eq!(row.lane, "bulk");
    }
}

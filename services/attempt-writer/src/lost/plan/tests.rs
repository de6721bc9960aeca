use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn work(commit: u32) -> Unfinished {
    let sha = |number: u32| format!("{number:040x}");
    Unfinished {
        place: Uuid::now_v7(),
        attempt_id: Uuid::now_v7(),
        commit_sha: sha(commit),
        ref_name: "refs/heads/a/b".to_owned(),
        delivery_id: Uuid::from_u128(1),
        push_id: Uuid::from_u128(2),
        before_sha: None,
        after_sha: Some(sha(9)),
        received_at: at(0),
        session_id: Uuid::from_u128(3),
        repository: "github:a/b".to_owned(),
        starting_commit: None,
        pinned_version: Uuid::from_u128(4),
        snapshot_digest: None,
        request_id: None,
        lane: None,
        tries: 0,
        tree_was_missing: false,
        retry_at: None,
        lists: false,
        remade: 0,
        changed_at: at(0),
    }
}

#[test]
fn work_is_lost_when_all_that_is_in_the_queue_is_younger() {
    let after = Duration::from_secs(10);
    for (oldest, now, lost) in [
        (None, 10, false),
        (None, 11, true),
        // Something as old, or older, is still in the queue: it may be this.
        (Some(0), 1_000, false),
        (Some(10), 1_000, false),
        (Some(11), 1_000, true),
        // The server's clock is ahead.
        (Some(5_000), 10, false),
    ] {
        let heard_before = heard_before(oldest.map(at), at(now), after);
        let found = is_lost(&work(1), heard_before, at(now));
        assert_eq!(found, lost, "{oldest:?} {now}");
    }
}

#[test]
fn work_is_asked_for_ever_later_and_not_for_ever() {
    for (remade, seconds, lost) in [
        (0, 1, true),
        (1, 599, false),
        (1, 600, true),
        (2, 3_599, false),
        (2, 3_600, true),
        (3, 86_399, false),
        (3, 86_400, true),
        (4, 1_000_000, false),
        (i64::MAX, 1_000_000, false),
    ] {
        let work = Unfinished { remade, ..work(1) };
        let found = is_lost(&work, at(seconds), at(seconds));
        assert_eq!(found, lost, "{remade} {seconds}");
        assert_eq!(is_open(&work), remade < 4);
    }
}

#[test]
fn below_the_settled_id_is_what_was_made_an_hour_before_and_more() {
    let made = |at: Timestamp| {
        let context = uuid::ContextV7::new();
        let seconds = u64::try_from(at.timestamp()).unwrap();
        Uuid::new_v7(uuid::Timestamp::from_unix(context, seconds, 0))
    };
    let below = settled_below(at(0));
    assert!(made(at(-3_601)) < below);
    assert!(made(at(-3_600)) >= below);
    assert_eq!(settled_below(Timestamp::UNIX_EPOCH), Uuid::nil());
}

#[test]
fn what_a_clock_that_was_ahead_settled_is_looked_at_again() {
    let two_hours_ahead = settled_below(at(2 * 3_600));
    assert_eq!(looked_above(two_hours_ahead, at(0)), settled_below(at(0)));
    // An open one below it is looked at as before.
    let open = settled_below(at(-60));
    assert_eq!(looked_above(open, at(0)), open);
}

#[test]
fn what_one_push_lost_is_one_message_with_its_head_first() {
    let head = Unfinished {
        request_id: Some(Uuid::from_u128(7)),
        lane: Some("live".to_owned()),
        ..work(9)
    };
    let of_live = Unfinished {
        request_id: Some(Uuid::from_u128(8)),
        lane: Some("live".to_owned()),
        ..work(8)
    };
    let lost = [work(1), of_live, work(2), head];
    let made = jobs(&lost);
    assert!(made.verify.is_empty());
    let [bulk, live] = made.preserve.as_slice() else {
        panic!("{made:?}")
    };
    assert_eq!(
        (bulk.lane, bulk.part, bulk.attempts.len()),
        (Lane::Bulk, 1, 2)
    );
    assert_eq!((live.lane, live.part), (Lane::Live, 0));
    assert_eq!(live.attempts[0].commit, live.push.after);
    assert!(
        live.attempts
            .iter()
            .all(|attempt| attempt.request.is_some())
    );
    assert_eq!(live.push.branch, "a/b");
}

#[test]
fn a_preserved_tree_is_verified_and_one_that_was_missing_preserved_first_at_its_time() {
    let retry = Unfinished {
        request_id: Some(Uuid::from_u128(7)),
        lane: Some("live".to_owned()),
        snapshot_digest: Some("a".repeat(64)),
        tries: 2,
        retry_at: Some(at(60)),
        ..work(9)
    };
    let missing = Unfinished {
        tree_was_missing: true,
        ..retry.clone()
    };
    let verify = jobs([&retry]).verify;
    assert_eq!((verify[0].try_number, verify[0].lane), (3, Lane::Bulk));
    assert_eq!(verify[0].not_before, Some(at(60)));
    let preserve = jobs([&missing]).preserve;
    assert_eq!((preserve[0].try_number, preserve[0].part), (3, 0));
    assert_eq!(preserve[0].not_before, Some(at(60)));
    assert_eq!(row(&missing, at(0)).try_number, 3);
}

#[test]
fn a_list_is_asked_for_by_the_head_and_a_row_that_does_not_read_is_left_out() {
    let list = Unfinished {
        lists: true,
        ..work(9)
    };
    let broken = Unfinished {
        repository: "nowhere".to_owned(),
        ..work(1)
    };
    let made = jobs([&list, &broken]).preserve;
    assert_eq!(made.len(), 1);
    assert_eq!((made[0].part, made[0].lists), (0, true));
}

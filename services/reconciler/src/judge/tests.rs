//! Tables of deliveries and branches, and what is thought of them.

use uuid::Uuid;

use super::*;

fn sha(digit: char) -> String {
    digit.to_string().repeat(40)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000 + second, 0).unwrap()
}

fn tried(id: u64, guid: &str, second: i64, status_code: u16) -> Delivery {
    Delivery {
        id,
        guid: guid.to_owned(),
        delivered_at: at(second),
        redelivery: false,
        status_code,
        event: "push".to_owned(),
    }
}

fn gathered(tries: &[Delivery]) -> BTreeMap<String, Told> {
    let mut gathered = Gathered::new(Owner::parse("octo").unwrap(), 7);
    for tried in tries {
        gathered.take(tried);
    }
    gathered.into_told()
}

#[test]
fn all_tries_of_a_delivery_are_one_whatever_their_order() {
    let tries = [
        tried(3, "a", 30, 503),
        tried(1, "a", 10, 0),
        tried(2, "b", 20, 202),
        tried(4, "b", 40, 500),
    ];
    let mut reversed = tries.clone();
    reversed.reverse();
    let told = gathered(&tries);
    assert_eq!(told, gathered(&reversed));
    let a = &told["a"];
    assert_eq!((a.first_at, a.newest, a.last_status), (at(10), 3, 503));
    assert_eq!((a.kind(), a.tries), ("delivery-failed", 2));
    let b = &told["b"];
    assert_eq!((b.kind(), b.newest), ("delivery-lost", 4));
}

#[test]
fn a_delivery_is_asked_for_until_it_failed_too_often() {
    for (tries, action) in [
        (1, Action::Redelivery),
        (TRIES_MAX - 1, Action::Redelivery),
        (TRIES_MAX, Action::Nothing),
    ] {
        let all: Vec<_> = (0..tries as u64).map(|id| tried(id, "a", 0, 500)).collect();
        assert_eq!(gathered(&all)["a"].action(), action, "{tries}");
    }
}

/// What is found of one branch: where the ledger sees it (by linkage, and by the newest push;
/// `None` outside where it knows no such branch), where git has it, where the session started.
fn found(
    known: Option<(Option<char>, Option<char>)>,
    here: Option<char>,
    starting: Option<char>,
) -> Option<(Option<String>, Option<String>)> {
    let ref_name = "refs/heads/main".to_owned();
    let known: Vec<_> = known
        .iter()
        .map(|(head, newest)| KnownRef {
            repository: "github:octo/hello".to_owned(),
            ref_name: ref_name.clone(),
            head_sha: head.map(sha),
            newest_push: Uuid::nil(),
            newest_sha: newest.map(sha),
        })
        .collect();
    let branches: Vec<_> = here
        .iter()
        .map(|&digit| Ref {
            ref_name: ref_name.clone(),
            head: sha(digit).parse().unwrap(),
        })
        .collect();
    let starting: Vec<_> = starting.map(sha).into_iter().collect();
    let repository = "github:octo/hello".parse().unwrap();
    let found = elsewhere(&repository, &starting, &branches, &known);
    assert!(found.len() <= 1);
    let found = found.into_iter().next()?;
    assert_eq!(found.ref_name, ref_name);
    let text = |sha: Option<CommitSha>| sha.map(String::from);
    Some((text(found.before), text(found.after)))
}

#[test]
fn a_branch_is_a_gap_where_no_push_that_we_know_led_to_where_it_is() {
    let a = Some('a');
    let seen = |digit| Some((digit, digit));
    for (case, known, here, starting, expected) in [
        ("as we saw it", seen(a), a, None, None),
        ("moved on", seen(a), Some('b'), None, Some((a, Some('b')))),
        ("gone", seen(a), None, None, Some((a, None))),
        ("gone, and we know", seen(None), None, None, None),
        ("back again", seen(None), a, None, Some((None, a))),
        ("never seen", None, a, None, Some((None, a))),
        ("the template's", None, a, a, None),
        (
            "beyond the template",
            None,
            Some('b'),
            a,
            Some((None, Some('b'))),
        ),
        (
            "forced back to the start",
            seen(Some('b')),
            a,
            a,
            Some((Some('b'), a)),
        ),
        ("linked there", Some((a, Some('b'))), a, None, None),
        ("pushed there last", Some((Some('b'), a)), a, None, None),
        (
            "neither",
            Some((Some('b'), Some('c'))),
            a,
            None,
            Some((Some('b'), a)),
        ),
    ] {
        let expected = expected
            .map(|(before, after): (Option<char>, Option<char>)| (before.map(sha), after.map(sha)));
        assert_eq!(found(known, here, starting), expected, "{case}");
    }
}

#[test]
fn only_a_tag_that_was_never_seen_is_a_new_one() {
    let found = |name: &str, since: Option<u128>| RefFound {
        repository: "github:octo/hello".parse().unwrap(),
        ref_name: name.to_owned(),
        before: None,
        after: Some(sha('a').parse().unwrap()),
        since: since.map(|push| PushId::from_uuid(Uuid::from_u128(push))),
    };
    assert!(is_new_tag(&found("refs/tags/v1", None)));
    assert!(!is_new_tag(&found("refs/tags/v1", Some(1))));
    assert!(!is_new_tag(&found("refs/heads/refs/tags/v1", None)));
}

#[test]
fn who_finds_a_ref_later_finds_the_same_until_a_newer_push_is_known() {
    let found = |since: u128, after: char| RefFound {
        repository: "github:octo/hello".parse().unwrap(),
        ref_name: "refs/heads/main".to_owned(),
        before: None,
        after: Some(sha(after).parse().unwrap()),
        since: Some(PushId::from_uuid(Uuid::from_u128(since))),
    };
    let id = found(1, 'a').forge_delivery();
    assert_eq!(id, found(1, 'a').forge_delivery());
    assert_ne!(id, found(2, 'a').forge_delivery());
    assert_ne!(id, found(1, 'b').forge_delivery());
    assert!(id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_graphic()));
}

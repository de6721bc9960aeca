//! What is read of GitHub's pushes: recorded ones, and odd ones made from them.

use serde_json::{Value, json};

use super::push::read;
use crate::parts::COMMITS_MAX;
use crate::push::{Listing, Push, RefKind};

const SHA: &str = "6113728f27ae82c7b1a177c8d03f9e96e0adf246";
const OTHER: &str = "d70c5c6fa638b1a177c8d03f9e96e0adf2466113";

/// A push of one commit to a branch, with `change` merged over it.
fn with(change: Value) -> String {
    let commit = json!({
        "id": SHA, "timestamp": "2019-05-15T17:19:25.1234567+02:00",
        "author": {"name": "Ada", "email": "ada@example.org", "username": "ada"},
        "added": ["a"], "removed": [], "modified": ["b"],
    });
    let mut payload = json!({
        "ref": "refs/heads/main", "before": OTHER, "after": SHA, "forced": false,
        "head_commit": commit, "commits": [commit],
        "pusher": {"name": "ada", "email": "ada@example.org"},
        "repository": {"full_name": "Octo/Hello", "pushed_at": 1_557_933_657},
        "sender": {"id": 21_031_067, "login": "ada"},
    });
    let Value::Object(change) = change else {
        panic!("a change is an object")
    };
    payload.as_object_mut().unwrap().extend(change);
    payload.to_string()
}

fn push(change: Value) -> Push {
    read(&with(change)).unwrap()
}

#[test]
fn a_push_to_a_branch_is_read_whole() {
    let push = push(json!({}));
    assert_eq!(push.repository, "Octo/Hello");
    assert_eq!((push.kind, push.name.as_str()), (RefKind::Branch, "main"));
    assert_eq!(push.before.as_ref().unwrap().as_str(), OTHER);
    assert_eq!(push.head().unwrap().as_str(), SHA);
    assert_eq!(
        (push.created, push.deleted, push.forced),
        (false, false, false)
    );
    assert_eq!(
        push.pushed_at.unwrap().to_rfc3339(),
        "2019-05-15T15:20:57+00:00"
    );
    let sender = push.sender.unwrap();
    assert_eq!(
        (sender.id.as_str(), sender.login.as_deref()),
        ("21031067", Some("ada"))
    );
    assert_eq!(
        push.pusher.unwrap().email.as_deref(),
        Some("ada@example.org")
    );
    let [commit] = push.commits.as_slice() else {
        panic!("one commit")
    };
    assert_eq!(commit.author.login.as_deref(), Some("ada"));
    assert_eq!(
        commit.committed_at.unwrap().to_rfc3339(),
        "2019-05-15T15:19:25.123456+00:00"
    );
    assert_eq!(
        (&commit.added, &commit.modified),
        (&vec!["a".to_owned()], &vec!["b".to_owned()])
    );
    assert!(commit.removed.is_empty());
    assert_eq!(push.listing, Listing::Whole);
}

/// A ref, before, after and the id of `head_commit`; then what is read: the kind, the name, whether
/// new or gone, and the head. `0` and `00` are zeros of either length, `s` and `o` two SHAs of 40
/// digits, `l` one of 64, `-` is nothing. An annotated tag's `after` is the tag object.
const CHANGES: &str = "
    refs/heads/a/b  0  s  s   Branch a/b          new  s
    refs/heads/a    0  s  -   Branch a            new  s
    refs/heads/a    o  0  -   Branch a            gone -
    refs/heads/a    00 l  -   Branch a            new  l
    refs/heads/a    l  00 -   Branch a            gone -
    refs/heads/a    o  s  s   Branch a            -    s
    refs/tags/v1    0  s  s   Tag    v1           new  s
    refs/tags/v1    0  o  s   Tag    v1           new  s
    refs/tags/v1    0  o  -   Tag    v1           new  -
    refs/tags/v1    s  0  -   Tag    v1           gone -
    refs/notes/x    0  o  -   Other  refs/notes/x new  -
";

fn sha(word: &str) -> String {
    match word {
        "0" => "0".repeat(40),
        "00" => "0".repeat(64),
        "s" => SHA.to_owned(),
        "o" => OTHER.to_owned(),
        "l" => "a".repeat(64),
        _ => word.to_owned(),
    }
}

#[test]
fn what_happened_to_the_ref_is_told_from_the_shas() {
    for line in CHANGES.trim().lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let [full, before, after, head, kind, name, change, expected] = words[..] else {
            panic!("{line}")
        };
        let head = if head == "-" {
            Value::Null
        } else {
            json!({"id": sha(head)})
        };
        let push = push(json!({
            "ref": full, "before": sha(before), "after": sha(after), "head_commit": head,
        }));
        assert_eq!(
            (format!("{:?}", push.kind).as_str(), push.name.as_str()),
            (kind, name)
        );
        let expected_change = (change == "new", change == "gone");
        assert_eq!((push.created, push.deleted), expected_change, "{line}");
        let read = push.head().map_or("-", |sha| sha.as_str());
        assert_eq!(read, sha(expected), "{line}");
    }
}

#[test]
fn a_new_branch_can_be_forced_and_a_deletion_said_twice_is_one() {
    let push = push(json!({"before": "0".repeat(40), "created": true, "forced": true}));
    assert!(push.created && push.forced && !push.deleted);
    let push = self::push(json!({"deleted": true}));
    assert!(push.deleted && push.head().is_none());
}

#[test]
fn odd_payloads_are_read_and_nothing_of_them_breaks_a_database() {
    let push = push(json!({
        "ref": "refs/heads/a\0b",
        "sender": {"id": u64::MAX, "login": "a\0da"},
        "pusher": {"name": "\0"},
        "extra": {"number": 9_007_199_254_740_993_u64, "deep": [[[]]]},
        "commits": [{
            "id": SHA, "author": {"name": "🎉\0é", "email": 7}, "timestamp": "yesterday",
            "added": ["a\0", 7, "🎉"], "removed": null, "modified": "b",
        }],
    }));
    assert_eq!(push.name, "ab");
    let sender = push.sender.unwrap();
    assert_eq!(
        (sender.id.as_str(), sender.login.as_deref()),
        ("18446744073709551615", Some("ada"))
    );
    let [commit] = push.commits.as_slice() else {
        panic!("one commit")
    };
    assert_eq!(commit.author.name.as_deref(), Some("🎉é"));
    assert_eq!(
        (commit.author.email.as_deref(), commit.committed_at),
        (None, None)
    );
    assert_eq!(commit.added, ["a", "🎉"]);
    assert!(commit.removed.is_empty() && commit.modified.is_empty());
    let bare = json!({"commits": null, "head_commit": null, "pusher": null, "sender": null});
    let push = self::push(bare);
    assert!(push.commits.is_empty() && push.pusher.is_none() && push.sender.is_none());
    assert_eq!(push.head().unwrap().as_str(), SHA);
}

#[test]
fn of_two_equal_keys_the_last_holds() {
    let text = with(json!({}));
    let twice = text.replacen('{', &format!("{{\"after\":\"{OTHER}\",\"ref\":7,"), 1);
    assert_eq!(read(&twice), read(&text));
    let huge = text.replace("21031067", "123456789012345678901234567890");
    assert_eq!(
        read(&huge).unwrap().sender.unwrap().id,
        "123456789012345678901234567890"
    );
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(
        read(&text.replacen('{', &format!("{{\"x\":{deep},"), 1)),
        read(&text)
    );
    let lone = text.replace("Ada", "\\ud800");
    assert_eq!(read(&lone).unwrap().commits[0].author.name, None);
}

#[test]
fn a_list_of_2048_commits_or_of_a_new_branch_may_leave_some_out() {
    let zero = "0".repeat(40);
    for (before, after, listed, read, listing) in [
        (OTHER, SHA, 0, 0, Listing::Whole),
        (OTHER, SHA, 2_047, 2_047, Listing::Whole),
        (OTHER, SHA, 2_048, 2_048, Listing::Unknown),
        (OTHER, SHA, 2_050, 2_048, Listing::Unknown),
        (&zero, SHA, 1, 1, Listing::Unknown),
        (OTHER, &zero, 0, 0, Listing::Whole),
    ] {
        let commits: Vec<_> = (0..listed)
            .map(|n| json!({"id": format!("{n:040x}1")[1..]}))
            .collect();
        let push = push(json!({"before": before, "after": after, "commits": commits}));
        assert_eq!(
            (push.commits.len(), push.listing),
            (read, listing),
            "{listed}"
        );
    }
    assert_eq!(COMMITS_MAX, 2_048);
}

#[test]
fn an_unreadable_payload_is_refused_with_what_and_where() {
    for (change, at) in [
        (json!({"ref": null}), "ref"),
        (json!({"ref": 7}), "ref"),
        (json!({"ref": "refs/heads/"}), "ref"),
        (json!({"ref": "x".repeat(1_025)}), "ref"),
        (json!({"before": null}), "before"),
        (json!({"after": "main"}), "after"),
        (json!({"after": "0".repeat(41)}), "after"),
        (json!({"after": SHA.to_uppercase()}), "after"),
        (json!({"repository": null}), "repository"),
        (json!({"repository": {}}), "repository.full_name"),
        (
            json!({"repository": {"full_name": "hello"}}),
            "repository.full_name",
        ),
        (
            json!({"repository": {"full_name": "octo/hel\0lo"}}),
            "repository.full_name",
        ),
        (json!({"commits": {}}), "commits"),
        (json!({"commits": [7]}), "commits[0]"),
        (
            json!({"commits": [{"id": SHA}, {"id": "0".repeat(40)}]}),
            "commits[1].id",
        ),
        (json!({"head_commit": {}}), "head_commit.id"),
    ] {
        let refused = read(&with(change.clone())).unwrap_err();
        assert_eq!(refused.at, at, "{change}");
    }
    for text in ["", "{", "[]", "null", "{\"ref\": \"refs/heads/a\"}"] {
        assert!(read(text).is_err(), "{text}");
    }
}

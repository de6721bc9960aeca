//! What is read of Bitbucket Cloud's pushes, by tables.

use serde_json::{Value, json};

use super::push::{REFS_MAX, read};
use crate::push::{Listing, Push, RefKind};

const OLD: &str = "1e65c05c1d5171631d92438a13901ca7dae9618c";
const NEW: &str = "709d658dc5b6d6afcd46049c2f332ee3f515a67d";

fn commit(sha: &str) -> Value {
    json!({
        "type": "commit", "hash": sha, "message": "m\n", "date": "2015-06-09T03:34:49+00:00",
        "author": {"type": "author", "raw": "Ada L. <ada@example.org>",
                   "user": {"nickname": "ada", "uuid": "{u}"}},
        "parents": [{"type": "commit", "hash": OLD}],
    })
}

fn at(kind: &str, name: &str, sha: &str) -> Value {
    json!({"type": kind, "name": name, "target": commit(sha), "links": {}})
}

/// A push of one commit to a branch, with `change` merged over its one change.
fn with(change: Value) -> String {
    let mut one = json!({
        "old": at("branch", "main", OLD), "new": at("branch", "main", NEW),
        "created": false, "closed": false, "forced": false, "truncated": false,
        "commits": [commit(NEW)],
    });
    let Value::Object(change) = change else {
        panic!("a change is an object")
    };
    one.as_object_mut().unwrap().extend(change);
    whole(json!([one]))
}

fn whole(changes: Value) -> String {
    let payload = json!({
        "actor": {"type": "user", "uuid": "{5c6a}", "account_id": "5570:c0", "nickname": "ada",
                  "display_name": "Ada L."},
        "repository": {"type": "repository", "full_name": "Octo/Hello", "uuid": "{7f}"},
        "push": {"changes": changes},
    });
    payload.to_string()
}

fn push(change: Value) -> Push {
    read(&with(change)).unwrap().remove(0)
}

#[test]
fn a_push_to_a_branch_is_read_whole() {
    let push = push(json!({}));
    assert_eq!(push.repository, "Octo/Hello");
    assert_eq!((push.kind, push.name.as_str()), (RefKind::Branch, "main"));
    assert_eq!(push.before.as_ref().unwrap().as_str(), OLD);
    assert_eq!(push.head().unwrap().as_str(), NEW);
    assert_eq!(push.listing, Listing::Whole);
    let sender = push.sender.unwrap();
    assert_eq!(
        (sender.id.as_str(), sender.login.as_deref()),
        ("{5c6a}", Some("ada"))
    );
    let author = &push.commits[0].author;
    assert_eq!(
        [&author.name, &author.email, &author.login].map(Option::as_deref),
        [Some("Ada L."), Some("ada@example.org"), Some("ada")]
    );
    assert_eq!(
        push.commits[0].committed_at.unwrap().to_rfc3339(),
        "2015-06-09T03:34:49+00:00"
    );
}

#[test]
fn what_happened_to_the_ref_is_told_from_old_and_new() {
    let (branch, tag) = (|sha| at("branch", "a", sha), |sha| at("tag", "v1", sha));
    for (old, new, kind, created, deleted, head) in [
        (
            Value::Null,
            branch(NEW),
            RefKind::Branch,
            true,
            false,
            Some(NEW),
        ),
        (branch(OLD), Value::Null, RefKind::Branch, false, true, None),
        (
            branch(OLD),
            branch(NEW),
            RefKind::Branch,
            false,
            false,
            Some(NEW),
        ),
        // What an annotated tag points at is the commit.
        (Value::Null, tag(NEW), RefKind::Tag, true, false, Some(NEW)),
        (tag(OLD), Value::Null, RefKind::Tag, false, true, None),
        (
            Value::Null,
            at("annotated_tag", "v1", NEW),
            RefKind::Tag,
            true,
            false,
            Some(NEW),
        ),
        (
            Value::Null,
            at("bookmark", "x", NEW),
            RefKind::Other,
            true,
            false,
            Some(NEW),
        ),
    ] {
        let line = format!("{old} {new}");
        let push = push(json!({"old": old, "new": new, "commits": []}));
        assert_eq!(push.kind, kind, "{line}");
        assert_eq!((push.created, push.deleted), (created, deleted), "{line}");
        assert_eq!(push.head().map(|sha| sha.as_str()), head, "{line}");
    }
    let push = push(json!({"forced": true, "created": true, "old": null}));
    assert!(push.created && push.forced);
}

#[test]
fn one_delivery_brings_as_many_pushes_as_refs() {
    let change = |n: usize| json!({"old": null, "new": at("branch", &format!("b{n}"), NEW)});
    for refs in [0, 1, 3, REFS_MAX] {
        let changes: Vec<_> = (0..refs).map(change).collect();
        let pushes = read(&whole(json!(changes))).unwrap();
        let names: Vec<_> = pushes.iter().map(|push| push.name.clone()).collect();
        let expected: Vec<_> = (0..refs).map(|n| format!("b{n}")).collect();
        assert_eq!(names, expected);
    }
    let changes: Vec<_> = (0..=REFS_MAX).map(change).collect();
    let refused = read(&whole(json!(changes))).unwrap_err();
    assert_eq!(refused.at, "push.changes");
}

#[test]
fn commits_come_newest_first_and_a_truncated_list_says_so() {
    let shas: Vec<_> = (1..=5).map(|n| format!("{n:040x}")).collect();
    let newest_first: Vec<_> = shas.iter().rev().map(|sha| commit(sha)).collect();
    for (old, truncated, listing) in [
        (at("branch", "main", OLD), false, Listing::Whole),
        (
            at("branch", "main", OLD),
            true,
            Listing::Cut { total: None },
        ),
        (Value::Null, false, Listing::Unknown),
        (Value::Null, true, Listing::Cut { total: None }),
    ] {
        let push = push(json!({
            "old": old, "new": at("branch", "main", &shas[4]),
            "commits": newest_first, "truncated": truncated,
        }));
        let read: Vec<_> = push.commits.iter().map(|c| c.sha.as_str()).collect();
        assert_eq!(read, shas);
        assert_eq!(push.listing, listing);
    }
}

#[test]
fn an_author_is_read_out_of_the_line_that_git_has() {
    for (raw, name, email) in [
        ("Ada <a@b>", Some("Ada"), Some("a@b")),
        (
            "Ada <the first> <a@b>",
            Some("Ada <the first>"),
            Some("a@b"),
        ),
        ("Ada", Some("Ada"), None),
        ("Ada <a@b", Some("Ada"), None),
        (" <a@b>", None, Some("a@b")),
        ("", None, None),
        (" <>", None, None),
    ] {
        let mut one = commit(NEW);
        one["author"] = json!({"raw": raw});
        let push = push(json!({"commits": [one]}));
        let author = &push.commits[0].author;
        let read = (author.name.as_deref(), author.email.as_deref());
        assert_eq!(read, (name, email), "{raw:?}");
    }
}

#[test]
fn an_unreadable_payload_is_refused_with_what_and_where() {
    let nameless = json!({"type": "branch", "target": commit(NEW)});
    for (change, at) in [
        (json!({"old": null, "new": null}), "push.changes[0].new"),
        (json!({"new": nameless}), "push.changes[0].new.name"),
        (
            json!({"new": {"type": "branch", "name": "a"}}),
            "push.changes[0].new.target",
        ),
        (
            json!({"commits": [{"hash": "x"}]}),
            "push.changes[0].commits[0].hash",
        ),
        (json!({"commits": 7}), "push.changes[0].commits"),
    ] {
        assert_eq!(read(&with(change.clone())).unwrap_err().at, at, "{change}");
    }
    for (text, at) in [
        ("{}", "repository"),
        (r#"{"repository": {"full_name": "a/b"}}"#, "push"),
        (
            r#"{"repository": {"full_name": "a/b"}, "push": {"changes": {}}}"#,
            "push.changes",
        ),
    ] {
        assert_eq!(read(text).unwrap_err().at, at, "{text}");
    }
}

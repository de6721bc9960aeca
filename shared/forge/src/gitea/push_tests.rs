//! What is read of Gitea's and Forgejo's pushes, by tables.

use serde_json::{Value, json};

use super::push::read;
use crate::push::{Listing, Push, RefKind};

const OLD: &str = "28e1879d029cb852e4844d9c718537df08844e03";
const NEW: &str = "bffeb74224043ba2feb48d137756c8a9331c449a";
const TAG_OBJECT: &str = "6113728f27ae82c7b1a177c8d03f9e96e0adf246";

fn commit(sha: &str) -> Value {
    json!({
        "id": sha, "message": "m", "url": "http://localhost:3000/c", "verification": null,
        "author": {"name": "Ada", "email": "ada@example.org", "username": "ada"},
        "committer": {"name": "Ada", "email": "ada@example.org", "username": "ada"},
        "timestamp": "2017-03-13T13:52:11-04:00", "added": ["a"], "removed": [], "modified": null,
    })
}

fn with(change: Value) -> String {
    let mut payload = json!({
        "ref": "refs/heads/main", "before": OLD, "after": NEW, "compare_url": "http://x/compare",
        "commits": [commit(NEW)], "total_commits": 1, "head_commit": commit(NEW),
        "repository": {"id": 140, "name": "Hello", "full_name": "Octo/Hello"},
        "pusher": {"id": 1, "login": "ada", "full_name": "Ada L.", "email": "ada@example.org"},
        "sender": {"id": 1, "login": "ada", "full_name": "Ada L.", "email": "ada@example.org"},
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
    assert_eq!(push.head().unwrap().as_str(), NEW);
    assert_eq!(push.listing, Listing::Whole);
    let (pusher, sender) = (push.pusher.unwrap(), push.sender.unwrap());
    assert_eq!(
        (pusher.name.as_deref(), pusher.login.as_deref()),
        (Some("Ada L."), Some("ada"))
    );
    assert_eq!(sender.id, "1");
    assert_eq!(push.commits[0].author.login.as_deref(), Some("ada"));
}

#[test]
fn what_happened_to_the_ref_is_told_from_the_shas_and_a_tag_brings_its_commit() {
    let (zero, long) = ("0".repeat(40), "0".repeat(64));
    let (branch, tag) = ("refs/heads/a", "refs/tags/v1");
    for (full, before, after, head_commit, created, deleted, head) in [
        (
            branch,
            zero.as_str(),
            NEW,
            Some(NEW),
            true,
            false,
            Some(NEW),
        ),
        (branch, &long, NEW, None, true, false, Some(NEW)),
        (branch, OLD, NEW, None, false, false, Some(NEW)),
        (tag, &zero, TAG_OBJECT, Some(NEW), true, false, Some(NEW)),
        // Versions that name no commit leave it to git.
        (tag, &zero, TAG_OBJECT, None, true, false, None),
        (tag, TAG_OBJECT, &zero, None, false, true, None),
        (tag, TAG_OBJECT, &long, None, false, true, None),
    ] {
        let push = push(json!({
            "ref": full, "before": before, "after": after, "commits": [],
            "head_commit": head_commit.map(commit),
        }));
        let line = format!("{full} {before} {after}");
        assert_eq!((push.created, push.deleted), (created, deleted), "{line}");
        assert_eq!(push.head().map(|sha| sha.as_str()), head, "{line}");
    }
}

#[test]
fn a_branchs_deletion_is_an_event_of_its_own() {
    let zero = "0".repeat(40);
    let deletion = |name: &str, kind: &str| {
        let payload = json!({
            "ref": name, "ref_type": kind, "pusher_type": "user",
            "repository": {"full_name": "Octo/Hello"}, "sender": {"id": 1, "login": "ada"},
        });
        read(&payload.to_string())
    };
    for (name, kind, expected) in [
        ("a/b", "branch", Ok((RefKind::Branch, "a/b"))),
        ("refs/heads/a/b", "branch", Ok((RefKind::Branch, "a/b"))),
        ("v1", "tag", Ok((RefKind::Tag, "v1"))),
        // A branch may be called so.
        (
            "refs/tags/v1",
            "branch",
            Ok((RefKind::Branch, "refs/tags/v1")),
        ),
        ("", "branch", Err("ref")),
        ("a", "wiki", Err("ref_type")),
    ] {
        let read = deletion(name, kind).map_err(|refused| refused.at);
        if let Ok(push) = &read {
            assert!(push.deleted && push.head().is_none() && push.before.is_none());
            assert_eq!(push.sender.as_ref().unwrap().id, "1");
        }
        let said = read.as_ref().map(|push| (push.kind, push.name.as_str()));
        assert_eq!(said.map_err(String::as_str), expected, "{name} {kind}");
    }
    // A push that happens to say a type is a push.
    let push = push(json!({"ref_type": "branch", "after": zero}));
    assert!(push.deleted && push.before.is_some());
}

#[test]
fn commits_come_newest_first_and_are_put_the_other_way() {
    let shas: Vec<_> = (1..=5).map(|n| format!("{n:040x}")).collect();
    let listed = |order: &[&str]| order.iter().map(|sha| commit(sha)).collect::<Vec<_>>();
    let oldest_first: Vec<_> = shas.iter().map(String::as_str).collect();
    let newest_first: Vec<_> = shas.iter().rev().map(String::as_str).collect();
    for order in [&oldest_first, &newest_first] {
        let push = push(json!({"after": shas[4], "head_commit": null, "commits": listed(order)}));
        let read: Vec<_> = push.commits.iter().map(|c| c.sha.as_str()).collect();
        assert_eq!(read, oldest_first);
    }
}

#[test]
fn a_list_is_cut_where_gitea_counts_more_and_unknown_of_a_new_branch() {
    let zero = "0".repeat(40);
    let commits: Vec<_> = (1..=5).map(|n| commit(&format!("{n:040x}"))).collect();
    for (before, total, listing) in [
        (OLD, json!(5), Listing::Whole),
        (OLD, json!(6), Listing::Cut { total: Some(6) }),
        (OLD, Value::Null, Listing::Unknown),
        // Of a new branch it looks at ten commits, and counts those.
        (zero.as_str(), json!(5), Listing::Unknown),
        (&zero, json!(10), Listing::Cut { total: Some(10) }),
    ] {
        let push = push(json!({"before": before, "commits": commits, "total_commits": total}));
        assert_eq!(push.listing, listing, "{before} {total}");
    }
}

#[test]
fn an_unreadable_payload_is_refused_with_what_and_where() {
    for (change, at) in [
        (json!({"ref": "refs/heads/"}), "ref"),
        (json!({"before": 7}), "before"),
        (json!({"after": null}), "after"),
        (
            json!({"repository": {"full_name": "a\tb/c"}}),
            "repository.full_name",
        ),
        (json!({"commits": "x"}), "commits"),
        (json!({"head_commit": {"id": "x"}}), "head_commit.id"),
    ] {
        assert_eq!(read(&with(change.clone())).unwrap_err().at, at, "{change}");
    }
}

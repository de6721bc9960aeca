//! What is read of GitLab's pushes, by tables.

use serde_json::{Value, json};

use super::push::read;
use crate::push::{Listing, Push, RefKind};

const OLD: &str = "95790bf891e76fee5e1747ab589903a6a1f80f22";
const NEW: &str = "da1560886d4f094c3e6c9ef40349f7d38b5d27d7";
const TAG_OBJECT: &str = "82b3d5ae55f7080f1e6022629cdb57bfae7cccc7";

fn commit(sha: &str) -> Value {
    json!({
        "id": sha, "message": "m", "title": "t", "timestamp": "2011-12-12T14:27:31+02:00",
        "url": "https://gitlab.example/c", "author": {"name": "Ada", "email": "ada@example.org"},
        "added": ["a"], "modified": ["b"], "removed": [],
    })
}

/// A push of one commit to a branch, with `change` merged over it.
fn with(change: Value) -> String {
    let mut payload = json!({
        "object_kind": "push", "event_name": "push", "before": OLD, "after": NEW,
        "ref": "refs/heads/main", "ref_protected": true, "checkout_sha": NEW, "message": null,
        "user_id": 4, "user_name": "Ada L.", "user_username": "ada", "user_email": "a@example.org",
        "project_id": 15, "total_commits_count": 1, "commits": [commit(NEW)],
        "project": {"id": 15, "path_with_namespace": "group/sub/Hello", "default_branch": "main"},
        "repository": {"name": "Hello", "url": "git@gitlab.example:group/sub/hello.git"},
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
    assert_eq!(push.repository, "group/sub/Hello");
    assert_eq!((push.kind, push.name.as_str()), (RefKind::Branch, "main"));
    assert_eq!(push.before.as_ref().unwrap().as_str(), OLD);
    assert_eq!(push.head().unwrap().as_str(), NEW);
    assert_eq!(push.listing, Listing::Whole);
    let (pusher, sender) = (push.pusher.unwrap(), push.sender.unwrap());
    assert_eq!(
        (sender.id.as_str(), sender.login.as_deref()),
        ("4", Some("ada"))
    );
    assert_eq!(pusher.email.as_deref(), Some("a@example.org"));
    let head = push.head_commit.unwrap();
    assert_eq!(push.commits.as_slice(), std::slice::from_ref(&head));
    assert_eq!(head.author.email.as_deref(), Some("ada@example.org"));
    assert_eq!(
        head.committed_at.unwrap().to_rfc3339(),
        "2011-12-12T12:27:31+00:00"
    );
}

#[test]
fn what_happened_to_the_ref_is_told_from_the_shas_and_a_tag_brings_its_commit() {
    let (zero, long) = ("0".repeat(40), "0".repeat(64));
    let branch = "refs/heads/a";
    let tag = "refs/tags/v1";
    for (kind, full, before, after, checkout, created, deleted, head) in [
        (
            "push",
            branch,
            zero.as_str(),
            NEW,
            Some(NEW),
            true,
            false,
            Some(NEW),
        ),
        (
            "push",
            branch,
            &long,
            NEW,
            Some(NEW),
            true,
            false,
            Some(NEW),
        ),
        ("push", branch, OLD, NEW, None, false, false, Some(NEW)),
        ("push", branch, OLD, &zero, None, false, true, None),
        ("push", branch, OLD, &long, None, false, true, None),
        (
            "tag_push",
            tag,
            &zero,
            TAG_OBJECT,
            Some(NEW),
            true,
            false,
            Some(NEW),
        ),
        ("tag_push", tag, &zero, TAG_OBJECT, None, true, false, None),
        ("tag_push", tag, TAG_OBJECT, &zero, None, false, true, None),
    ] {
        let push = push(json!({
            "object_kind": kind, "ref": full, "before": before, "after": after,
            "checkout_sha": checkout, "commits": [],
        }));
        let line = format!("{kind} {full} {before} {after}");
        assert_eq!((push.created, push.deleted), (created, deleted), "{line}");
        assert_eq!(push.head().map(|sha| sha.as_str()), head, "{line}");
        assert_eq!(push.head_commit, None, "{line}");
    }
}

#[test]
fn a_list_is_cut_where_gitlab_counts_more_than_it_lists() {
    let zero = "0".repeat(40);
    for (before, listed, total, listing) in [
        (OLD, 20, json!(20), Listing::Whole),
        (OLD, 20, json!(21), Listing::Cut { total: Some(21) }),
        (OLD, 20, json!(5_000), Listing::Cut { total: Some(5_000) }),
        (OLD, 1, Value::Null, Listing::Unknown),
        (OLD, 1, json!(-1), Listing::Unknown),
        (OLD, 1, json!(1e30), Listing::Unknown),
        (&zero, 1, json!(1), Listing::Unknown),
        (&zero, 20, json!(30), Listing::Cut { total: Some(30) }),
    ] {
        let commits: Vec<_> = (0..listed)
            .map(|n| commit(&format!("{n:040x}1")[1..]))
            .collect();
        let change = json!({"before": before, "commits": commits, "total_commits_count": total});
        let push = push(change);
        assert_eq!((push.commits.len(), push.listing), (listed, listing));
    }
}

#[test]
fn an_unreadable_payload_is_refused_with_what_and_where() {
    for (change, at) in [
        (json!({"object_kind": "issue"}), "object_kind"),
        (json!({"object_kind": null}), "object_kind"),
        (json!({"ref": 7}), "ref"),
        (json!({"before": null}), "before"),
        (json!({"after": "main"}), "after"),
        (json!({"checkout_sha": "main"}), "checkout_sha"),
        (json!({"project": null}), "project"),
        (
            json!({"project": {"path_with_namespace": "x"}}),
            "project.path_with_namespace",
        ),
        (json!({"commits": [{}]}), "commits[0].id"),
    ] {
        assert_eq!(read(&with(change.clone())).unwrap_err().at, at, "{change}");
    }
}

//! What is read of the push that the README describes, by tables.

use serde_json::{Value, json};

use super::push::read;
use crate::push::{Listing, Push, RefKind};

/// The crate's README, whose example is what is promised.
const README: &str = include_str!("../../README.md");
const OLD: &str = "6113728f27ae82c7b1a177c8d03f9e96e0adf246";
const NEW: &str = "d70c5c6fa638b1a177c8d03f9e96e0adf2466113";

fn example() -> Value {
    let (_, rest) = README.split_once("```json\n").unwrap();
    serde_json::from_str(rest.split_once("```").unwrap().0).unwrap()
}

fn with(change: Value) -> String {
    let mut payload = example();
    let Value::Object(change) = change else {
        panic!("a change is an object")
    };
    payload["data"].as_object_mut().unwrap().extend(change);
    payload.to_string()
}

fn push(change: Value) -> Push {
    read(&with(change)).unwrap()
}

#[test]
fn the_example_of_the_readme_is_read_whole() {
    let push = push(json!({}));
    assert_eq!(push.repository, "owner/name");
    assert_eq!((push.kind, push.name.as_str()), (RefKind::Branch, "main"));
    assert_eq!(push.before.as_ref().unwrap().as_str(), OLD);
    assert_eq!(push.head().unwrap().as_str(), NEW);
    assert_eq!(push.head_commit.as_ref(), push.commits.last());
    assert_eq!(push.listing, Listing::Whole);
    assert_eq!(push.sender.unwrap().id, "7");
    assert_eq!(
        push.pushed_at.unwrap().to_rfc3339(),
        "2026-01-05T09:00:00+00:00"
    );
}

#[test]
fn only_what_is_needed_has_to_be_there() {
    for (before, after, created, deleted) in [
        (Value::Null, json!(NEW), true, false),
        (json!("0".repeat(40)), json!(NEW), true, false),
        (json!(OLD), Value::Null, false, true),
        (json!(OLD), json!("0".repeat(64)), false, true),
    ] {
        let data = json!({"repository": "a/b", "ref": "refs/heads/x", "before": before,
                          "after": after});
        let push = read(&json!({"type": "push", "data": data}).to_string()).unwrap();
        assert_eq!((push.created, push.deleted), (created, deleted));
        assert_eq!(push.head(), push.after.as_ref());
        assert!(push.sender.is_none() && push.commits.is_empty());
    }
}

#[test]
fn a_tag_brings_the_commit_that_it_names_and_an_account_may_be_a_text() {
    let tag = json!({"ref": "refs/tags/v1", "before": null, "after": OLD, "head": NEW,
                     "commits": [], "sender": {"id": "0b3c", "username": "ada"}});
    let push = push(tag);
    assert_eq!(push.head().unwrap().as_str(), NEW);
    assert_eq!(push.sender.unwrap().id, "0b3c");
    let push = self::push(json!({"ref": "refs/tags/v1", "head": null, "commits": []}));
    assert!(push.head().is_none());
}

#[test]
fn without_a_total_a_list_is_perhaps_not_whole() {
    for (total, listing) in [
        (json!(1), Listing::Whole),
        (json!(2), Listing::Cut { total: Some(2) }),
        (Value::Null, Listing::Unknown),
    ] {
        assert_eq!(push(json!({"total_commits": total})).listing, listing);
    }
}

#[test]
fn an_unreadable_payload_is_refused_with_what_and_where() {
    for (change, at) in [
        (json!({"repository": "name"}), "data.repository"),
        (json!({"ref": 7}), "data.ref"),
        (json!({"before": "x"}), "data.before"),
        (json!({"before": null, "after": null}), "data.after"),
        (json!({"head": "x"}), "data.head"),
        (json!({"commits": [{"id": NEW}, {}]}), "data.commits[1].id"),
    ] {
        assert_eq!(read(&with(change.clone())).unwrap_err().at, at, "{change}");
    }
    assert_eq!(read(r#"{"type": "push"}"#).unwrap_err().at, "data");
}

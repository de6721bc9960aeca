//! Owns the reading of GitLab's push and tag push payloads.

use crate::fields::Fields;
use crate::parts::{
    Commits, Moved, commits, full_name, full_ref, listing_by_total, sha_if_any, sha_or_zero,
};
use crate::push::{Account, Person, Push, Unreadable, split_ref};

pub(crate) fn read(json: &str) -> Result<Push, Unreadable> {
    let payload = Fields::of(json, String::new())?;
    // The event's header is not signed; this is.
    let kind = payload.exact_text("object_kind").unwrap_or_default();
    if !matches!(kind.as_str(), "push" | "tag_push") {
        return Err(payload.unreadable("object_kind", "expected push or tag_push"));
    }
    let repository = full_name(&payload.needed_object("project")?, "path_with_namespace")?;
    let full_ref = full_ref(&payload)?;
    let (kind, name) = split_ref(&full_ref);
    let before = sha_or_zero(&payload, "before")?;
    let after = sha_or_zero(&payload, "after")?;
    // Of an annotated tag `after` is the tag object, this its commit.
    let head_sha = sha_if_any(&payload, "checkout_sha")?;
    // The newest twenty, the oldest of them first.
    let Commits {
        listed: commits,
        len: listed,
        ..
    } = commits(&payload)?;
    let moved = Moved {
        kind,
        before: before.as_ref(),
        after: after.as_ref(),
    };
    let head = head_sha.as_ref().or(after.as_ref());
    Ok(Push {
        repository,
        kind,
        name: name.to_owned(),
        created: before.is_none(),
        deleted: after.is_none(),
        // GitLab does not say.
        forced: false,
        listing: listing_by_total(&moved, listed, payload.count("total_commits_count")),
        head_commit: commits
            .iter()
            .find(|commit| Some(&commit.sha) == head)
            .cloned(),
        head_sha,
        before,
        after,
        commits,
        pusher: Some(Person {
            name: payload.text("user_name"),
            email: payload.text("user_email"),
            login: payload.text("user_username"),
        }),
        sender: payload.digits("user_id").map(|id| Account {
            id,
            login: payload.text("user_username"),
        }),
        pushed_at: None,
    })
}

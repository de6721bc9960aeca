//! Owns the reading of Gitea's and Forgejo's payloads: a push, and the deletion of a branch.

use crate::fields::Fields;
use crate::parts::{
    Moved, account, commits, full_name, full_ref, head_commit, listing_by_total, oldest_first,
    sha_or_zero,
};
use crate::push::{Listing, Person, Push, REF_BYTES_MAX, RefKind, Unreadable, split_ref};

pub(crate) fn read(json: &str) -> Result<Push, Unreadable> {
    let payload = Fields::of(json, String::new())?;
    if payload.has("ref_type") && !payload.has("after") {
        return deletion(&payload);
    }
    let full_ref = full_ref(&payload)?;
    let (kind, name) = split_ref(&full_ref);
    let before = sha_or_zero(&payload, "before")?;
    let after = sha_or_zero(&payload, "after")?;
    let commits = commits(&payload)?;
    let (head_sha, head_commit) = head_commit(&payload, &commits)?;
    let moved = Moved {
        kind,
        before: before.as_ref(),
        after: after.as_ref(),
    };
    Ok(Push {
        repository: repository(&payload)?,
        kind,
        name: name.to_owned(),
        created: before.is_none(),
        deleted: after.is_none(),
        // Gitea does not say.
        forced: false,
        listing: listing_by_total(&moved, commits.len, payload.count("total_commits")),
        head_sha,
        head_commit,
        // The newest five, the newest first.
        commits: oldest_first(commits.listed, after.as_ref()),
        before,
        after,
        pusher: payload.object("pusher").as_ref().map(person),
        sender: payload.object("sender").as_ref().and_then(account),
        pushed_at: None,
    })
}

/// A branch's deletion is an event of its own, which names the branch alone.
fn deletion(payload: &Fields<'_>) -> Result<Push, Unreadable> {
    let name = payload
        .text("ref")
        .filter(|name| (1..=REF_BYTES_MAX).contains(&name.len()))
        .ok_or_else(|| payload.unreadable("ref", "expected the name of a ref"))?;
    let kind = match payload.exact_text("ref_type").as_deref() {
        Some("branch") => RefKind::Branch,
        Some("tag") => RefKind::Tag,
        _ => return Err(payload.unreadable("ref_type", "expected branch or tag")),
    };
    let name = match split_ref(&name) {
        (full_kind, short) if full_kind == kind => short.to_owned(),
        _ => name,
    };
    Ok(Push {
        repository: repository(payload)?,
        kind,
        name,
        before: None,
        after: None,
        created: false,
        deleted: true,
        forced: false,
        head_sha: None,
        head_commit: None,
        commits: Vec::new(),
        listing: Listing::Whole,
        pusher: None,
        sender: payload.object("sender").as_ref().and_then(account),
        pushed_at: None,
    })
}

fn repository(payload: &Fields<'_>) -> Result<String, Unreadable> {
    full_name(&payload.needed_object("repository")?, "full_name")
}

fn person(fields: &Fields<'_>) -> Person {
    Person {
        name: fields.text("full_name"),
        email: fields.text("email"),
        login: fields.text("login"),
    }
}

//! Owns the reading of the push that this crate's README describes for forges of one's own.

use crate::fields::Fields;
use crate::parts::{
    Commits, Moved, commits, full_name, full_ref, listing_by_total, person, sha_if_any, time,
};
use crate::push::{Account, Push, Unreadable, split_ref};

pub(crate) fn read(json: &str) -> Result<Push, Unreadable> {
    let payload = Fields::of(json, String::new())?;
    let data = payload.needed_object("data")?;
    let repository = full_name(&data, "repository")?;
    let full_ref = full_ref(&data)?;
    let (kind, name) = split_ref(&full_ref);
    let before = sha_if_any(&data, "before")?;
    let after = sha_if_any(&data, "after")?;
    if before.is_none() && after.is_none() {
        return Err(data.unreadable("after", "expected a commit here, or in before"));
    }
    let Commits {
        listed: commits,
        len: listed,
        ..
    } = commits(&data)?;
    let moved = Moved {
        kind,
        before: before.as_ref(),
        after: after.as_ref(),
    };
    let head_sha = sha_if_any(&data, "head")?;
    let head = head_sha.as_ref().or(after.as_ref());
    let sender = data.object("sender");
    Ok(Push {
        repository,
        kind,
        name: name.to_owned(),
        created: before.is_none(),
        deleted: after.is_none(),
        forced: data.is_true("forced"),
        listing: listing_by_total(&moved, listed, data.count("total_commits")),
        head_commit: commits
            .iter()
            .find(|commit| Some(&commit.sha) == head)
            .cloned(),
        head_sha,
        before,
        after,
        commits,
        pusher: sender.as_ref().map(person),
        sender: sender.as_ref().and_then(account),
        pushed_at: time(&payload, "timestamp"),
    })
}

fn account(sender: &Fields<'_>) -> Option<Account> {
    Some(Account {
        id: sender.digits("id").or_else(|| sender.text("id"))?,
        login: sender.text("username"),
    })
}

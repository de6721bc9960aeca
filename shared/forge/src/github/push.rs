//! Owns the reading of GitHub's push payload.

use contract::time::Timestamp;

use crate::fields::Fields;
use crate::parts::{
    COMMITS_MAX, List, Moved, account, commits, full_name, full_ref, head_commit, person,
    sha_or_zero, time,
};
use crate::push::{Listing, Push, Unreadable, split_ref};

pub(crate) fn read(json: &str) -> Result<Push, Unreadable> {
    let payload = Fields::of(json, String::new())?;
    let (repository, pushed_at) = repository(&payload)?;
    let full_ref = full_ref(&payload)?;
    let (kind, name) = split_ref(&full_ref);
    let before = sha_or_zero(&payload, "before")?;
    // Zeros and the flag are both believed: of a ref that may be gone nothing is to be fetched.
    let after = sha_or_zero(&payload, "after")?.filter(|_| !payload.is_true("deleted"));
    let commits = commits(&payload)?;
    let (head_sha, head_commit) = head_commit(&payload, &commits)?;
    let moved = Moved {
        kind,
        before: before.as_ref(),
        after: after.as_ref(),
    };
    Ok(Push {
        repository,
        kind,
        name: name.to_owned(),
        created: before.is_none(),
        deleted: after.is_none(),
        forced: payload.is_true("forced"),
        listing: listing(&moved, commits.len),
        before,
        after,
        head_sha,
        head_commit,
        commits: commits.listed,
        pusher: payload.object("pusher").as_ref().map(person),
        sender: payload.object("sender").as_ref().and_then(account),
        pushed_at,
    })
}

/// GitHub says no total: a list at its cap may be cut or not.
fn listing(moved: &Moved<'_>, listed: usize) -> Listing {
    match moved.brings_a_list() {
        List::Nothing => Listing::Whole,
        List::OfAMove if listed < COMMITS_MAX => Listing::Whole,
        List::OfAMove | List::OfANewRef => Listing::Unknown,
    }
}

fn repository(payload: &Fields<'_>) -> Result<(String, Option<Timestamp>), Unreadable> {
    let repository = payload.needed_object("repository")?;
    let full_name = full_name(&repository, "full_name")?;
    Ok((full_name, time(&repository, "pushed_at")))
}

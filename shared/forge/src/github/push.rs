//! Owns the reading of GitHub's push payload.

use chrono::DateTime;
use contract::name::CommitSha;
use contract::time::{Timestamp, to_micros};

use super::fields::Fields;
use crate::push::{Account, ListedCommit, Person, Push, REF_BYTES_MAX, Unreadable, split_ref};

/// Most commits that GitHub lists.
pub(crate) const COMMITS_LISTED_MAX: usize = 2_048;

pub(crate) fn read(json: &str) -> Result<Push, Unreadable> {
    let payload = Fields::of(json, String::new())?;
    let (repository, pushed_at) = repository(&payload)?;
    let full_ref = full_ref(&payload)?;
    let (kind, name) = split_ref(&full_ref);
    let before = sha_or_zero(&payload, "before")?;
    let after = sha_or_zero(&payload, "after")?;
    let mut listed = payload.objects("commits")?;
    let may_list_fewer = listed.len() >= COMMITS_LISTED_MAX;
    listed.truncate(COMMITS_LISTED_MAX);
    let commits = listed.iter().map(commit).collect::<Result<_, _>>()?;
    Ok(Push {
        repository,
        kind,
        name: name.to_owned(),
        created: before.is_none(),
        // Both are believed: of a ref that may be gone nothing is to be fetched.
        deleted: after.is_none() || payload.is_true("deleted"),
        forced: payload.is_true("forced"),
        before,
        after,
        head_commit: payload
            .object("head_commit")
            .as_ref()
            .map(commit)
            .transpose()?,
        commits,
        may_list_fewer,
        pusher: payload.object("pusher").as_ref().map(person),
        sender: payload.object("sender").as_ref().and_then(account),
        pushed_at,
    })
}

fn repository(payload: &Fields<'_>) -> Result<(String, Option<Timestamp>), Unreadable> {
    let repository = payload
        .object("repository")
        .ok_or_else(|| payload.unreadable("repository", "expected an object"))?;
    // Not cleaned: a name that says more than it shows must not become another's.
    let full_name = repository
        .exact_text("full_name")
        .filter(|name| name.contains('/') && !name.contains(char::is_control))
        .ok_or_else(|| repository.unreadable("full_name", "expected owner/name"))?;
    Ok((full_name, time(&repository, "pushed_at")))
}

fn full_ref(payload: &Fields<'_>) -> Result<String, Unreadable> {
    payload
        .text("ref")
        .filter(|name| name.len() <= REF_BYTES_MAX && !matches!(split_ref(name), (_, "")))
        .ok_or_else(|| payload.unreadable("ref", "expected the full name of a ref"))
}

/// The SHA in a field; `None` for all zeros of either length, which mean that there is none.
fn sha_or_zero(fields: &Fields<'_>, name: &str) -> Result<Option<CommitSha>, Unreadable> {
    let text = fields.exact_text(name).unwrap_or_default();
    if matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte == b'0') {
        return Ok(None);
    }
    sha(fields, name).map(Some)
}

fn sha(fields: &Fields<'_>, name: &str) -> Result<CommitSha, Unreadable> {
    let text = fields.exact_text(name).unwrap_or_default();
    text.try_into()
        .map_err(|_| fields.unreadable(name, "expected 40 or 64 hex digits"))
}

fn commit(fields: &Fields<'_>) -> Result<ListedCommit, Unreadable> {
    Ok(ListedCommit {
        sha: sha(fields, "id")?,
        author: fields
            .object("author")
            .as_ref()
            .map(person)
            .unwrap_or_default(),
        committed_at: time(fields, "timestamp"),
        added: fields.texts("added"),
        removed: fields.texts("removed"),
        modified: fields.texts("modified"),
    })
}

fn person(fields: &Fields<'_>) -> Person {
    Person {
        name: fields.text("name"),
        email: fields.text("email"),
        login: fields.text("username"),
    }
}

fn account(fields: &Fields<'_>) -> Option<Account> {
    Some(Account {
        id: fields.digits("id")?,
        login: fields.text("login"),
    })
}

/// A time, which GitHub writes as seconds since 1970 or as RFC 3339.
fn time(fields: &Fields<'_>, name: &str) -> Option<Timestamp> {
    if let Some(seconds) = fields.digits(name) {
        return DateTime::from_timestamp(seconds.parse().ok()?, 0);
    }
    let text = fields.exact_text(name)?;
    let time = DateTime::parse_from_rfc3339(&text).ok()?;
    Some(to_micros(time.to_utc()))
}

//! Owns the parts of a push that several forges write alike: the ref, the SHAs, times, people,
//! commits in GitHub's shape.

use chrono::DateTime;
use contract::name::CommitSha;
use contract::time::{Timestamp, to_micros};

use crate::fields::Fields;
use crate::push::{
    Account, ListedCommit, Listing, PATHS_MAX, Person, REF_BYTES_MAX, RefKind, Unreadable,
    split_ref,
};

/// Most commits that are read of one list: GitHub's cap, the largest of all.
pub(crate) const COMMITS_MAX: usize = 2_048;

/// The full name of the ref in the field `ref`.
pub(crate) fn full_ref(payload: &Fields<'_>) -> Result<String, Unreadable> {
    payload
        .text("ref")
        .filter(|name| name.len() <= REF_BYTES_MAX && !matches!(split_ref(name), (_, "")))
        .ok_or_else(|| payload.unreadable("ref", "expected the full name of a ref"))
}

/// A repository's full name. It is not cleaned: a name that says more than it shows must not become
/// another's.
pub(crate) fn full_name(repository: &Fields<'_>, field: &str) -> Result<String, Unreadable> {
    repository
        .exact_text(field)
        .filter(|name| name.contains('/') && !name.contains(char::is_control))
        .ok_or_else(|| repository.unreadable(field, "expected owner/name"))
}

/// The SHA in a field; `None` for all zeros of either length, which mean that there is none.
pub(crate) fn sha_or_zero(
    fields: &Fields<'_>,
    name: &str,
) -> Result<Option<CommitSha>, Unreadable> {
    let text = fields.exact_text(name).unwrap_or_default();
    if matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte == b'0') {
        return Ok(None);
    }
    sha(fields, name).map(Some)
}

/// The SHA in a field that may be missing or null.
pub(crate) fn sha_if_any(fields: &Fields<'_>, name: &str) -> Result<Option<CommitSha>, Unreadable> {
    match fields.exact_text(name) {
        Some(_) => sha_or_zero(fields, name),
        None => Ok(None),
    }
}

/// The SHA in a field.
pub(crate) fn sha(fields: &Fields<'_>, name: &str) -> Result<CommitSha, Unreadable> {
    let text = fields.exact_text(name).unwrap_or_default();
    text.try_into()
        .map_err(|_| fields.unreadable(name, "expected 40 or 64 hex digits"))
}

/// A time, as seconds since 1970 or as RFC 3339.
pub(crate) fn time(fields: &Fields<'_>, name: &str) -> Option<Timestamp> {
    if let Some(seconds) = fields.digits(name) {
        return DateTime::from_timestamp(seconds.parse().ok()?, 0);
    }
    let text = fields.exact_text(name)?;
    let time = DateTime::parse_from_rfc3339(&text).ok()?;
    Some(to_micros(time.to_utc()))
}

/// A commit in the shape that GitHub, GitLab and Gitea share.
pub(crate) fn commit(fields: &Fields<'_>) -> Result<ListedCommit, Unreadable> {
    let [added, removed, modified] =
        ["added", "removed", "modified"].map(|name| fields.texts::<PATHS_MAX>(name));
    Ok(ListedCommit {
        sha: sha(fields, "id")?,
        author: fields
            .object("author")
            .as_ref()
            .map(person)
            .unwrap_or_default(),
        committed_at: time(fields, "timestamp"),
        paths_listed: added.len + removed.len + modified.len,
        added: added.first,
        removed: removed.first,
        modified: modified.first,
    })
}

/// A list of such commits.
pub(crate) struct Commits<'a> {
    pub(crate) listed: Vec<ListedCommit>,
    /// How many the list has.
    pub(crate) len: usize,
    /// The text of the last one.
    last: Option<&'a str>,
}

/// The commits in the field `commits`.
pub(crate) fn commits<'a>(payload: &Fields<'a>) -> Result<Commits<'a>, Unreadable> {
    let objects = payload.objects::<COMMITS_MAX>("commits")?;
    let listed: Result<_, _> = objects.first.iter().map(commit).collect();
    Ok(Commits {
        listed: listed?,
        len: objects.len,
        last: objects.last,
    })
}

/// The commit that a push leads to, in the field `head_commit`: its SHA, and itself where it is not one
/// of the list. Most often it is the list's last, to the letter, and is not read again.
pub(crate) fn head_commit(
    payload: &Fields<'_>,
    commits: &Commits<'_>,
) -> Result<(Option<CommitSha>, Option<ListedCommit>), Unreadable> {
    match (payload.raw("head_commit"), commits.last) {
        (Some(head), Some(last)) if head == last => {
            let last = commits.listed.last().map(|commit| commit.sha.clone());
            Ok((last, None))
        }
        _ => {
            let head = payload.object("head_commit");
            let head = head.as_ref().map(commit).transpose()?;
            Ok((head.as_ref().map(|head| head.sha.clone()), head))
        }
    }
}

/// A person with `name`, `email` and `username`.
pub(crate) fn person(fields: &Fields<'_>) -> Person {
    Person {
        name: fields.text("name"),
        email: fields.text("email"),
        login: fields.text("username"),
    }
}

/// An account with a number as `id` and a `login`.
pub(crate) fn account(fields: &Fields<'_>) -> Option<Account> {
    Some(Account {
        id: fields.digits("id")?,
        login: fields.text("login"),
    })
}

/// Puts a list that begins with the newest the other way, so that the head is last. A list whose
/// ends are both something else keeps its forge's usual order, newest first.
pub(crate) fn oldest_first(
    mut commits: Vec<ListedCommit>,
    head: Option<&CommitSha>,
) -> Vec<ListedCommit> {
    if commits.last().map(|commit| &commit.sha) != head {
        commits.reverse();
    }
    commits
}

/// What is to be thought of a list, where the forge counts what the push brought.
pub(crate) fn listing_by_total(of: &Moved<'_>, listed: usize, total: Option<u64>) -> Listing {
    match (of.brings_a_list(), total) {
        (List::Nothing, _) => Listing::Whole,
        (_, Some(total)) if total > listed as u64 => Listing::Cut { total: Some(total) },
        (List::OfAMove, Some(_)) => Listing::Whole,
        (List::OfAMove | List::OfANewRef, _) => Listing::Unknown,
    }
}

/// How a ref moved.
pub(crate) struct Moved<'a> {
    pub(crate) kind: RefKind,
    pub(crate) before: Option<&'a CommitSha>,
    pub(crate) after: Option<&'a CommitSha>,
}

/// What a forge lists of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum List {
    /// Nothing: a deletion or a tag.
    Nothing,
    /// The commits of `before..after`.
    OfAMove,
    /// Some of the commits of a new ref, as the forge finds right.
    OfANewRef,
}

impl Moved<'_> {
    pub(crate) fn brings_a_list(&self) -> List {
        match (self.kind, self.before, self.after) {
            (RefKind::Branch, Some(_), Some(_)) => List::OfAMove,
            (RefKind::Branch, None, Some(_)) => List::OfANewRef,
            _ => List::Nothing,
        }
    }
}

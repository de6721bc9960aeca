//! Owns the reading of Bitbucket Cloud's push payload, which has a change for each ref.

use contract::name::CommitSha;

use crate::fields::Fields;
use crate::parts::{COMMITS_MAX, List, Moved, full_name, oldest_first, sha, time};
use crate::push::{
    Account, ListedCommit, Listing, Person, Push, REF_BYTES_MAX, RefKind, Unreadable,
};

/// Most refs of one delivery. One with more is unreadable: none of it is left out in silence.
pub(crate) const REFS_MAX: usize = 1_000;

/// What stands in front of the address in a commit's author.
const ADDRESS_BEGINS: &str = " <";

pub(crate) fn read(json: &str) -> Result<Vec<Push>, Unreadable> {
    let payload = Fields::of(json, String::new())?;
    let repository = full_name(&payload.needed_object("repository")?, "full_name")?;
    let actor = payload.object("actor");
    let push = payload.needed_object("push")?;
    let changes = push.objects::<REFS_MAX>("changes")?;
    if changes.len > REFS_MAX {
        return Err(push.unreadable("changes", "expected at most 1000 refs"));
    }
    let read = |change: &Fields<'_>| one(&repository, actor.as_ref(), change);
    changes.first.iter().map(read).collect()
}

fn one(
    repository: &str,
    actor: Option<&Fields<'_>>,
    change: &Fields<'_>,
) -> Result<Push, Unreadable> {
    let (old, new) = (change.object("old"), change.object("new"));
    let named = new
        .as_ref()
        .or(old.as_ref())
        .ok_or_else(|| change.unreadable("new", "expected an object, or one as old"))?;
    let (kind, name) = ref_of(named)?;
    // Of an annotated tag this is the commit: the tag object is nowhere.
    let gone = change.is_true("closed");
    let kept = new.as_ref().filter(|_| !gone);
    let head_commit = kept.map(target).transpose()?;
    let before = old
        .as_ref()
        .map(target)
        .transpose()?
        .map(|commit| commit.sha);
    let after = head_commit.as_ref().map(|commit| commit.sha.clone());
    let listed = change.objects::<COMMITS_MAX>("commits")?;
    let commits: Result<Vec<_>, _> = listed.first.iter().map(commit).collect();
    let moved = Moved {
        kind,
        before: before.as_ref(),
        after: after.as_ref(),
    };
    Ok(Push {
        repository: repository.to_owned(),
        kind,
        name,
        created: before.is_none(),
        deleted: after.is_none(),
        forced: change.is_true("forced"),
        listing: listing(&moved, listed.len, change.is_true("truncated")),
        // The newest five, the newest first.
        commits: oldest_first(commits?, after.as_ref()),
        head_sha: None,
        head_commit,
        before,
        after,
        pusher: actor.map(person),
        sender: actor.and_then(account),
        pushed_at: None,
    })
}

fn listing(moved: &Moved<'_>, listed: usize, truncated: bool) -> Listing {
    match moved.brings_a_list() {
        List::Nothing => Listing::Whole,
        _ if truncated => Listing::Cut { total: None },
        // Bitbucket lists commits of every move: none at all is no list.
        List::OfAMove if listed > 0 => Listing::Whole,
        List::OfAMove | List::OfANewRef => Listing::Unknown,
    }
}

fn ref_of(named: &Fields<'_>) -> Result<(RefKind, String), Unreadable> {
    let name = named
        .text("name")
        .filter(|name| (1..=REF_BYTES_MAX).contains(&name.len()))
        .ok_or_else(|| named.unreadable("name", "expected the name of a ref"))?;
    let kind = match named.exact_text("type").as_deref() {
        Some("branch") => RefKind::Branch,
        Some("tag" | "annotated_tag") => RefKind::Tag,
        _ => RefKind::Other,
    };
    Ok((kind, name))
}

fn target(named: &Fields<'_>) -> Result<ListedCommit, Unreadable> {
    commit(&named.needed_object("target")?)
}

fn commit(fields: &Fields<'_>) -> Result<ListedCommit, Unreadable> {
    let sha: CommitSha = sha(fields, "hash")?;
    Ok(ListedCommit {
        sha,
        author: fields
            .object("author")
            .as_ref()
            .map(author)
            .unwrap_or_default(),
        committed_at: time(fields, "date"),
        // Bitbucket does not say.
        added: Vec::new(),
        removed: Vec::new(),
        modified: Vec::new(),
        paths_listed: 0,
    })
}

/// The author as git has them, `Name <address>`, and the account that Bitbucket knows behind them.
fn author(fields: &Fields<'_>) -> Person {
    let raw = fields.text("raw").unwrap_or_default();
    let (name, email) = match raw.rsplit_once(ADDRESS_BEGINS) {
        Some((name, rest)) => (name, rest.strip_suffix('>')),
        None => (raw.as_str(), None),
    };
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Person {
        name: some(name.trim()),
        email: email.and_then(some),
        login: fields.object("user").and_then(|user| user.text("nickname")),
    }
}

fn person(actor: &Fields<'_>) -> Person {
    Person {
        name: actor.text("display_name"),
        email: None,
        login: actor.text("nickname"),
    }
}

fn account(actor: &Fields<'_>) -> Option<Account> {
    Some(Account {
        id: actor.text("uuid").or_else(|| actor.text("account_id"))?,
        login: actor.text("nickname"),
    })
}

//! Owns the thought of which commits of a push are attempts, and which of those are verified.

use std::collections::HashMap;

use contract::ids::{AttemptId, RequestId};
use contract::message::Lane;
use contract::name::CommitSha;
use contract::time::Timestamp;
use forge::push::{ListedCommit, Listing, PATHS_MAX, Push, RefKind};
use serde::Serialize;
use store::attempt::AttemptRow;
use store::json::CanonicalJson;
use store::lab_session::SessionRules;
use store::verification_request::RequestRow;
use uuid::Uuid;

use crate::open::is_enrolled;
use crate::plan::People;
use crate::taken::{Pushed, Taken};

/// Most changed paths that an attempt's row keeps of what the payload says.
const CHANGED_FILES_MAX: usize = PATHS_MAX;

/// The attempts that a push asks for in a session, the head first. A deleted ref asks for none, a
/// tag for its commit alone: what it tags was pushed on a branch, or never. Nor are the session's
/// starting commit and what is listed before it: that is the template's history. Where a merge
/// makes that order say too little, git finds what is missing here.
pub(crate) fn of_push(
    taken: &Taken,
    pushed: &Pushed,
    people: &People,
    push_id: Uuid,
    session: &SessionRules,
    now: Timestamp,
) -> Vec<AttemptRow> {
    let Some(head) = pushed.push.head() else {
        return Vec::new();
    };
    let is_start = |sha: &CommitSha| is_past(&pushed.push, session, sha);
    if is_start(head) {
        return Vec::new();
    }
    let listed: HashMap<&CommitSha, &ListedCommit> = pushed
        .push
        .head_commit
        .iter()
        .chain(&pushed.push.commits)
        .map(|commit| (&commit.sha, commit))
        .collect();
    let commits: Vec<&CommitSha> = match pushed.push.kind {
        RefKind::Branch => {
            let newest_first = pushed.push.commits.iter().rev().map(|commit| &commit.sha);
            let others = newest_first.take_while(|&sha| !is_start(sha));
            std::iter::once(head)
                .chain(others.filter(|&sha| sha != head))
                .collect()
        }
        RefKind::Tag => vec![head],
        RefKind::Other => Vec::new(),
    };
    let received = &taken.received;
    let row = |sha: &CommitSha| {
        let commit = listed.get(sha);
        AttemptRow {
            id: AttemptId::new().as_uuid(),
            lab_session_id: session.id,
            push_id,
            delivery_id: received.delivery.as_uuid(),
            commit_sha: sha.to_string(),
            branch: pushed.push.name.clone(),
            author_id: people.authors.get(sha).map(|author| author.principal.id),
            changed_files: commit.map(|commit| changed_files(commit)),
            committed_at: commit.and_then(|commit| commit.committed_at),
            received_at: received.received_at,
            listed: "payload".to_owned(),
            trace_id: received.delivery.trace_id().to_string(),
            recorded_at: now,
        }
    };
    commits.into_iter().map(row).collect()
}

/// Whether git must say which commits a push brought to a session: its list is not known to be
/// whole, or was taken only in part, because what lies before the session is in it.
pub(crate) fn is_to_be_listed(push: &Push, session: &SessionRules) -> bool {
    let brings = push.kind == RefKind::Branch
        && push
            .head()
            .is_some_and(|head| !is_past(push, session, head));
    let mut listed = push.commits.iter();
    brings
        && (push.listing != Listing::Whole
            || listed.any(|commit| is_past(push, session, &commit.sha)))
}

/// Whether a commit's history is not the learner's in this session: the lab's own, and what came
/// before the session. Where a session was opened by the first push that came, what that push
/// began at may be what an earlier one brought: a push that lists it itself brings it all the same.
fn is_past(push: &Push, session: &SessionRules, sha: &CommitSha) -> bool {
    if session.template.iter().any(|known| known == sha.as_str()) {
        return true;
    }
    let is_start = session.starting_commit.as_deref() == Some(sha.as_str());
    let brings = || push.before.is_some() && push.commits.iter().any(|commit| commit.sha == *sha);
    is_start && (!is_enrolled(session) || !brings())
}

/// What a payload says of a commit's paths, as its attempt keeps it, in the order of canonical JSON.
#[derive(Serialize)]
struct ChangedFiles<'a> {
    added: &'a [String],
    listed: usize,
    modified: &'a [String],
    removed: &'a [String],
}

fn changed_files(commit: &ListedCommit) -> CanonicalJson {
    let mut left = CHANGED_FILES_MAX;
    let mut take = |paths: &[String]| {
        let taken = paths.len().min(left);
        left -= taken;
        taken
    };
    let (added, modified, removed) = (
        take(&commit.added),
        take(&commit.modified),
        take(&commit.removed),
    );
    CanonicalJson::of(&ChangedFiles {
        added: &commit.added[..added],
        listed: commit.paths_listed,
        modified: &commit.modified[..modified],
        removed: &commit.removed[..removed],
    })
}

/// The requests that a push asks for: for its head, or for every commit where the lab says so.
/// A tag asks only for a commit that nobody has pushed before.
pub(crate) fn requests(
    attempts: &[AttemptRow],
    are_new: bool,
    kind: RefKind,
    session: &SessionRules,
    now: Timestamp,
) -> Vec<RequestRow> {
    let wanted = match (kind, session.commits.as_str()) {
        (RefKind::Tag, _) if !are_new => 0,
        (_, "all") => attempts.len(),
        _ => attempts.len().min(1),
    };
    let row = |attempt: &AttemptRow| RequestRow {
        id: RequestId::new().as_uuid(),
        cause: format!("push:{}", attempt.push_id),
        lab_attempt_id: attempt.id,
        lab_version_id: session.lab_version_id,
        lane: Lane::Live.to_string(),
        trace_id: attempt.trace_id.clone(),
        recorded_at: now,
    };
    attempts[..wanted].iter().map(row).collect()
}

//! Owns the thought: which rows a delivery asks for. No clock, no database; what is new is decided
//! by the ledger's unique keys.

use std::collections::{BTreeMap, HashMap};

use contract::ids::{AttemptId, LabVersionId, PushId, RequestId, SessionId};
use contract::job::{ATTEMPTS_PER_JOB_MAX, AttemptToPreserve, PushOfSession, SnapshotRequested};
use contract::message::Lane;
use contract::name::CommitSha;
use contract::time::Timestamp;
use forge::push::{ListedCommit, Person, Push, RefKind};
use serde_json::{Value, json};
use store::attempt::AttemptRow;
use store::delivery::{BodyRow, ConflictRow, DeliveryRow, ReceiptRow};
use store::lab_session::SessionRules;
use store::push::PushRow;
use store::verification_request::RequestRow;
use uuid::Uuid;

use crate::pseudonym::{Named, Pseudonym, Pseudonyms};
use crate::taken::{Pushed, Taken};

/// Most changed paths that an attempt's row keeps of what the payload says.
const CHANGED_FILES_MAX: usize = 200;

/// Whether a delivery is the first of its id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// The receipt was made by this very message, now.
    First,
    /// The receipt was made by this very message, before: a redelivery by the queue.
    Again,
    /// Another message made the receipt: the forge sent the delivery again.
    Repeat,
    /// Another message with another body made the receipt.
    Conflict,
}

pub(crate) fn standing(taken: &Taken, receipt: &ReceiptRow, is_new: bool) -> Standing {
    let received = &taken.received;
    let same_message = receipt.lane_id == received.lane.as_uuid()
        && receipt.lane_number == number(received.number);
    if receipt.body_digest != received.body_digest.to_string() {
        Standing::Conflict
    } else if !same_message {
        Standing::Repeat
    } else if is_new {
        Standing::First
    } else {
        Standing::Again
    }
}

pub(crate) fn receipt(taken: &Taken, now: Timestamp) -> ReceiptRow {
    let received = &taken.received;
    ReceiptRow {
        delivery_id: received.delivery.as_uuid(),
        source: received.source.to_string(),
        forge_delivery: received.forge_delivery.clone(),
        body_digest: received.body_digest.to_string(),
        lane_id: received.lane.as_uuid(),
        lane_number: number(received.number),
        recorded_at: now,
    }
}

pub(crate) fn delivery(taken: &Taken, now: Timestamp) -> DeliveryRow {
    let received = &taken.received;
    DeliveryRow {
        id: received.delivery.as_uuid(),
        source: received.source.to_string(),
        event: received.event.clone(),
        body_digest: received.body_digest.to_string(),
        body_bytes: number(received.body_bytes),
        key: received.key.clone(),
        trace_id: received.delivery.trace_id().to_string(),
        lane_id: received.lane.as_uuid(),
        lane_number: number(received.number),
        received_at: received.received_at,
        recorded_at: now,
    }
}

pub(crate) fn body(taken: &Taken, now: Timestamp) -> BodyRow {
    let received = &taken.received;
    BodyRow {
        delivery_id: received.delivery.as_uuid(),
        body_digest: received.body_digest.to_string(),
        body_zstd: taken.frame.clone(),
        headers: json!(received.headers),
        recorded_at: now,
    }
}

pub(crate) fn conflict(taken: &Taken, first: &ReceiptRow, now: Timestamp) -> ConflictRow {
    ConflictRow {
        id: Uuid::now_v7(),
        delivery_id: first.delivery_id,
        body_digest: taken.received.body_digest.to_string(),
        first_body_digest: first.body_digest.clone(),
        received_at: taken.received.received_at,
        recorded_at: now,
    }
}

/// The people a push names: who pushed, and who wrote its commits.
pub(crate) struct People {
    pub(crate) pusher: Option<Pseudonym>,
    /// By the commit's SHA.
    pub(crate) authors: HashMap<CommitSha, Pseudonym>,
}

pub(crate) fn people(pushed: &Pushed, pseudonyms: &Pseudonyms, now: Timestamp) -> People {
    let push = &pushed.push;
    let pusher = push.sender.as_ref().map(|account| {
        let pushed_as = push.pusher.clone().unwrap_or_default();
        let named = Named {
            login: account.login.clone(),
            name: pushed_as.name,
            email: pushed_as.email,
        };
        pseudonyms.of_account(pushed.provider, &account.id, named, now)
    });
    let authors = push
        .commits
        .iter()
        .chain(&push.head_commit)
        .filter_map(|commit| {
            let Person { name, email, login } = commit.author.clone();
            let named = Named { login, name, email };
            Some((commit.sha.clone(), pseudonyms.of_author(named, now)?))
        });
    People {
        pusher,
        authors: authors.collect(),
    }
}

pub(crate) fn push(taken: &Taken, pushed: &Pushed, people: &People, now: Timestamp) -> PushRow {
    let Push {
        kind,
        name,
        before,
        forced,
        commits,
        ..
    } = &pushed.push;
    let (kind, ref_name) = match kind {
        RefKind::Branch => ("branch", format!("refs/heads/{name}")),
        RefKind::Tag => ("tag", format!("refs/tags/{name}")),
        RefKind::Other => ("other", name.clone()),
    };
    PushRow {
        id: PushId::new().as_uuid(),
        delivery_id: taken.received.delivery.as_uuid(),
        body_digest: taken.received.body_digest.to_string(),
        repository: pushed.repository.to_string(),
        ref_name,
        kind: kind.to_owned(),
        before_sha: before.as_ref().map(CommitSha::to_string),
        after_sha: pushed.push.head().map(CommitSha::to_string),
        forced: *forced,
        commits_listed: i32::try_from(commits.len()).unwrap_or(i32::MAX),
        pusher_id: people.pusher.as_ref().map(|pusher| pusher.principal.id),
        received_at: taken.received.received_at,
        recorded_at: now,
    }
}

/// The attempts that a push asks for in a session, the head first. A deleted ref asks for none, a
/// tag for its commit alone: what it tags was pushed on a branch, or never.
pub(crate) fn attempts(
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
    let listed: HashMap<&CommitSha, &ListedCommit> = pushed
        .push
        .head_commit
        .iter()
        .chain(&pushed.push.commits)
        .map(|commit| (&commit.sha, commit))
        .collect();
    let commits: Vec<&CommitSha> = match pushed.push.kind {
        RefKind::Branch => {
            let others = pushed.push.commits.iter().rev().map(|commit| &commit.sha);
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
    commits
        .into_iter()
        .filter(|sha| session.starting_commit.as_deref() != Some(sha.as_str()))
        .map(row)
        .collect()
}

fn changed_files(commit: &ListedCommit) -> Value {
    let mut left = CHANGED_FILES_MAX;
    let mut take = |paths: &[String]| {
        let taken: Vec<_> = paths.iter().take(left).cloned().collect();
        left -= taken.len();
        taken
    };
    let listed = commit.added.len() + commit.modified.len() + commit.removed.len();
    json!({
        "added": take(&commit.added),
        "modified": take(&commit.modified),
        "removed": take(&commit.removed),
        "listed": listed,
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

/// The jobs that preserve a push's attempts: the head in the first, and each of a size that fits
/// a message.
pub(crate) fn jobs(
    push: &PushOfSession,
    attempts: &[AttemptToPreserve],
    lane: Lane,
) -> Vec<SnapshotRequested> {
    let part = |(part, attempts): (usize, &[AttemptToPreserve])| SnapshotRequested {
        push: push.clone(),
        attempts: attempts.to_vec(),
        part: u32::try_from(part).unwrap_or(u32::MAX),
        try_number: 1,
        not_before: None,
        lane,
    };
    attempts
        .chunks(ATTEMPTS_PER_JOB_MAX)
        .enumerate()
        .map(part)
        .collect()
}

/// What the jobs of a push say of it.
pub(crate) fn push_of_session(
    taken: &Taken,
    pushed: &Pushed,
    push_id: Uuid,
    session: &SessionRules,
) -> Option<PushOfSession> {
    Some(PushOfSession {
        delivery: taken.received.delivery,
        push: PushId::from_uuid(push_id),
        session: SessionId::from_uuid(session.id),
        lab_version: LabVersionId::from_uuid(session.lab_version_id),
        repository: pushed.repository.clone(),
        branch: pushed.push.name.clone(),
        before: pushed.push.before.clone(),
        after: pushed.push.head()?.clone(),
        starting: session
            .starting_commit
            .as_deref()
            .and_then(|sha| sha.parse().ok()),
        received_at: taken.received.received_at,
    })
}

/// Rows sorted by their natural key and without repeats, so that two writers cannot deadlock.
pub(crate) fn sorted<K: Ord, R>(
    rows: impl IntoIterator<Item = R>,
    key: impl Fn(&R) -> K,
) -> Vec<R> {
    let mut by_key = BTreeMap::new();
    for row in rows {
        by_key.entry(key(&row)).or_insert(row);
    }
    by_key.into_values().collect()
}

/// Postgres has no unsigned numbers; none of ours comes near the border.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

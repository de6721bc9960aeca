//! Owns the thought: which rows a delivery asks for. No clock, no database; what is new is decided
//! by the ledger's unique keys.

pub(crate) mod attempts;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use contract::ids::{LabVersionId, PushId, RequestId, SessionId};
use contract::job::{ATTEMPTS_PER_JOB_MAX, AttemptToPreserve, PushOfSession, SnapshotRequested};
use contract::message::Lane;
use contract::name::CommitSha;
use contract::time::Timestamp;
use contract::unchecked::UncheckedRequested;
use forge::push::{Person, Push, RefKind};
use store::delivery::{ConflictRow, DeliveryRow, ReceiptRow};
use store::lab_session::SessionRules;
use store::push::PushRow;
use uuid::Uuid;

use crate::open::is_enrolled;
use crate::person::Named;
use crate::pseudonym::{Pseudonym, Pseudonyms};
use crate::taken::{Pushed, Taken};

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
    pub(crate) authors: HashMap<CommitSha, Arc<Pseudonym>>,
}

impl People {
    /// Everybody, some of them perhaps twice.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Pseudonym> {
        let authors = self.authors.values().map(Arc::as_ref);
        self.pusher.iter().chain(authors)
    }
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
    let mut authors = HashMap::new();
    // Most often one person wrote all of a push: the hash is computed for the first commit.
    let mut last: Option<(&Person, Arc<Pseudonym>)> = None;
    for commit in push.commits.iter().chain(&push.head_commit) {
        let known = last.take().filter(|(author, _)| *author == &commit.author);
        let pseudonym = match known {
            Some((_, pseudonym)) => pseudonym,
            None => {
                let Person { name, email, login } = commit.author.clone();
                let named = Named { login, name, email };
                match pseudonyms.of_author(named, now) {
                    Some(pseudonym) => Arc::new(pseudonym),
                    None => continue,
                }
            }
        };
        authors.insert(commit.sha.clone(), Arc::clone(&pseudonym));
        last = Some((&commit.author, pseudonym));
    }
    People { pusher, authors }
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
        lists: false,
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

/// What follows a push to a lab that has nothing run: its requests, in messages that fit.
pub(crate) fn unchecked(
    push: &PushOfSession,
    attempts: &[AttemptToPreserve],
) -> Vec<UncheckedRequested> {
    let requests: Vec<_> = attempts.iter().filter_map(|one| one.request).collect();
    let message = |requests: &[RequestId]| UncheckedRequested {
        delivery: push.delivery,
        push: push.push,
        session: push.session,
        requests: requests.to_vec(),
        try_number: 1,
    };
    requests.chunks(ATTEMPTS_PER_JOB_MAX).map(message).collect()
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
        // That of an enrolled session bounds a push only where its own beginning does not:
        // snapshot-builder finds it there.
        starting: session
            .starting_commit
            .as_deref()
            .filter(|_| !is_enrolled(session))
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

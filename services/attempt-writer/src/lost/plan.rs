//! Owns the thought of what is lost: unfinished, and in no queue any more. No clock, no database.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::ids::{AttemptId, DeliveryId, LabVersionId, PushId, RequestId, SessionId};
use contract::job::{
    AttemptToPreserve, Handed, PreservedTree, PushOfSession, SnapshotRequested,
    VerificationRequested,
};
use contract::message::Lane;
use contract::name::CommitSha;
use contract::time::Timestamp;
use store::unfinished::Unfinished;
use store::work_remade::RemadeRow;
use uuid::Uuid;

use crate::reprocess::plan::Jobs;

/// How long nothing must have been heard of work before it is asked for once more, in seconds: the
/// first time, the second and so on; then no more. A tree that the forge does not give would be
/// asked for for ever.
pub(crate) const WAITS_SECS: [u64; 4] = [0, 600, 3_600, 86_400];
/// How far the clocks of two writers may be apart, in seconds: ids are made by them.
const SKEW_SECS: u64 = 3_600;
/// The bits of an id below its time.
const BITS_BELOW_TIME: u32 = 80;

/// Work of which nothing was heard since is in no queue: a queue gives out what is old first, and
/// its oldest message is younger than that.
pub(crate) fn heard_before(
    oldest_in_queue: Option<Timestamp>,
    now: Timestamp,
    after: Duration,
) -> Timestamp {
    oldest_in_queue.map_or(now, |oldest| oldest.min(now)) - after
}

/// Whether work is to be asked for again.
pub(crate) fn is_lost(work: &Unfinished, heard_before: Timestamp, now: Timestamp) -> bool {
    let place = usize::try_from(work.remade).unwrap_or(usize::MAX);
    let Some(&wait) = WAITS_SECS.get(place) else {
        return false;
    };
    work.changed_at < heard_before && work.changed_at + Duration::from_secs(wait) <= now
}

/// Whether work may still be asked for again, now or later.
pub(crate) fn is_open(work: &Unfinished) -> bool {
    usize::try_from(work.remade).is_ok_and(|times| times < WAITS_SECS.len())
}

/// Below this id all was made long before, by whichever clock.
pub(crate) fn settled_below(heard_before: Timestamp) -> Uuid {
    let at = heard_before - Duration::from_secs(SKEW_SECS);
    let millis = u128::try_from(at.timestamp_millis()).unwrap_or(0);
    Uuid::from_u128(millis << BITS_BELOW_TIME)
}

/// Above which id is looked: where it was settled before, but never beyond what is settled by the
/// clock as it goes now. One that was ahead for a while would have settled what is made after it.
pub(crate) fn looked_above(settled: Uuid, heard_before: Timestamp) -> Uuid {
    settled.min(settled_below(heard_before))
}

/// What is recorded of an asking.
pub(crate) fn row(work: &Unfinished, now: Timestamp) -> RemadeRow {
    RemadeRow {
        id: Uuid::now_v7(),
        lab_attempt_id: work.attempt_id,
        request_id: work.request_id,
        try_number: work.tries + 1,
        number: i32::try_from(work.remade + 1).unwrap_or(i32::MAX),
        recorded_at: now,
    }
}

/// What one message asks to preserve.
type Together = (Uuid, Uuid, String, i32, bool);

/// The messages that ask for work again: those for one push and try together, its head first.
pub(crate) fn jobs<'a>(lost: impl IntoIterator<Item = &'a Unfinished>) -> Jobs {
    let mut jobs = Jobs::default();
    let mut to_preserve: BTreeMap<Together, SnapshotRequested> = BTreeMap::new();
    for work in lost {
        let (Some(push), Ok(commit)) = (push_of(work), work.commit_sha.parse::<CommitSha>()) else {
            tracing::error!(attempt.id = %work.attempt_id, "an attempt's row cannot be read");
            continue;
        };
        let attempt = AttemptId::from_uuid(work.attempt_id);
        let request = work.request_id.map(RequestId::from_uuid);
        let (lane, not_before) = (lane(work), work.retry_at);
        let try_number = u32::try_from(work.tries + 1).unwrap_or(1);
        let digest = work.snapshot_digest.as_deref();
        let digest = digest.filter(|_| !work.tree_was_missing);
        if let (Some(request), Some(Ok(digest))) = (request, digest.map(str::parse)) {
            jobs.verify.push(VerificationRequested {
                push,
                request,
                attempt,
                commit,
                tree: PreservedTree::Kept { digest },
                try_number,
                handed: Handed::default(),
                not_before,
                lane,
            });
            continue;
        }
        let is_head = commit == push.after;
        let attempt = AttemptToPreserve {
            attempt,
            commit,
            request,
        };
        let together = (
            work.push_id,
            work.session_id,
            lane.to_string(),
            work.tries,
            work.lists,
        );
        let job = to_preserve
            .entry(together)
            .or_insert_with(|| SnapshotRequested {
                push,
                attempts: Vec::new(),
                // Commits are found in git by the message of the head alone.
                part: 1,
                lists: work.lists,
                try_number,
                not_before: None,
                lane,
            });
        job.not_before = job.not_before.max(not_before);
        if is_head {
            job.part = 0;
            job.attempts.insert(0, attempt);
        } else {
            job.attempts.push(attempt);
        }
    }
    jobs.preserve = to_preserve.into_values().collect();
    jobs
}

/// Learners wait for a first try; all else waits behind them.
fn lane(work: &Unfinished) -> Lane {
    if work.tries == 0 && work.lane.as_deref() == Some("live") {
        Lane::Live
    } else {
        Lane::Bulk
    }
}

fn push_of(work: &Unfinished) -> Option<PushOfSession> {
    let commit = |text: &Option<String>| -> Option<CommitSha> { text.as_deref()?.parse().ok() };
    let name = work.ref_name.strip_prefix("refs/heads/");
    let name = name.or_else(|| work.ref_name.strip_prefix("refs/tags/"));
    Some(PushOfSession {
        delivery: DeliveryId::from_uuid(work.delivery_id),
        push: PushId::from_uuid(work.push_id),
        session: SessionId::from_uuid(work.session_id),
        lab_version: LabVersionId::from_uuid(work.pinned_version),
        repository: work.repository.parse().ok()?,
        branch: name.unwrap_or(&work.ref_name).to_owned(),
        before: commit(&work.before_sha),
        after: commit(&work.after_sha).or_else(|| work.commit_sha.parse().ok())?,
        starting: commit(&work.starting_commit),
        received_at: work.received_at,
    })
}

#[cfg(test)]
mod tests;

//! Owns the thought of a page: which of the attempts that were looked at are asked for, by which
//! jobs, and what comes after it. No clock, no database.

use std::collections::BTreeMap;
use std::time::Duration;

use bus::error::PublishError;
use bus::outgoing::Outgoing;
use contract::ids::{AttemptId, CommandId, DeliveryId, LabVersionId, PushId, RequestId, SessionId};
use contract::job::{
    AttemptToPreserve, Handed, PreservedTree, PushOfSession, SnapshotRequested,
    VerificationRequested,
};
use contract::message::Lane;
use contract::name::CommitSha;
use contract::reprocess::{Looked, ReprocessDue, ReprocessRequested, VersionChoice};
use contract::time::Timestamp;
use store::reprocess::Scanned;
use store::verification_request::RequestRow;
use uuid::Uuid;

use crate::audit;

/// Most attempts that one page looks at: the most that one transaction writes and one message
/// batch carries.
pub(crate) const PAGE_ATTEMPTS_MAX: u32 = 500;
/// How many seconds' worth of attempts one page holds under a rate: what may come in one burst.
const PAGE_SECS: u32 = 5;

/// How many attempts a page looks at.
pub(crate) fn page_attempts(rate_per_second: Option<u32>) -> u32 {
    rate_per_second.map_or(PAGE_ATTEMPTS_MAX, |rate| {
        rate.saturating_mul(PAGE_SECS).clamp(1, PAGE_ATTEMPTS_MAX)
    })
}

/// Those of a page that are asked for.
pub(crate) fn chosen(scanned: Vec<Scanned>, limit: Option<u64>, selected: u64) -> Vec<Scanned> {
    let left = limit.map_or(u64::MAX, |limit| limit.saturating_sub(selected));
    let left = usize::try_from(left).unwrap_or(usize::MAX);
    let chosen = scanned.into_iter().filter(|scanned| scanned.chosen);
    chosen.take(left).collect()
}

/// The request for an attempt.
pub(crate) fn request(
    command: CommandId,
    scanned: &Scanned,
    version: VersionChoice,
    now: Timestamp,
) -> RequestRow {
    let newest = scanned.newest_version.unwrap_or(scanned.pinned_version);
    RequestRow {
        id: RequestId::new().as_uuid(),
        cause: ReprocessRequested::cause_of(command),
        lab_attempt_id: scanned.id,
        lab_version_id: match version {
            VersionChoice::Current => scanned.pinned_version,
            VersionChoice::Newest => newest,
        },
        lane: Lane::Bulk.to_string(),
        trace_id: scanned.trace_id.clone(),
        recorded_at: now,
    }
}

/// The jobs that carry a page's requests on.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    /// Of attempts whose tree is preserved: the forge is not asked again.
    pub(crate) verify: Vec<VerificationRequested>,
    /// Of the others: one a push and session.
    pub(crate) preserve: Vec<SnapshotRequested>,
}

impl Jobs {
    /// The messages.
    pub(crate) fn messages(&self) -> Result<Vec<Outgoing>, PublishError> {
        let verify = self.verify.iter();
        let verify = verify.map(|job| Outgoing::of(audit::SERVICE, job));
        let preserve = self.preserve.iter();
        let preserve = preserve.map(|job| Outgoing::of(audit::SERVICE, job));
        verify.chain(preserve).collect()
    }
}

/// The jobs for these attempts, each with its request. One whose row does not read is left out:
/// nothing of it could be verified.
pub(crate) fn jobs<'a>(asked: impl IntoIterator<Item = (&'a Scanned, Uuid)>) -> Jobs {
    let mut jobs = Jobs::default();
    let mut to_preserve: BTreeMap<(Uuid, Uuid), SnapshotRequested> = BTreeMap::new();
    for (scanned, request) in asked {
        let (Some(push), Ok(commit)) = (push_of(scanned), scanned.commit_sha.parse()) else {
            tracing::error!(attempt.id = %scanned.id, "an attempt's row cannot be read");
            continue;
        };
        let (attempt, request) = (
            AttemptId::from_uuid(scanned.id),
            RequestId::from_uuid(request),
        );
        let digest = scanned.snapshot_digest.as_deref();
        if let Some(digest) = digest.and_then(|digest| digest.parse().ok()) {
            jobs.verify.push(VerificationRequested {
                push,
                request,
                attempt,
                commit,
                tree: PreservedTree::Kept { digest },
                try_number: 1,
                not_before: None,
                lane: Lane::Bulk,
                handed: Handed::default(),
            });
            continue;
        }
        let attempt = AttemptToPreserve {
            attempt,
            commit,
            request: Some(request),
        };
        let key = (scanned.push_id, scanned.session_id);
        let job = to_preserve.entry(key).or_insert_with(|| SnapshotRequested {
            push,
            attempts: Vec::new(),
            part: 0,
            lists: false,
            try_number: 1,
            not_before: None,
            lane: Lane::Bulk,
        });
        job.attempts.push(attempt);
    }
    jobs.preserve = to_preserve.into_values().collect();
    jobs
}

fn push_of(scanned: &Scanned) -> Option<PushOfSession> {
    let commit = |text: &Option<String>| -> Option<CommitSha> { text.as_deref()?.parse().ok() };
    Some(PushOfSession {
        delivery: DeliveryId::from_uuid(scanned.delivery_id),
        push: PushId::from_uuid(scanned.push_id),
        session: SessionId::from_uuid(scanned.session_id),
        lab_version: LabVersionId::from_uuid(scanned.pinned_version),
        repository: scanned.repository.parse().ok()?,
        branch: scanned.branch.clone(),
        before: commit(&scanned.before_sha),
        after: commit(&scanned.after_sha).or_else(|| scanned.commit_sha.parse().ok())?,
        starting: commit(&scanned.starting_commit),
        received_at: scanned.received_at,
    })
}

/// What was looked at and asked for by a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turned {
    /// Attempts looked at.
    pub(crate) looked: usize,
    /// The last of them.
    pub(crate) last: Option<Looked>,
    /// Attempts asked for.
    pub(crate) chosen: usize,
}

/// The page after this one, if there is one.
pub(crate) fn next(
    due: &ReprocessDue,
    asked: &ReprocessRequested,
    turned: Turned,
    now: Timestamp,
) -> Option<ReprocessDue> {
    let selected = due.selected + turned.chosen as u64;
    let is_full = asked.limit.is_some_and(|limit| selected >= limit);
    if is_full || turned.looked < page_attempts(asked.rate_per_second) as usize {
        return None;
    }
    let spacing = asked.rate_per_second.map(|rate| {
        let chosen = u32::try_from(turned.chosen).unwrap_or(u32::MAX);
        Duration::from_secs(1) * chosen / rate.max(1)
    });
    Some(ReprocessDue {
        command: due.command,
        after: turned.last,
        selected,
        not_before: spacing
            .filter(|spacing| !spacing.is_zero())
            .map(|spacing| now + spacing),
    })
}

#[cfg(test)]
mod tests;

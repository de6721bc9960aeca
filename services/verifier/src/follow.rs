//! Owns what follows a recorded try: the next one, where its error can heal. No IO.

use contract::job::{
    AttemptToPreserve, Handed, PreservedTree, SnapshotRequested, VerificationRequested,
};
use contract::message::Lane;
use contract::result::ErrorCause;
use store::verification_attempt::VerificationRow;

/// What failed once waits behind what is pushed now: a forge that is away must not take the live
/// lane with it.
const RETRY_LANE: Lane = Lane::Bulk;

/// The message that has the request tried again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Follower {
    /// First preserve the tree.
    Snapshot(SnapshotRequested),
    /// The tree is there.
    Verification(VerificationRequested),
}

/// What follows the row of this job; the same for a row that was there before.
pub(crate) fn follower(job: &VerificationRequested, row: &VerificationRow) -> Option<Follower> {
    let not_before = Some(row.retry_at?);
    let try_number = job.try_number + 1;
    let cause = row.cause.as_deref().and_then(|cause| cause.parse().ok());
    let tree_is_lost = matches!(
        cause,
        Some(ErrorCause::SourceUnavailable | ErrorCause::SnapshotUnavailable)
    );
    if tree_is_lost || matches!(job.tree, PreservedTree::Missing { .. }) {
        let attempt = AttemptToPreserve {
            attempt: job.attempt,
            commit: job.commit.clone(),
            request: Some(job.request),
        };
        return Some(Follower::Snapshot(SnapshotRequested {
            push: job.push.clone(),
            attempts: vec![attempt],
            part: 0,
            lists: false,
            try_number,
            not_before,
            lane: RETRY_LANE,
        }));
    }
    // What the machine lacked another one may have.
    let is_machines = matches!(
        cause,
        Some(ErrorCause::SandboxUnavailable | ErrorCause::HostMemory)
    );
    Some(Follower::Verification(VerificationRequested {
        try_number,
        not_before,
        lane: RETRY_LANE,
        handed: Handed {
            round: 0,
            avoid: is_machines.then(|| row.worker.clone()),
        },
        ..job.clone()
    }))
}

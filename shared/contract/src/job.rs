//! Owns the jobs that pass a push from stage to stage. One message per push and stage.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::ids::{AttemptId, DeliveryId, LabVersionId, PushId, RequestId, SessionId};
use crate::message::{Lane, Message};
use crate::name::{CommitSha, Repository};
use crate::result::ErrorCause;
use crate::time::Timestamp;

/// Most attempts that one message names; a longer push is several messages.
pub const ATTEMPTS_PER_JOB_MAX: usize = 500;

/// What a push brought to one session: the part of every job that says whose work it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PushOfSession {
    /// The delivery that brought it.
    pub delivery: DeliveryId,
    /// The push within the delivery.
    pub push: PushId,
    /// The session it belongs to.
    pub session: SessionId,
    /// The lab version that the session is pinned to.
    pub lab_version: LabVersionId,
    /// Where the commits are.
    pub repository: Repository,
    /// The ref, without `refs/heads/` or `refs/tags/`.
    pub branch: String,
    /// The ref before; `None` when it was created.
    pub before: Option<CommitSha>,
    /// The ref after.
    pub after: CommitSha,
    /// The session's starting commit: its history is no attempt.
    pub starting: Option<CommitSha>,
    /// When the delivery was admitted.
    pub received_at: Timestamp,
}

/// Preserve these attempts' trees; then have those verified that bear a request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SnapshotRequested {
    /// Whose work.
    pub push: PushOfSession,
    /// The attempts, the pushed head first.
    pub attempts: Vec<AttemptToPreserve>,
    /// Which message of the push this is, from 0.
    pub part: u32,
    /// Whether git's list of the push's commits is awaited, even where it adds nothing: the payload
    /// does not say that its own is whole.
    #[serde(default, skip_serializing_if = "is_false")]
    pub lists: bool,
    /// 1 for the first try; more after an error that can heal.
    pub try_number: u32,
    /// Not to be begun before.
    pub not_before: Option<Timestamp>,
    /// The queue.
    pub lane: Lane,
}

/// One attempt whose tree is to be preserved.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AttemptToPreserve {
    /// The attempt.
    pub attempt: AttemptId,
    /// Its commit.
    pub commit: CommitSha,
    /// The request to verify it, where the lab wants it verified.
    pub request: Option<RequestId>,
}

impl Message for SnapshotRequested {
    const KIND: &'static str = "dev.assay.snapshot.requested.v1";

    fn subject(&self) -> String {
        format!("assay.job.snapshot.{}", self.lane)
    }

    fn message_id(&self) -> String {
        // The request is in it: the same attempts asked for again, for another cause, are other
        // work.
        let first = self.attempts.first();
        let attempt = first.map(|first| first.attempt.to_string());
        let attempt = attempt.unwrap_or_default();
        let request = first.and_then(|first| first.request);
        let request = request.map_or("none".to_owned(), |request| request.to_string());
        let PushOfSession { push, session, .. } = &self.push;
        format!(
            "snapshot:{push}:{session}:{}:{attempt}:{request}:{}",
            self.part, self.try_number
        )
    }
}

/// Verify this request; or record why its tree could not be preserved.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VerificationRequested {
    /// Whose work.
    pub push: PushOfSession,
    /// The request.
    pub request: RequestId,
    /// The attempt it is about.
    pub attempt: AttemptId,
    /// Its commit.
    pub commit: CommitSha,
    /// What became of its tree.
    pub tree: PreservedTree,
    /// 1 for the first try; more after an error that can heal.
    pub try_number: u32,
    /// Not to be begun before.
    pub not_before: Option<Timestamp>,
    /// The queue.
    pub lane: Lane,
    /// How it was handed on between verifiers.
    #[serde(default, skip_serializing_if = "Handed::is_fresh")]
    pub handed: Handed,
}

/// How a request to verify was handed on between verifiers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Handed {
    /// Counts the times that it was published anew for the same try: put aside behind another one
    /// of its session, or called when its turn came. In the live lane any but the first is only a
    /// call: what must not be lost waits in the bulk lane.
    pub round: u32,
    /// The worker that could not do it, and that leaves it to others for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avoid: Option<String>,
}

impl Handed {
    /// Whether nobody has handed it on.
    pub fn is_fresh(&self) -> bool {
        *self == Self::default()
    }
}

/// What became of an attempt's tree.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum PreservedTree {
    /// It is kept as this snapshot.
    Kept {
        /// Digest of the snapshot's manifest.
        digest: Digest,
    },
    /// It could not be kept in this try.
    Missing {
        /// Why, as the result's cause.
        cause: ErrorCause,
        /// Why, for people; free of secrets and of personal data.
        detail: String,
    },
    /// The lab has nothing run: nothing was fetched, and nothing is kept.
    Unneeded,
}

impl VerificationRequested {
    /// Whether it only calls for what waits in the bulk lane as well: it may be dropped.
    pub fn is_call(&self) -> bool {
        self.lane == Lane::Live && self.handed.round > 0
    }
}

impl Message for VerificationRequested {
    const KIND: &'static str = "dev.assay.verification.requested.v1";

    fn subject(&self) -> String {
        format!("assay.job.verify.{}", self.lane)
    }

    fn message_id(&self) -> String {
        // A tree that is missing at one try and kept at the same try's redelivery is different
        // work: the second must not be swallowed.
        let tree = match &self.tree {
            PreservedTree::Kept { .. } => "kept",
            PreservedTree::Missing { .. } => "missing",
            PreservedTree::Unneeded => "unneeded",
        };
        let id = format!("verify:{}:{}:{tree}", self.request, self.try_number);
        // The same work in another lane is another message of the stream.
        match self.handed.round {
            0 => id,
            round => format!("{id}:{}:{round}", self.lane),
        }
    }
}

/// Git has commits of this push that the payload did not list: record them as attempts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CommitsFound {
    /// Whose work.
    pub push: PushOfSession,
    /// The commits, oldest first.
    pub commits: Vec<FoundCommit>,
    /// Which message of the push this is, from 0.
    pub part: u32,
    /// How many messages there are, where the list is awaited; else 0.
    #[serde(default, skip_serializing_if = "is_none")]
    pub parts: u32,
    /// Commits of the push that are in no message, since it has more than are recorded. The first
    /// message says so.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
    /// The queue.
    pub lane: Lane,
}

/// A commit that was found in git.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FoundCommit {
    /// Its SHA.
    pub commit: CommitSha,
    /// The author's e-mail address as git has it: what the pseudonym is computed from.
    pub author_email: String,
    /// The author's time as git has it, if it is a time.
    pub committed_at: Option<Timestamp>,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands the field over by reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands the field over by reference"
)]
fn is_none(number: &u32) -> bool {
    *number == 0
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands the field over by reference"
)]
fn is_false(said: &bool) -> bool {
    !*said
}

impl Message for CommitsFound {
    const KIND: &'static str = "dev.assay.commits.found.v1";

    fn subject(&self) -> String {
        format!("assay.job.record.{}", self.lane)
    }

    fn message_id(&self) -> String {
        // The first commit is in it: a later look into git may divide the push otherwise.
        let first = self
            .commits
            .first()
            .map_or("", |found| found.commit.as_str());
        let PushOfSession { push, session, .. } = &self.push;
        let id = format!("found:{push}:{session}:{}:{first}", self.part);
        // That it is awaited is news, although the same was said before.
        match self.parts {
            0 => id,
            parts => format!("{id}:of-{parts}"),
        }
    }
}

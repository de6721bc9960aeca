//! Owns the record of a try: its row, and what the audit log says of it. No IO, no clock.

use contract::audit::AuditEvent;
use contract::canonical::canonical_json;
use contract::digest::Digest;
use contract::ids::{RequestId, VerificationId};
use contract::job::{PreservedTree, VerificationRequested};
use contract::result::{ErrorCause, Verdict};
use contract::time::Timestamp;
use lab::spec::Limits;
use serde_json::{Map, Value, json};
use store::audit_entry::PendingEntry;
use store::row::LedgerRow as _;
use store::verification_attempt::VerificationRow;
use store::verification_claim::ClaimRow;
use store::verification_origin::OriginRow;
use store::verification_refused::RefusedRow;

use crate::judge::{self, Judgement};
use crate::schedule;

/// The service's name in the audit log.
pub(crate) const SERVICE: &str = "verifier";

/// How a try came out.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Came {
    /// The learner's code was judged.
    Judged {
        /// The judgement.
        judgement: Judgement,
        /// What each step used.
        peaks: Value,
        /// The output's object and its length.
        log: (Digest, u64),
    },
    /// A newer push took its place before it was judged.
    Superseded {
        /// By what, for people.
        detail: String,
    },
    /// Its lab has nothing run: nothing is said of the learner's code.
    Unchecked,
    /// It could not be judged.
    Error {
        /// Why.
        cause: ErrorCause,
        /// Why, for people.
        detail: String,
    },
}

/// What runs are made of here: what bounds and closes boxes, and the tools that the lab names.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct MadeOf {
    pub(crate) box_of: Value,
    pub(crate) tools: Value,
}

impl MadeOf {
    /// The same boxes, with these tools in them.
    pub(crate) fn with_tools(&self, tools: Value) -> Self {
        let box_of = self.box_of.clone();
        Self { box_of, tools }
    }

    /// The digest of what bounds and closes the boxes.
    pub(crate) fn box_digest(&self) -> Digest {
        Digest::of(canonical_json(&self.box_of).as_bytes())
    }
}

/// What is known of a try beside its job.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Try<'a> {
    pub(crate) token: i64,
    pub(crate) lab_version_digest: &'a str,
    pub(crate) limits: Option<Limits>,
    pub(crate) points_max: u32,
    pub(crate) runner: &'a str,
    pub(crate) worker: &'a str,
    pub(crate) started_at: Timestamp,
    pub(crate) finished_at: Timestamp,
}

/// What a result is about.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct About {
    pub(crate) request: RequestId,
    pub(crate) try_number: u32,
    pub(crate) snapshot_digest: Option<String>,
}

/// The row of a try that has come out.
pub(crate) fn row(job: &VerificationRequested, tried: &Try<'_>, came: Came) -> VerificationRow {
    let snapshot_digest = match &job.tree {
        PreservedTree::Kept { digest } => Some(digest.to_string()),
        PreservedTree::Missing { .. } | PreservedTree::Unneeded => None,
    };
    let about = About {
        request: job.request,
        try_number: job.try_number,
        snapshot_digest,
    };
    row_about(about, tried, came)
}

/// The row of a try of this that has come out.
pub(crate) fn row_about(about: About, tried: &Try<'_>, came: Came) -> VerificationRow {
    let About {
        request,
        try_number,
        snapshot_digest,
    } = about;
    let row = VerificationRow {
        id: VerificationId::new().as_uuid(),
        request_id: request.as_uuid(),
        try_number: integer(try_number),
        token: tried.token,
        result: Verdict::Error.to_string(),
        cause: None,
        detail: None,
        points: 0,
        points_max: integer(tried.points_max),
        steps: json!([]),
        limits: tried.limits.map_or(Value::Null, |limits| json!(limits)),
        peaks: json!({}),
        snapshot_digest,
        lab_version_digest: tried.lab_version_digest.to_owned(),
        log_digest: None,
        log_bytes: None,
        runner: tried.runner.to_owned(),
        worker: tried.worker.to_owned(),
        retry_at: None,
        started_at: tried.started_at,
        finished_at: tried.finished_at,
        recorded_at: tried.finished_at,
    };
    match came {
        Came::Error { cause, detail } => VerificationRow {
            cause: Some(cause.to_string()),
            detail: Some(detail),
            retry_at: schedule::retry_at(cause, try_number, tried.finished_at),
            ..row
        },
        Came::Superseded { detail } => VerificationRow {
            result: Verdict::Superseded.to_string(),
            detail: Some(detail),
            ..row
        },
        Came::Unchecked => VerificationRow {
            result: Verdict::Unchecked.to_string(),
            ..row
        },
        Came::Judged {
            judgement,
            peaks,
            log: (digest, bytes),
        } => VerificationRow {
            result: judgement.verdict.to_string(),
            detail: judgement.detail,
            points: integer(judgement.points),
            points_max: integer(judgement.points_max),
            steps: json!(judge::without_quotes(judgement.steps)),
            peaks,
            log_digest: Some(digest.to_string()),
            log_bytes: i64::try_from(bytes).ok(),
            ..row
        },
    }
}

/// What made the result of a run, beside what its row says.
pub(crate) fn origin(
    job: &VerificationRequested,
    row: &VerificationRow,
    made_of: &MadeOf,
) -> OriginRow {
    OriginRow {
        verification_attempt_id: row.id,
        lane: job.lane.to_string(),
        box_of: made_of.box_of.clone(),
        box_digest: made_of.box_digest().to_string(),
        tools: made_of.tools.clone(),
        recorded_at: row.recorded_at,
    }
}

/// The row of a result that came too late; `row` is `None` for a run that was stopped before it had
/// one.
pub(crate) fn refused(
    claim: &ClaimRow,
    row: Option<&VerificationRow>,
    reason: &str,
    now: Timestamp,
) -> RefusedRow {
    RefusedRow {
        request_id: claim.request_id,
        try_number: claim.try_number,
        token: claim.token,
        worker: claim.worker.clone(),
        result: row.map_or("none", |row| &row.result).to_owned(),
        cause: row.and_then(|row| row.cause.clone()),
        reason: reason.to_owned(),
        started_at: row.map_or(claim.recorded_at, |row| row.started_at),
        finished_at: row.map_or(now, |row| row.finished_at),
        recorded_at: now,
    }
}

/// The entry of a recorded try: it covers the result, what made it, and every claim that led to it.
pub(crate) fn entry(
    job: &VerificationRequested,
    row: &VerificationRow,
    origin: Option<&OriginRow>,
    claims: &[ClaimRow],
) -> PendingEntry {
    let mut fields = fields(job);
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("assay.verification.id", json!(row.id));
    set("assay.verification.result", json!(row.result));
    set("assay.verification.cause", json!(row.cause));
    set("assay.verification.points", json!(row.points));
    set("assay.snapshot.digest", json!(row.snapshot_digest));
    set("assay.lab_version.digest", json!(row.lab_version_digest));
    set("assay.log.digest", json!(row.log_digest));
    set("assay.runner", json!(row.runner));
    if let Some(origin) = origin {
        set("assay.box.digest", json!(origin.box_digest));
    }
    let claims = claims.iter().map(|claim| claim.covered());
    let origin = origin.map(|origin| origin.covered());
    let rows = std::iter::once(row.covered()).chain(claims).chain(origin);
    let is_error = row.result == Verdict::Error.as_str();
    let event = AuditEvent {
        action: "verification-recorded",
        subject: &format!("{}/{}", job.request, row.try_number),
        service: SERVICE,
        outcome: if is_error { "failure" } else { "success" },
        trace_id: Some(job.push.delivery.trace_id()),
        at: row.recorded_at,
        fields,
        rows: rows.collect(),
    };
    PendingEntry {
        entry: event.entry(),
        traceparent: bus::trace::current_traceparent(),
    }
}

/// The entry of a result that was refused, with the claim that it was worked on under.
pub(crate) fn refusal(
    job: &VerificationRequested,
    row: &RefusedRow,
    claim: &ClaimRow,
) -> PendingEntry {
    let mut fields = fields(job);
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("assay.verification.result", json!(row.result));
    set("assay.verification.cause", json!(row.cause));
    set("assay.reason", json!(row.reason));
    set("assay.worker", json!(row.worker));
    let event = AuditEvent {
        action: "verification-refused",
        subject: &row.key(),
        service: SERVICE,
        outcome: "failure",
        trace_id: Some(job.push.delivery.trace_id()),
        at: row.recorded_at,
        fields,
        rows: vec![row.covered(), claim.covered()],
    };
    PendingEntry {
        entry: event.entry(),
        traceparent: bus::trace::current_traceparent(),
    }
}

/// Whose try it is.
fn fields(job: &VerificationRequested) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("assay.delivery.id", json!(job.push.delivery));
    set("assay.session.id", json!(job.push.session));
    set("assay.attempt.id", json!(job.attempt));
    set("assay.request.id", json!(job.request));
    set("assay.verification.try", json!(job.try_number));
    fields
}

/// The ledger's integers are signed; a try or a point beyond them is none.
pub(crate) fn integer(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

//! Owns what is written for a batch of messages, and what the log says of it. No IO, no clock.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use contract::audit::AuditEvent;
use contract::ids::RequestId;
use contract::result::{ErrorCause, Verdict};
use contract::time::Timestamp;
use contract::unchecked::UncheckedRequested;
use lab::spec::{Executor, LabSpec};
use serde_json::{Map, Value, json};
use store::audit_entry::PendingEntry;
use store::row::LedgerRow as _;
use store::verification_attempt::VerificationRow;
use store::verification_claim::ClaimRow;
use store::verification_stand::StandRow;
use uuid::Uuid;

use crate::come::unchecked;
use crate::result::{About, Came, SERVICE, Try, row_about};
use crate::unchecked::versions::Version;

/// A message that was read.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) job: UncheckedRequested,
    /// As the ledger counts tries.
    pub(crate) try_number: i32,
    /// The span that it is handled in.
    pub(crate) traceparent: Option<String>,
}

/// Who records it.
#[derive(Clone, Debug)]
pub(crate) struct By {
    pub(crate) worker: String,
    pub(crate) runner: String,
    /// Whether labs that have nothing run are verified at all.
    pub(crate) allow_executor_none: bool,
}

/// How a message stands when the transaction is committed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// Each of its requests has its result; of those that it brought, how many had which.
    Recorded(BTreeMap<String, u64>),
    /// Another message of the batch asks for another try of one of its requests.
    Again,
    /// It can never be recorded, for this reason.
    Never(String),
}

/// What is written.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    /// How each message stands then.
    pub(crate) standings: Vec<Standing>,
    /// The requests that each message brings to their end.
    brought: Vec<Vec<RequestId>>,
    /// The result of each of those, in the order of the requests. None has a claim: who works on a
    /// try need not be told where the same transaction says how it ended.
    pub(crate) results: Vec<VerificationRow>,
}

/// The messages in parts of at most so many requests; a message with more is a part by itself.
pub(crate) fn parts(asked: &[Asked], requests_max: usize) -> Vec<&[Asked]> {
    let (mut parts, mut begin, mut requests) = (Vec::new(), 0, 0);
    for (place, one) in asked.iter().enumerate() {
        let more = one.job.requests.len();
        if place > begin && requests + more > requests_max {
            parts.push(&asked[begin..place]);
            (begin, requests) = (place, 0);
        }
        requests += more;
    }
    parts.push(&asked[begin..]);
    parts
}

/// Each request with the try that the first message asks for, in the order of the requests: two
/// transactions that take them in different orders would wait for each other.
pub(crate) fn tries(asked: &[Asked]) -> Vec<(RequestId, i32)> {
    let mut tries: BTreeMap<Uuid, i32> = BTreeMap::new();
    for one in asked {
        for request in &one.job.requests {
            tries.entry(request.as_uuid()).or_insert(one.try_number);
        }
    }
    let tries = tries.into_iter();
    tries
        .map(|(request, number)| (RequestId::from_uuid(request), number))
        .collect()
}

/// What is to be written, by how the tries stand.
pub(crate) fn plan(
    asked: &[Asked],
    stands: &[StandRow],
    versions: &HashMap<Uuid, Arc<Version>>,
    by: &By,
    now: Timestamp,
) -> Planned {
    let tries: HashMap<RequestId, i32> = tries(asked).into_iter().collect();
    let of = |row: &StandRow| (RequestId::from_uuid(row.request_id), row.clone());
    let mut open: HashMap<RequestId, StandRow> = stands.iter().map(of).collect();
    let mut planned = Planned::default();
    for one in asked {
        let mut brought = Vec::new();
        let standing = match obstacle(one, &tries, &open, versions) {
            Some(standing) => standing,
            None => {
                let mut results = BTreeMap::new();
                for &request in &one.job.requests {
                    let stand = open.get_mut(&request).filter(|stand| !stand.is_over);
                    let Some(stand) = stand else { continue };
                    // Whoever names it as well finds it over.
                    stand.is_over = true;
                    let version = stand.lab_version_id.and_then(|id| versions.get(&id));
                    let Some(version) = version else { continue };
                    let result = result(one, stand, version, by, now);
                    *results.entry(result.result.clone()).or_default() += 1;
                    planned.results.push(result);
                    brought.push(request);
                }
                Standing::Recorded(results)
            }
        };
        planned.standings.push(standing);
        planned.brought.push(brought);
    }
    planned.results.sort_by_key(|result| result.request_id);
    planned
}

/// Why nothing of a message is recorded now, if nothing is.
fn obstacle(
    one: &Asked,
    tries: &HashMap<RequestId, i32>,
    stands: &HashMap<RequestId, StandRow>,
    versions: &HashMap<Uuid, Arc<Version>>,
) -> Option<Standing> {
    for request in &one.job.requests {
        if tries.get(request) != Some(&one.try_number) {
            return Some(Standing::Again);
        }
        let stand = stands.get(request);
        let version = stand.and_then(|stand| versions.get(&stand.lab_version_id?));
        let Some(version) = version else {
            return Some(Standing::Never(format!("no request {request}")));
        };
        let spec = version.spec.as_ref();
        if spec.is_ok_and(|spec| spec.verify.executor != Executor::None) {
            let reason = format!("the lab of the request {request} has steps to run");
            return Some(Standing::Never(reason));
        }
    }
    None
}

fn result(
    one: &Asked,
    stand: &StandRow,
    version: &Version,
    by: &By,
    now: Timestamp,
) -> VerificationRow {
    let came = match &version.spec {
        Ok(_) => unchecked(by.allow_executor_none),
        Err(reason) => Came::Error {
            cause: ErrorCause::LabBroken,
            detail: format!("the lab version's rules do not read: {reason}"),
        },
    };
    let spec = version.spec.as_ref().ok();
    let tried = Try {
        token: stand.token + 1,
        lab_version_digest: &version.digest,
        limits: spec.map(|spec| spec.limits),
        points_max: spec.map_or(0, LabSpec::points_max),
        runner: &by.runner,
        worker: &by.worker,
        started_at: now,
        finished_at: now,
    };
    let about = About {
        request: RequestId::from_uuid(stand.request_id),
        try_number: one.job.try_number,
        snapshot_digest: None,
    };
    row_about(about, &tried, came)
}

/// An entry for each message that brought results: it covers them, and every earlier claim of theirs.
pub(crate) fn entries(
    asked: &[Asked],
    planned: &Planned,
    earlier: &HashMap<RequestId, Vec<ClaimRow>>,
) -> Vec<PendingEntry> {
    let results = planned.results.iter();
    let results: HashMap<Uuid, &VerificationRow> =
        results.map(|result| (result.request_id, result)).collect();
    let brought = asked.iter().zip(&planned.brought);
    let entries = brought.filter_map(|(one, brought)| {
        let first = results.get(&brought.first()?.as_uuid())?;
        let mut covered = Vec::with_capacity(brought.len());
        let mut has_error = false;
        for request in brought {
            let result = results[&request.as_uuid()];
            let earlier = earlier.get(request).into_iter().flatten();
            covered.extend(earlier.map(|claim| claim.covered()));
            covered.push(result.covered());
            has_error |= result.result == Verdict::Error.as_str();
        }
        let event = AuditEvent {
            action: "unchecked-recorded",
            // A try is brought to its end once: so is the entry that begins with it.
            subject: &format!("{}/{}", first.request_id, first.try_number),
            service: SERVICE,
            outcome: if has_error { "failure" } else { "success" },
            trace_id: Some(one.job.delivery.trace_id()),
            at: first.finished_at,
            fields: fields(&one.job),
            rows: covered,
        };
        Some(PendingEntry {
            entry: event.entry(),
            traceparent: one.traceparent.clone(),
        })
    });
    entries.collect()
}

/// Whose tries they are.
fn fields(job: &UncheckedRequested) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("assay.delivery.id", json!(job.delivery));
    set("assay.push.id", json!(job.push));
    set("assay.session.id", json!(job.session));
    set("assay.verification.try", json!(job.try_number));
    fields
}

#[cfg(test)]
mod tests;

//! Owns what snapshot-builder says in the audit log.

use contract::audit::{AuditEvent, CoveredRow};
use contract::command::LabPublishRequested;
use contract::job::PushOfSession;
use contract::time::Timestamp;
use serde_json::{Map, Value, json};
use store::audit_entry::PendingEntry;

const SERVICE: &str = "snapshot-builder";
/// What built a snapshot, as its row says.
pub(crate) const BUILDER: &str = concat!("snapshot-builder/", env!("CARGO_PKG_VERSION"));

/// Trees of a push were preserved: these rows are new. The key of the first makes the entry one:
/// an attempt's tree is new only once.
pub(crate) fn of_snapshots(
    push: &PushOfSession,
    first: &str,
    rows: Vec<CoveredRow>,
    now: Timestamp,
) -> PendingEntry {
    let mut fields = Map::new();
    fields.insert("assay.delivery.id".into(), json!(push.delivery));
    fields.insert("assay.push.id".into(), json!(push.push));
    fields.insert("assay.session.id".into(), json!(push.session));
    let event = AuditEvent {
        action: "snapshots-preserved",
        subject: first,
        service: SERVICE,
        outcome: "success",
        trace_id: Some(push.delivery.trace_id()),
        at: now,
        fields,
        rows,
    };
    PendingEntry {
        entry: event.entry(),
        traceparent: bus::trace::current_traceparent(),
    }
}

/// A command to publish a lab came to its end.
pub(crate) fn of_publishing(
    request: &LabPublishRequested,
    outcome: &'static str,
    result: Option<&Value>,
    rows: Vec<CoveredRow>,
    now: Timestamp,
) -> PendingEntry {
    let action = match outcome {
        "success" => "lab-published",
        _ => "lab-refused",
    };
    let mut fields = Map::new();
    fields.insert("assay.command.id".into(), json!(request.command));
    fields.insert("assay.actor".into(), json!(request.actor));
    if let Some(result) = result {
        for key in ["lab", "version", "number", "digest"] {
            fields.insert(format!("assay.lab.{key}"), result[key].clone());
        }
    }
    let event = AuditEvent {
        action,
        subject: &request.command.to_string(),
        service: SERVICE,
        outcome,
        trace_id: None,
        at: now,
        fields,
        rows,
    };
    PendingEntry {
        entry: event.entry(),
        traceparent: bus::trace::current_traceparent(),
    }
}

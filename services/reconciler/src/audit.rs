//! Owns what reconciler says in the audit log.

use contract::audit::{AuditEvent, CoveredRow};
use contract::time::Timestamp;
use serde_json::{Map, Value, json};
use store::audit_entry::PendingEntry;

pub(crate) const SERVICE: &str = "reconciler";

/// The entry of rows that are new. `subject` makes it one.
pub(crate) fn of_rows(
    action: &'static str,
    subject: &str,
    source: &str,
    outcome: &'static str,
    rows: Vec<CoveredRow>,
    now: Timestamp,
) -> PendingEntry {
    let mut fields: Map<String, Value> = Map::new();
    fields.insert("assay.source".into(), json!(source));
    let event = AuditEvent {
        action,
        subject,
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

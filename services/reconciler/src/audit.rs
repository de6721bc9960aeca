//! Owns what reconciler says in the audit log.

use contract::audit::{AuditEvent, CoveredRow};
use contract::time::Timestamp;
use serde_json::{Map, Value, json};
use store::audit_entry::PendingEntry;
use store::command::CommandRow;

pub(crate) const SERVICE: &str = "reconciler";

/// The entry of what became of a command, with who gave it and why.
pub(crate) fn of_command(
    row: &CommandRow,
    source: &str,
    outcome: &'static str,
    rows: Vec<CoveredRow>,
) -> PendingEntry {
    let mut fields: Map<String, Value> = Map::new();
    fields.insert("assay.command.id".into(), json!(row.id));
    fields.insert("assay.command.kind".into(), json!(row.kind));
    fields.insert("assay.command.outcome".into(), json!(row.outcome));
    fields.insert("user.name".into(), json!(row.actor));
    fields.insert("event.reason".into(), row.body["reason"].clone());
    let (action, subject) = ("command-carried-out", row.id.to_string());
    of(
        action,
        &subject,
        source,
        outcome,
        rows,
        row.recorded_at,
        fields,
    )
}

/// The entry of rows that are new. `subject` makes it one.
pub(crate) fn of_rows(
    action: &'static str,
    subject: &str,
    source: &str,
    outcome: &'static str,
    rows: Vec<CoveredRow>,
    now: Timestamp,
) -> PendingEntry {
    of(action, subject, source, outcome, rows, now, Map::new())
}

fn of(
    action: &'static str,
    subject: &str,
    source: &str,
    outcome: &'static str,
    rows: Vec<CoveredRow>,
    now: Timestamp,
    mut fields: Map<String, Value>,
) -> PendingEntry {
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

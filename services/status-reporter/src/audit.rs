//! Owns what status-reporter says in the audit log.

use contract::audit::AuditEvent;
use serde_json::{Map, json};
use store::audit_entry::PendingEntry;
use store::row::LedgerRow;
use store::status_report::StatusReportRow;

pub(crate) const SERVICE: &str = "status-reporter";

/// The entry of a report.
pub(crate) fn of_report(row: &StatusReportRow, source: &str) -> PendingEntry {
    let mut fields = Map::new();
    fields.insert("assay.source".into(), json!(source));
    fields.insert("assay.attempt.id".into(), json!(row.lab_attempt_id));
    let event = AuditEvent {
        action: "status-reported",
        subject: &row.id.to_string(),
        service: SERVICE,
        outcome: if row.outcome == "accepted" {
            "success"
        } else {
            "failure"
        },
        trace_id: None,
        at: row.recorded_at,
        fields,
        rows: vec![row.covered()],
    };
    PendingEntry {
        entry: event.entry(),
        traceparent: bus::trace::current_traceparent(),
    }
}

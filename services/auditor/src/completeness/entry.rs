//! Owns the entries of the audit log that tell of lanes, of holes, and of what services without a
//! ledger say.

use contract::audit::{AuditEvent, CoveredRow};
use contract::ids::TraceId;
use contract::time::Timestamp;
use serde_json::{Map, Value};
use store::audit_entry::PendingEntry;

/// Who writes these entries.
pub(crate) const SERVICE: &str = "auditor";

/// What an entry tells.
pub(crate) struct Told {
    pub(crate) action: &'static str,
    pub(crate) subject: String,
    /// Whether what happened is as it should be.
    pub(crate) is_good: bool,
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) fields: Vec<(&'static str, Value)>,
    pub(crate) rows: Vec<CoveredRow>,
    pub(crate) at: Timestamp,
}

/// Makes the entry.
pub(crate) fn of(told: Told) -> PendingEntry {
    let fields = told.fields.into_iter();
    let fields: Map<String, Value> = fields
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let event = AuditEvent {
        action: told.action,
        subject: &told.subject,
        service: SERVICE,
        outcome: if told.is_good { "success" } else { "failure" },
        trace_id: told.trace_id,
        at: told.at,
        fields,
        rows: told.rows,
    };
    PendingEntry {
        entry: event.entry(),
        traceparent: bus::trace::current_traceparent(),
    }
}

//! Owns what attempt-writer says in the audit log: one entry a delivery, or what became of its
//! repeat.

use contract::audit::{AuditEvent, CoveredRow};
use contract::delivery::BodyPlace;
use contract::ids::TraceId;
use contract::time::Timestamp;
use serde_json::{Map, Value, json};
use store::audit_entry::PendingEntry;
use store::delivery::ConflictRow;
use store::row::LedgerRow;

use crate::plan::Standing;
use crate::taken::Taken;

pub(crate) const SERVICE: &str = "attempt-writer";

/// What a delivery brought that was not there before.
#[derive(Debug, Default)]
pub(crate) struct Brought {
    pub(crate) rows: Vec<CoveredRow>,
}

impl Brought {
    fn has(&self, table: &str) -> bool {
        self.rows.iter().any(|row| row.table == table)
    }
}

/// The entry of one delivery; `None` for a redelivery by the queue that brought nothing. Each row
/// that was brought is in it, and an entry with rows has an id that was never used before.
pub(crate) fn of_delivery(
    taken: &Taken,
    standing: Standing,
    brought: Brought,
    now: Timestamp,
) -> Option<PendingEntry> {
    let received = &taken.received;
    let copy = format!(
        "{}:{}:{}",
        received.delivery, received.lane, received.number
    );
    // The ledger's own copy was taken in again for a new session: nothing came from the forge.
    let is_ours = received.body == BodyPlace::Ledger;
    let (action, subject) = match standing {
        Standing::First => ("delivery-recorded", received.delivery.to_string()),
        Standing::Conflict
            if (brought.rows.is_empty() && !is_ours) || brought.has(ConflictRow::TABLE) =>
        {
            ("delivery-conflicted", copy)
        }
        // A session was opened since: the same delivery brings attempts now.
        Standing::Again | Standing::Repeat | Standing::Conflict if !brought.rows.is_empty() => {
            ("delivery-reconsidered", brought.rows[0].key.clone())
        }
        Standing::Conflict | Standing::Repeat if is_ours => return None,
        Standing::Conflict | Standing::Repeat => ("delivery-repeated", copy),
        Standing::Again => return None,
    };
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("assay.delivery.id", json!(received.delivery));
    set("assay.source", json!(received.source));
    set("assay.body.digest", json!(received.body_digest));
    set("assay.lane.id", json!(received.lane));
    set("assay.lane.number", json!(received.number));
    let event = AuditEvent {
        action,
        subject: &subject,
        service: SERVICE,
        outcome: "success",
        trace_id: Some(received.delivery.trace_id()),
        at: now,
        fields,
        rows: brought.rows,
    };
    Some(PendingEntry {
        entry: event.entry(),
        traceparent: bus::trace::traceparent_of(&taken.span),
    })
}

/// The entry of something that was opened, found or decided.
pub(crate) fn of_rows(
    action: &'static str,
    subject: &str,
    trace_id: Option<TraceId>,
    fields: Map<String, Value>,
    rows: Vec<CoveredRow>,
    now: Timestamp,
) -> PendingEntry {
    let event = AuditEvent {
        action,
        subject,
        service: SERVICE,
        outcome: "success",
        trace_id,
        at: now,
        fields,
        rows,
    };
    PendingEntry {
        entry: event.entry(),
        traceparent: bus::trace::current_traceparent(),
    }
}

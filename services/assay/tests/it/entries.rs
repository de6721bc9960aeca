//! Owns entries that a test records as a service does, and waiting until the log has them.

use std::fs;

use contract::audit::AuditEvent;
use contract::time::now;
use serde_json::Value;
use store::audit_entry::{self, PendingEntry};
use testkit::audited::entry_schema;
use testkit::wait;
use tlog::checkpoint;

use crate::site::Site;

impl Site {
    /// Records the entries with these numbers, all in one transaction.
    pub(crate) async fn record_entries(&self, numbers: std::ops::Range<u64>) {
        let entries = numbers.map(|number| {
            let event = AuditEvent {
                action: "delivery-recorded",
                subject: &number.to_string(),
                service: "attempt-writer",
                outcome: "success",
                trace_id: None,
                at: now(),
                fields: serde_json::Map::new(),
                rows: Vec::new(),
            };
            PendingEntry {
                entry: event.entry(),
                traceparent: None,
            }
        });
        let entries: Vec<PendingEntry> = entries.collect();
        let writer = self.house.store("assay_attempt_writer", 1);
        let mut conn = writer.connection().await.unwrap();
        audit_entry::append(&mut conn, &entries).await.unwrap();
    }

    /// Waits until an epoch is published as far as this.
    pub(crate) async fn until_log_published(&self, epoch: u64, size: u64) {
        let note = self
            .folder()
            .join(format!("objects/log/{epoch}/checkpoint"));
        wait::until("the log is published", async || {
            let note = fs::read_to_string(&note).map_err(|error| error.to_string())?;
            let said = checkpoint::said(&note).unwrap();
            (said.size == size).then_some(()).ok_or(note)
        })
        .await;
    }
    /// The auditor's own entries must be what the published schema says; gives their actions.
    pub(crate) async fn log_entries_are_by_the_schema(&self) -> Vec<String> {
        let (schema, mut actions) = (entry_schema(), Vec::new());
        let query = "SELECT action, entry FROM audit_entry WHERE action LIKE 'log.%'";
        for row in self.house.rows(query).await {
            let row: Value = serde_json::from_str(&row).unwrap();
            let entry: Value = serde_json::from_str(row["entry"].as_str().unwrap()).unwrap();
            assert_eq!(schema.faults(&entry), [""; 0], "{entry:#}");
            actions.push(row["action"].as_str().unwrap().to_owned());
        }
        actions
    }
}

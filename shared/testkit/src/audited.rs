//! Owns holding the audit log of a test's house against the published schema.

use serde_json::Value;

use crate::house::House;
use crate::json_schema::Schema;

/// The schema of an entry, as it is published.
const SCHEMA: &str = include_str!("../../../docs/audit-entry.schema.json");

/// The published schema of an audit entry.
pub fn entry_schema() -> Schema {
    Schema::read(SCHEMA)
}

impl House {
    /// Every entry of the audit log must be what the schema says; gives the actions that there are.
    pub async fn entries_are_by_the_schema(&self) -> Vec<String> {
        let schema = entry_schema();
        let mut actions = Vec::new();
        for row in self.rows("SELECT action, entry FROM audit_entry").await {
            let row: Value = serde_json::from_str(&row).expect("a row is JSON");
            let text = row["entry"].as_str().expect("an entry is text");
            let entry: Value = serde_json::from_str(text).expect("an entry is JSON");
            let faults = schema.faults(&entry);
            assert!(faults.is_empty(), "{faults:#?}\nin {entry:#}");
            actions.push(row["action"].as_str().unwrap_or_default().to_owned());
        }
        actions.sort();
        actions.dedup();
        actions
    }
}

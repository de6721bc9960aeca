//! Owns what can be read from an audit entry by whoever has its text.

use contract::canonical::canonical_json;
use contract::digest::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an entry says, as far as a check needs it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct EntryText {
    /// The entry.
    #[serde(rename = "event.id")]
    pub id: String,
    /// What happened.
    #[serde(rename = "event.action")]
    pub action: String,
    /// Who wrote it.
    #[serde(rename = "service.name")]
    pub service: String,
    /// When.
    #[serde(rename = "@timestamp")]
    pub timestamp: String,
    /// The rows it covers.
    #[serde(rename = "assay.rows", default)]
    pub rows: Vec<CoveredText>,
}

/// A row as an entry lists it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
pub struct CoveredText {
    /// The table.
    pub table: String,
    /// The key, its parts joined by `/`.
    pub key: String,
    /// SHA-256 of the row's canonical JSON.
    pub digest: Digest,
}

impl EntryText {
    /// Reads an entry; `None` for what is none.
    pub fn read(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// The row that has this digest, if the entry lists it.
    pub fn row(&self, digest: Digest) -> Option<&CoveredText> {
        self.rows.iter().find(|row| row.digest == digest)
    }
}

/// The digest of a ledger row, given as JSON.
pub fn row_digest(row: &Value) -> Digest {
    Digest::of(canonical_json(row).as_bytes())
}

#[cfg(test)]
mod tests {
    use contract::audit::{AuditEvent, CoveredRow};
    use contract::time::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_written_as_json_in_any_order_is_found_by_its_entry() {
        let row = json!({ "slug": "sorting", "id": "l1", "recorded_at": "1970" });
        let entry = AuditEvent {
            action: "lab-published",
            subject: "sorting",
            service: "snapshot-builder",
            outcome: "success",
            trace_id: None,
            at: Timestamp::UNIX_EPOCH,
            fields: serde_json::Map::new(),
            rows: vec![CoveredRow {
                table: "lab",
                key: "l1".to_owned(),
                digest: Digest::of(br#"{"id":"l1","recorded_at":"1970","slug":"sorting"}"#),
            }],
        };
        let entry = EntryText::read(entry.entry().text.as_bytes()).unwrap();
        assert_eq!(entry.action, "lab-published");
        let pretty = serde_json::to_string_pretty(&row).unwrap();
        let read: Value = serde_json::from_str(&pretty).unwrap();
        let found = entry.row(row_digest(&read)).unwrap();
        assert_eq!((&*found.table, &found.key), ("lab", &"l1".to_owned()));
        let mut other = read.clone();
        other["slug"] = json!("searching");
        assert_eq!(entry.row(row_digest(&other)), None);
        assert_eq!(EntryText::read(b"{}"), None);
    }
}

//! Owns the audit entry: what the log's leaves are made of. Canonical JSON with ECS field names,
//! free of personal data, with an id that is computed, so that writing it again adds nothing.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::canonical::canonical_json;
use crate::digest::Digest;
use crate::ids::{AuditEntryId, TraceId};
use crate::time::{Timestamp, to_text};

/// A row that an entry covers: its table, its key, and the digest of its canonical text. The fields
/// are in the order of canonical JSON, so that none is moved when it is written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CoveredRow {
    /// SHA-256 of the row's canonical JSON.
    pub digest: Digest,
    /// The row's key, its parts joined by `/`.
    pub key: String,
    /// The table.
    pub table: &'static str,
}

/// The version of the Elastic Common Schema whose names are used: `ecs.version`.
pub const ECS_VERSION: &str = "9.0.0";
/// What writers call fields that the schema has a name for, and that name. Any other field that is
/// not the schema's is our own, and begins with `assay.`.
const ECS_NAMES: [(&str, &str); 2] = [
    ("assay.actor", "user.name"),
    ("assay.reason", "event.reason"),
];

/// Longest text of an entry, in bytes: an entry bundle has two bytes for its length (C2SP
/// `tlog-tiles`).
pub const ENTRY_BYTES_MAX: usize = u16::MAX as usize;
/// What the fields that number the parts of an entry take at most, in bytes.
const PART_BYTES_MAX: usize = 64;

/// One entry of the audit log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEntry {
    /// Computed from the action and its subject.
    pub id: AuditEntryId,
    /// What happened: `event.action`.
    pub action: &'static str,
    /// The canonical JSON text: the leaf's data.
    pub text: String,
    /// The trace it belongs to.
    pub trace_id: Option<TraceId>,
    /// When it was written.
    pub at: Timestamp,
    /// Further entries of the same, where it covers more rows than fit into one text.
    pub more: Vec<Self>,
}

/// What an entry is made from.
#[derive(Debug)]
pub struct AuditEvent<'a> {
    /// What happened, in the past tense: `delivery-recorded`.
    pub action: &'static str,
    /// What makes the entry one: with the action it gives the id.
    pub subject: &'a str,
    /// The service that writes it.
    pub service: &'static str,
    /// `success` or `failure`, as ECS has it.
    pub outcome: &'static str,
    /// The trace it belongs to.
    pub trace_id: Option<TraceId>,
    /// When.
    pub at: Timestamp,
    /// Further fields, by their ECS or `assay.` names.
    pub fields: Map<String, Value>,
    /// The rows it covers.
    pub rows: Vec<CoveredRow>,
}

impl AuditEvent<'_> {
    /// Makes the entry; in parts, where its rows do not fit into one of [`ENTRY_BYTES_MAX`].
    pub fn entry(self) -> AuditEntry {
        let fields = self.fields();
        let mut parts = self.in_parts(&fields).into_iter();
        let mut first = parts
            .next()
            .expect("there is a first part, be it without rows");
        first.more = parts.collect();
        first
    }

    /// All fields but the id, the parts and the rows.
    fn fields(&self) -> Map<String, Value> {
        let mut fields = self.fields.clone();
        for (ours, ecs) in ECS_NAMES {
            if let Some(value) = fields.remove(ours) {
                fields.insert(ecs.to_owned(), value);
            }
        }
        // What is not known is not said.
        fields.retain(|_, value| !value.is_null());
        fields.insert("ecs.version".into(), json!(ECS_VERSION));
        fields.insert("@timestamp".into(), json!(to_text(self.at)));
        fields.insert("event.kind".into(), json!("event"));
        fields.insert("event.action".into(), json!(self.action));
        fields.insert("event.outcome".into(), json!(self.outcome));
        fields.insert("service.name".into(), json!(self.service));
        if let Some(trace) = self.trace_id {
            fields.insert("trace.id".into(), json!(trace.to_string()));
        }
        fields
    }

    fn in_parts(&self, fields: &Map<String, Value>) -> Vec<AuditEntry> {
        let whole = self.part(fields, 0, 1, &self.rows);
        if whole.text.len() + PART_BYTES_MAX <= ENTRY_BYTES_MAX {
            return vec![whole];
        }
        let bare = self.part(fields, 0, 1, &[]).text.len();
        let room = ENTRY_BYTES_MAX.saturating_sub(bare + PART_BYTES_MAX);
        let parts = divided(&self.rows, room);
        let of = parts.len();
        let numbered = parts.iter().enumerate();
        numbered
            .map(|(number, rows)| self.part(fields, number, of, rows))
            .collect()
    }

    fn part(
        &self,
        fields: &Map<String, Value>,
        number: usize,
        of: usize,
        rows: &[CoveredRow],
    ) -> AuditEntry {
        let id = match number {
            0 => AuditEntryId::compute(self.action, self.subject),
            _ => AuditEntryId::compute(self.action, &format!("{}/part-{number}", self.subject)),
        };
        let numbers = (of > 1).then_some((number + 1, of));
        AuditEntry {
            id,
            action: self.action,
            text: canonical_json(&Part {
                fields,
                id: id.to_string(),
                number: numbers.map(|(number, _)| number),
                of: numbers.map(|(_, of)| of),
                rows,
            }),
            trace_id: self.trace_id,
            at: self.at,
            more: Vec::new(),
        }
    }
}

/// What the text of an entry, or of a part of it, says.
#[derive(Serialize)]
struct Part<'a> {
    #[serde(flatten)]
    fields: &'a Map<String, Value>,
    #[serde(rename = "event.id")]
    id: String,
    #[serde(rename = "assay.part.number", skip_serializing_if = "Option::is_none")]
    number: Option<usize>,
    #[serde(rename = "assay.part.of", skip_serializing_if = "Option::is_none")]
    of: Option<usize>,
    #[serde(rename = "assay.rows", skip_serializing_if = "<[_]>::is_empty")]
    rows: &'a [CoveredRow],
}

/// Divides rows so that each division takes at most so many bytes; at least one, be it empty.
fn divided(rows: &[CoveredRow], room: usize) -> Vec<&[CoveredRow]> {
    // `"assay.rows":[],` beside them, and a comma behind each.
    let room = room.saturating_sub(16);
    let mut parts = Vec::new();
    let (mut begin, mut taken) = (0, 0);
    for (end, row) in rows.iter().enumerate() {
        let bytes = canonical_json(row).len() + 1;
        if taken + bytes > room && begin < end {
            parts.push(&rows[begin..end]);
            (begin, taken) = (end, 0);
        }
        taken += bytes;
    }
    parts.push(&rows[begin..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_the_schemas_names_and_says_nothing_of_what_is_not_known() {
        let fields = json!({ "assay.actor": "a", "assay.reason": "r", "assay.points": null });
        let Value::Object(fields) = fields else {
            panic!("it is an object");
        };
        let event = AuditEvent {
            action: "command-carried-out",
            subject: "s",
            service: "attempt-writer",
            outcome: "success",
            trace_id: None,
            at: Timestamp::UNIX_EPOCH,
            fields,
            rows: Vec::new(),
        };
        let text: Value = serde_json::from_str(&event.entry().text).unwrap();
        assert_eq!(text["user.name"], "a");
        assert_eq!(text["event.reason"], "r");
        let names: Vec<&String> = text.as_object().unwrap().keys().collect();
        assert!(
            !names.iter().any(|name| name.starts_with("assay.")),
            "{names:?}"
        );
    }

    #[test]
    fn an_entry_that_covers_many_rows_is_written_in_parts_which_fit() {
        let row = |number: usize| CoveredRow {
            table: "verification_request",
            key: format!("{number:036}"),
            digest: Digest::of(b""),
        };
        let event = |count: usize| AuditEvent {
            action: "delivery-recorded",
            subject: "d1",
            service: "attempt-writer",
            outcome: "success",
            trace_id: None,
            at: Timestamp::UNIX_EPOCH,
            fields: Map::new(),
            rows: (0..count).map(row).collect(),
        };
        for (count, parts) in [(0, 1), (1, 1), (300, 1), (500, 2), (5_000, 12)] {
            let first = event(count).entry();
            let all: Vec<&AuditEntry> = std::iter::once(&first).chain(&first.more).collect();
            assert_eq!(all.len(), parts, "{count}");
            assert_eq!(first.id, AuditEntryId::compute("delivery-recorded", "d1"));
            let mut keys = Vec::new();
            for (number, part) in all.iter().enumerate() {
                assert!(part.text.len() <= ENTRY_BYTES_MAX, "{}", part.text.len());
                let text: Value = serde_json::from_str(&part.text).unwrap();
                assert_eq!(text["event.id"], part.id.to_string());
                let numbers = (&text["assay.part.number"], &text["assay.part.of"]);
                match parts {
                    1 => assert_eq!(numbers, (&Value::Null, &Value::Null)),
                    _ => assert_eq!(numbers, (&json!(number + 1), &json!(parts))),
                }
                let rows = text["assay.rows"].as_array().cloned().unwrap_or_default();
                keys.extend(
                    rows.iter()
                        .map(|row| row["key"].as_str().unwrap().to_owned()),
                );
            }
            assert!(
                keys.into_iter()
                    .eq((0..count).map(|number| row(number).key))
            );
            let mut ids: Vec<_> = all.iter().map(|part| part.id).collect();
            ids.dedup();
            assert_eq!(ids.len(), parts);
        }
    }

    #[test]
    fn an_entry_is_canonical_and_its_id_depends_on_action_and_subject_only() {
        let event = |subject, at| AuditEvent {
            action: "delivery-recorded",
            subject,
            service: "attempt-writer",
            outcome: "success",
            trace_id: None,
            at,
            fields: Map::new(),
            rows: vec![CoveredRow {
                table: "push",
                key: "k".into(),
                digest: Digest::of(b""),
            }],
        };
        let early = event("d1", Timestamp::UNIX_EPOCH).entry();
        assert!(
            early
                .text
                .starts_with(r#"{"@timestamp":"1970-01-01T00:00:00.000000Z","assay.rows":[{"#)
        );
        assert_eq!(early.id, event("d1", crate::time::now()).entry().id);
        assert_ne!(early.id, event("d2", Timestamp::UNIX_EPOCH).entry().id);
    }
}

//! Owns the audit entry: what the log's leaves are made of. Canonical JSON with ECS field names,
//! free of personal data, with an id that is computed, so that writing it again adds nothing.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::digest::Digest;
use crate::ids::{AuditEntryId, TraceId};
use crate::message::canonical_json;
use crate::time::{Timestamp, to_text};

/// A row that an entry covers: its table, its key, and the digest of its canonical text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CoveredRow {
    /// The table.
    pub table: &'static str,
    /// The row's key, its parts joined by `/`.
    pub key: String,
    /// SHA-256 of the row's canonical JSON.
    pub digest: Digest,
}

/// The version of the Elastic Common Schema whose names are used: `ecs.version`.
pub const ECS_VERSION: &str = "9.0.0";
/// What writers call fields that the schema has a name for, and that name. Any other field that is
/// not the schema's is our own, and begins with `assay.`.
const ECS_NAMES: [(&str, &str); 2] = [
    ("assay.actor", "user.name"),
    ("assay.reason", "event.reason"),
];

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
    /// Makes the entry.
    pub fn entry(self) -> AuditEntry {
        let id = AuditEntryId::compute(self.action, self.subject);
        let mut fields = self.fields;
        for (ours, ecs) in ECS_NAMES {
            if let Some(value) = fields.remove(ours) {
                fields.insert(ecs.to_owned(), value);
            }
        }
        // What is not known is not said.
        fields.retain(|_, value| !value.is_null());
        fields.insert("ecs.version".into(), json!(ECS_VERSION));
        fields.insert("@timestamp".into(), json!(to_text(self.at)));
        fields.insert("event.id".into(), json!(id.to_string()));
        fields.insert("event.kind".into(), json!("event"));
        fields.insert("event.action".into(), json!(self.action));
        fields.insert("event.outcome".into(), json!(self.outcome));
        fields.insert("service.name".into(), json!(self.service));
        if let Some(trace) = self.trace_id {
            fields.insert("trace.id".into(), json!(trace.to_string()));
        }
        if !self.rows.is_empty() {
            fields.insert("assay.rows".into(), json!(self.rows));
        }
        let text = canonical_json(&Value::Object(fields));
        AuditEntry {
            id,
            action: self.action,
            text,
            trace_id: self.trace_id,
            at: self.at,
        }
    }
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

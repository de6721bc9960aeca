//! Owns the fact: an entry of the log, told in the log's order to whoever follows what happens.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::digest::Digest;
use crate::ids::AuditEntryId;
use crate::message::Message;

/// One leaf of the log. A listener may be told the same leaf twice, and may miss leaves that were
/// too many or too old for the stream: it then reads the ledger.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fact {
    /// Which epoch of the log the leaf is in.
    #[serde(default = "first_epoch")]
    pub epoch: u64,
    /// The leaf's place in it, from 0.
    pub leaf: u64,
    /// The audit entry.
    pub entry: AuditEntryId,
    /// What happened: `event.action`.
    pub action: String,
    /// The entry's canonical JSON: what the leaf's hash is taken of.
    pub text: String,
    /// The leaf's hash.
    pub leaf_hash: Digest,
}

impl Fact {
    /// A text field of the entry, by its ECS or `assay.` name.
    pub fn field(&self, name: &str) -> Option<String> {
        let fields: Map<String, Value> = serde_json::from_str(&self.text).ok()?;
        fields.get(name)?.as_str().map(str::to_owned)
    }
}

impl Message for Fact {
    const KIND: &'static str = "dev.assay.fact.v1";

    /// One token for the action: a dot in it would be two, which no stream takes.
    fn subject(&self) -> String {
        format!("assay.fact.{}", self.action.replace('.', "-"))
    }

    /// The leaf with its entry: a log that was begun anew gives the same places to other entries.
    fn message_id(&self) -> String {
        format!("{}/{}/{}", self.epoch, self.leaf, self.entry)
    }
}

/// Facts that were told before there were epochs are of the first.
const fn first_epoch() -> u64 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_from_the_entry_and_what_is_no_text_is_none() {
        let fact = Fact {
            epoch: 1,
            leaf: 0,
            entry: AuditEntryId::compute("a", "b"),
            action: "a".into(),
            text: r#"{"event.action":"a","assay.count":1}"#.into(),
            leaf_hash: Digest::of(b""),
        };
        assert_eq!(fact.field("event.action").as_deref(), Some("a"));
        assert_eq!(fact.field("assay.count"), None);
        assert_eq!(fact.field("none"), None);
        assert_eq!(fact.subject(), "assay.fact.a");
        let dotted = Fact {
            action: "log.epoch".into(),
            ..fact
        };
        assert_eq!(dotted.subject(), "assay.fact.log-epoch");
    }
}

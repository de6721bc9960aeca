//! Owns erasing again what was erased since the backup: the records lie beside the objects, and the
//! log's leaves say the same, so that either is enough.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::restore::newest::Newer;
use crate::restore::objects::read;
use crate::restore::target::Target;

/// The action of an erasure's entry in the log.
const ACTION: &str = "person-erased";
/// The field in which the entry has the record.
const FIELD: &str = "assay.erasure";
/// Largest record, in bytes.
const RECORD_BYTES_MAX: u64 = 1024 * 1024;

/// The record of an erasure, as it lies beside the objects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Record {
    command: Uuid,
    text: Vec<u8>,
}

impl Record {
    /// Reads a record.
    fn read(text: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(text).ok()?;
        Self::of_value(&value)
    }

    fn of_value(value: &Value) -> Option<Self> {
        let is_record = value["erased_at"].is_string() && value["people"].is_array();
        let command = value["command"].as_str()?.parse().ok()?;
        is_record.then(|| Self {
            command,
            text: value.to_string().into_bytes(),
        })
    }

    /// The record in a leaf of the log, if the leaf is of an erasure.
    pub(super) fn of_entry(entry: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(entry).ok()?;
        match value["event.action"] == ACTION {
            true => Self::of_value(&value[FIELD]),
            false => None,
        }
    }

    fn key(&self) -> String {
        format!("erasures/{}.json", self.command)
    }
}

/// The records that lie in a folder.
pub(super) fn records_in(folder: &Path) -> anyhow::Result<Vec<Record>> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let mut records = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("read {}", folder.display()))?;
        let path = entry.path();
        let is_json = path
            .extension()
            .is_some_and(|extension| extension == "json");
        if is_json && entry.metadata()?.len() <= RECORD_BYTES_MAX {
            records.extend(Record::read(&read(&path)?));
        }
    }
    Ok(records)
}

/// Puts the records beside the objects, and erases again whoever was ever erased.
pub(super) async fn apply(target: &Target, newer: &Newer) -> anyhow::Result<Value> {
    for record in &newer.records {
        let text = record.text.clone().into();
        target.objects.put_at_if_absent(&record.key(), text).await?;
    }
    let again = attempt_writer::privacy::erase::again(&target.way.store, &target.objects);
    let people = again.await.context("erase again what was erased")?;
    eprintln!(
        "erased again: {people} people in all, {} records given",
        newer.records.len()
    );
    Ok(json!({ "people": people, "records_given": newer.records.len() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Value {
        json!({
            "command": "01890a5d-ac96-774b-bcce-b302099a8057",
            "erased_at": "2026-11-21T19:00:00.000000Z",
            "people": [{ "id": "01890a5d-ac96-874b-bcce-b302099a8057" }],
        })
    }

    #[test]
    fn a_record_is_the_same_from_a_file_and_from_a_leaf() {
        let of_file = Record::read(record().to_string().as_bytes()).unwrap();
        let leaf = json!({ "event.action": ACTION, FIELD: record(), "assay.actor": "dpo" });
        assert_eq!(
            Record::of_entry(leaf.to_string().as_bytes()),
            Some(of_file.clone())
        );
        assert_eq!(
            of_file.key(),
            "erasures/01890a5d-ac96-774b-bcce-b302099a8057.json"
        );
        for other in [
            json!({ "event.action": "person-held", FIELD: record() }),
            json!({ "event.action": ACTION }),
            record(),
        ] {
            assert_eq!(
                Record::of_entry(other.to_string().as_bytes()),
                None,
                "{other}"
            );
        }
        assert_eq!(Record::of_entry(b"no JSON"), None);
    }
}

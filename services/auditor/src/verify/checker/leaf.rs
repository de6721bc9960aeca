//! Owns what one leaf must be: the hash of its entry's text, with which every column agrees; and what
//! the leaves say that tie epochs and keys to each other.

use contract::digest::Digest;
use contract::time::to_text;
use serde::Deserialize;
use store::ledger_leaf::LeafOfEntryRow;
use tlog::hash::Hash;

use crate::head::bytes;
use crate::verify::verdict::LeafFault;

/// The epoch that is passing by.
#[derive(Clone, Debug)]
pub(crate) struct Epoch {
    pub(crate) number: u64,
    pub(crate) origin: String,
    /// What its first leaf must commit to, where it is not the first epoch.
    pub(crate) previous: Option<String>,
    /// A size and root that the next epoch says this one had.
    pub(crate) mark: Option<(i64, Vec<u8>)>,
}

/// What an entry's text says of the columns beside it.
#[derive(Deserialize)]
pub(super) struct EntryText {
    #[serde(rename = "event.id")]
    pub(super) id: String,
    #[serde(rename = "event.action")]
    pub(super) action: String,
    #[serde(rename = "trace.id")]
    pub(super) trace_id: Option<String>,
    #[serde(rename = "@timestamp")]
    pub(super) timestamp: String,
    #[serde(rename = "assay.log.origin")]
    pub(super) origin: Option<String>,
    #[serde(rename = "assay.log.previous.note")]
    pub(super) previous: Option<String>,
    #[serde(rename = "assay.log.key_change")]
    pub(super) key_change: Option<String>,
}

/// The leaf hash of the entry's text, if the leaf and everything kept of the entry agree with it.
pub(super) fn leaf_hash(row: &LeafOfEntryRow) -> Result<Hash, LeafFault> {
    let text = row.entry.as_deref().ok_or(LeafFault::EntryGone)?;
    let hash = Hash::of_leaf(text.as_bytes());
    if bytes(hash) != row.leaf.leaf_hash {
        return Err(LeafFault::Text);
    }
    if row.digest.as_deref() != Some(Digest::of(text.as_bytes()).to_string().as_str()) {
        return Err(LeafFault::Digest);
    }
    // The columns are what people query: they must say what was logged.
    let said: EntryText = serde_json::from_str(text).map_err(|_| LeafFault::NoEntry)?;
    let columns = [
        ("id", said.id == row.leaf.audit_entry_id.to_string()),
        (
            "action",
            Some(said.action.as_str()) == row.action.as_deref(),
        ),
        ("trace_id", said.trace_id == row.trace_id),
        (
            "recorded_at",
            Some(said.timestamp) == row.entry_recorded_at.map(to_text),
        ),
    ];
    match columns.into_iter().find(|(_, agrees)| !agrees) {
        Some((column, _)) => Err(LeafFault::Column(column)),
        None => Ok(hash),
    }
}

//! Owns the judgement of a log while its rows pass by, in order. No database, no clock.

use contract::digest::Digest;
use contract::time::{Timestamp, to_text};
use serde::Deserialize;
use store::ledger_leaf::LeafOfEntryRow;
use store::log_checkpoint::CheckpointRow;
use store::log_head::StandingRow;
use tlog::checkpoint::{self, CheckpointError};
use tlog::hash::Hash;
use tlog::key::VerifyingKey;
use tlog::tree::Frontier;

use crate::head::{bytes, column};
use crate::verify::verdict::{Distrust, Gap, LeafFault, Tampering};

/// How long leaves may be unsigned before the log counts as incomplete, in seconds. The auditor
/// signs after a second at the latest.
const UNSIGNED_SECS_MAX: i64 = 60;

/// The log as far as it has passed by.
pub(crate) struct Checker<'a> {
    key: &'a VerifyingKey,
    tree: Frontier,
    checkpoints: u64,
    signed: u64,
    unsigned_since: Option<Timestamp>,
    distrust: Option<Distrust>,
}

/// What an entry's text says of the columns beside it.
#[derive(Deserialize)]
struct EntryText {
    #[serde(rename = "event.id")]
    id: String,
    #[serde(rename = "event.action")]
    action: String,
    #[serde(rename = "trace.id")]
    trace_id: Option<String>,
    #[serde(rename = "@timestamp")]
    timestamp: String,
}

impl<'a> Checker<'a> {
    pub(crate) const fn new(key: &'a VerifyingKey) -> Self {
        Self {
            key,
            tree: Frontier::new(),
            checkpoints: 0,
            signed: 0,
            unsigned_since: None,
            distrust: None,
        }
    }

    /// The log that the key is for.
    pub(crate) fn origin(&self) -> &str {
        self.key.origin()
    }

    /// How many leaves have passed and were good.
    pub(crate) const fn size(&self) -> u64 {
        self.tree.size()
    }

    /// How many checkpoints have passed and were good.
    pub(crate) const fn checkpoints(&self) -> u64 {
        self.checkpoints
    }

    /// How many leaves the last good checkpoint covers.
    pub(crate) const fn signed(&self) -> u64 {
        self.signed
    }

    /// Hears that the log has another name than the key.
    pub(crate) fn other_log(&mut self, found: &str) {
        self.distrust = Some(Distrust::OtherLog {
            expected: self.key.origin().to_owned(),
            found: found.to_owned(),
        });
    }

    /// Takes the next leaf.
    pub(crate) fn leaf(&mut self, row: &LeafOfEntryRow) -> Result<(), Tampering> {
        let index = self.size();
        if row.leaf.leaf_index != column(index) {
            return Err(Tampering::LeafMissing { index });
        }
        let hash = leaf_hash(row).map_err(|fault| Tampering::Leaf {
            index,
            entry: row.leaf.audit_entry_id,
            fault,
        })?;
        self.tree.append(hash);
        self.unsigned_since.get_or_insert(row.leaf.recorded_at);
        Ok(())
    }

    /// Takes a checkpoint; of all checkpoints those first that are the smallest, each as soon as
    /// its leaves have passed.
    pub(crate) fn checkpoint(&mut self, row: &CheckpointRow) -> Result<(), Tampering> {
        let size = row.tree_size;
        let altered = |reason: String| Tampering::Checkpoint { size, reason };
        let signed = match checkpoint::open(&row.note, self.key) {
            Ok(signed) => signed,
            Err(CheckpointError::OtherKey { .. }) => {
                self.distrust.get_or_insert(Distrust::OtherKey { size });
                return Ok(());
            }
            Err(error) => return Err(altered(error.to_string())),
        };
        if signed.origin != row.origin || column(signed.size) != size {
            return Err(altered("its note is of another size or log".to_owned()));
        }
        if bytes(signed.root) != row.root_hash {
            return Err(altered("its note has another root than its row".to_owned()));
        }
        if signed.root != self.tree.root() {
            let (first, last) = (self.signed, self.size().saturating_sub(1));
            return Err(Tampering::Leaves { first, last });
        }
        self.checkpoints += 1;
        self.signed = self.size();
        self.unsigned_since = None;
        Ok(())
    }

    /// Takes the head, and what stood beside it, after all leaves.
    pub(crate) fn head(&self, kept: &StandingRow) -> Result<(), Tampering> {
        let head = &kept.head;
        let differs = |reason: &str| Err(Tampering::Head(reason.to_owned()));
        if kept.last_leaf.map_or(0, |last| last + 1) > head.tree_size {
            return differs("there are leaves beyond it");
        }
        if kept
            .checkpoint_size
            .is_some_and(|size| size > head.tree_size)
        {
            return differs("there is a checkpoint beyond it");
        }
        if head.tree_size != column(self.size()) {
            return differs("its size is negative");
        }
        if head.root_hash != bytes(self.tree.root()) {
            return differs("its root is not that of the leaves");
        }
        if head.frontier != self.tree.to_bytes() {
            return differs("its frontier is not that of the leaves");
        }
        Ok(())
    }

    /// Why the key does not vouch for what has passed, if it does not.
    pub(crate) fn distrust(&self) -> Option<Distrust> {
        let leaves = self.size();
        let unsigned = leaves > 0 && self.signed == 0;
        self.distrust
            .clone()
            .or_else(|| unsigned.then_some(Distrust::NothingSigned { leaves }))
    }

    /// What has not been signed for too long.
    pub(crate) fn unsigned_too_long(&self, now: Timestamp) -> Option<Gap> {
        let since = self.unsigned_since?;
        let leaves = self.size() - self.signed;
        ((now - since).num_seconds() > UNSIGNED_SECS_MAX).then_some(Gap::Unsigned { leaves, since })
    }
}

/// The leaf hash of the entry's text, if the leaf and everything kept of the entry agree with it.
fn leaf_hash(row: &LeafOfEntryRow) -> Result<Hash, LeafFault> {
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

#[cfg(test)]
mod tests;

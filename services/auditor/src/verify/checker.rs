//! Owns the judgement of a log while its rows pass by, in order. No database, no clock.

use contract::time::Timestamp;
use store::ledger_leaf::LeafOfEntryRow;
use store::log_checkpoint::CheckpointRow;
use store::log_head::StandingRow;
use tlog::checkpoint::{self, CheckpointError};
use tlog::epoch;
use tlog::key::VerifyingKey;
use tlog::key_change;
use tlog::tree::Frontier;

use crate::head::{bytes, column};
use crate::verify::checker::leaf::{EntryText, Epoch, leaf_hash};
use crate::verify::verdict::{Distrust, Gap, Tampering};

/// How long leaves may be unsigned before the log counts as incomplete, in seconds. The auditor
/// signs after a second at the latest.
const UNSIGNED_SECS_MAX: i64 = 60;

/// The log as far as it has passed by.
pub(crate) struct Checker<'a> {
    key: &'a VerifyingKey,
    /// The pinned key, and those that it, or one that it led to, vouched for in the log; by the
    /// log's own name, the newest last.
    trusted: Vec<VerifyingKey>,
    epoch: Epoch,
    /// Leaves of the epochs before, and how many of them were signed.
    before: (u64, u64),
    tree: Frontier,
    checkpoints: u64,
    signed: u64,
    unsigned_since: Option<Timestamp>,
    distrust: Option<Distrust>,
    /// A checkpoint that no trusted key signed, after the last one that was.
    unknown: Option<i64>,
    behind: Option<Gap>,
}

impl<'a> Checker<'a> {
    pub(crate) fn new(key: &'a VerifyingKey) -> Self {
        let base = epoch::base(key.origin());
        Self {
            key,
            // A name that is part of a good one is good.
            trusted: vec![key.renamed(base).unwrap_or_else(|_| key.clone())],
            epoch: Epoch {
                number: epoch::FIRST,
                origin: base.to_owned(),
                previous: None,
                mark: None,
            },
            before: (0, 0),
            tree: Frontier::new(),
            checkpoints: 0,
            signed: 0,
            unsigned_since: None,
            distrust: None,
            unknown: None,
            behind: None,
        }
    }

    /// The log's own name, as the key has it.
    pub(crate) fn base(&self) -> &str {
        epoch::base(self.key.origin())
    }

    /// The name of the epoch that is passing by.
    pub(crate) fn origin(&self) -> &str {
        &self.epoch.origin
    }

    /// Hears of entries of an epoch that ended, which are not in the next one.
    pub(crate) fn left_behind(&mut self, gap: Gap) {
        self.behind.get_or_insert(gap);
    }

    /// Entries of an epoch that ended, which are not in the next one.
    pub(crate) fn behind(&self) -> Option<Gap> {
        self.behind.clone()
    }

    /// Begins the next epoch.
    pub(crate) fn begin(&mut self, epoch: Epoch) {
        self.before = (self.leaves(), self.all_signed());
        self.tree = Frontier::new();
        self.signed = 0;
        self.unsigned_since = None;
        self.epoch = epoch;
    }

    /// How many leaves of the epoch have passed and were good.
    pub(crate) const fn size(&self) -> u64 {
        self.tree.size()
    }

    /// How many leaves of all epochs have passed and were good.
    pub(crate) const fn leaves(&self) -> u64 {
        self.before.0 + self.tree.size()
    }

    /// How many checkpoints have passed and were good.
    pub(crate) const fn checkpoints(&self) -> u64 {
        self.checkpoints
    }

    /// How many leaves of the epoch are as they were signed, or as the next epoch says they were.
    pub(crate) const fn signed(&self) -> u64 {
        self.signed
    }

    /// How many leaves of all epochs the last good checkpoints cover.
    pub(crate) const fn all_signed(&self) -> u64 {
        self.before.1 + self.signed
    }

    /// Hears that the log has another name than the key.
    pub(crate) fn other_log(&mut self, found: &str) {
        self.distrust = Some(Distrust::OtherLog {
            expected: self.base().to_owned(),
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
        self.links(index, row.entry.as_deref().unwrap_or_default())?;
        self.tree.append(hash);
        self.unsigned_since.get_or_insert(row.leaf.recorded_at);
        self.marked()
    }

    /// The leaves that tie epochs and keys to each other.
    fn links(&mut self, index: u64, text: &str) -> Result<(), Tampering> {
        if index == 0 && self.epoch.number > epoch::FIRST {
            let said: Option<EntryText> = serde_json::from_str(text).ok();
            let is_link = said.is_some_and(|said| {
                said.action == crate::epoch::ACTION
                    && said.origin.as_ref() == Some(&self.epoch.origin)
                    && said.previous == self.epoch.previous
            });
            if !is_link {
                let epoch = self.epoch.number;
                return Err(Tampering::Epoch { epoch });
            }
        }
        // Nearly every entry is another, and not worth parsing.
        if text.contains("assay.log.key_change")
            && let Ok(said) = serde_json::from_str::<EntryText>(text)
            && let Some(change) = said.key_change
        {
            let known = |key: &VerifyingKey| key_change::open(&change, key).ok();
            self.trusted.extend(
                self.trusted
                    .iter()
                    .find_map(known)
                    .into_iter()
                    .collect::<Vec<_>>(),
            );
        }
        Ok(())
    }

    /// Compares with what the next epoch says of this one.
    fn marked(&mut self) -> Result<(), Tampering> {
        let (first, size) = (self.signed, self.size());
        match &self.epoch.mark {
            Some((at, root)) if *at == column(size) && *root != bytes(self.tree.root()) => {
                let last = size.saturating_sub(1);
                Err(Tampering::Leaves { first, last })
            }
            _ => Ok(()),
        }
    }

    /// Takes a checkpoint; of all checkpoints those first that are the smallest, each as soon as
    /// its leaves have passed.
    pub(crate) fn checkpoint(&mut self, row: &CheckpointRow) -> Result<(), Tampering> {
        let size = row.tree_size;
        let altered = |reason: String| Tampering::Checkpoint { size, reason };
        let (signed, trusted) = match self.open(&row.note) {
            Ok(signed) => (signed, true),
            // A key that came before the pinned one, for which a later checkpoint vouches; or that
            // of a stranger, if none does.
            Err(CheckpointError::OtherKey { .. }) => match checkpoint::said(&row.note) {
                Ok(said) => (said, false),
                Err(error) => return Err(altered(error.to_string())),
            },
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
        if !trusted {
            self.unknown.get_or_insert(size);
            return Ok(());
        }
        self.unknown = None;
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
        let leaves = self.leaves();
        let unsigned = leaves > 0 && self.all_signed() == 0;
        let unknown = self.unknown.map(|size| Distrust::OtherKey { size });
        self.distrust
            .clone()
            .or(unknown)
            .or_else(|| unsigned.then_some(Distrust::NothingSigned { leaves }))
    }

    /// Opens a checkpoint of the epoch by whichever trusted key signed it.
    fn open(&self, note: &str) -> Result<checkpoint::Checkpoint, CheckpointError> {
        let mut refused = None;
        for key in self.trusted.iter().rev() {
            let key = key.renamed(&self.epoch.origin);
            match checkpoint::open(note, &key.map_err(CheckpointError::Origin)?) {
                Err(error @ CheckpointError::OtherKey { .. }) => refused = Some(error),
                opened => return opened,
            }
        }
        Err(refused.expect("there is a pinned key"))
    }

    /// What has not been signed for too long.
    pub(crate) fn unsigned_too_long(&self, now: Timestamp) -> Option<Gap> {
        let since = self.unsigned_since?;
        let leaves = self.size() - self.signed;
        ((now - since).num_seconds() > UNSIGNED_SECS_MAX).then_some(Gap::Unsigned { leaves, since })
    }
}

pub(crate) mod leaf;
#[cfg(test)]
mod tests;

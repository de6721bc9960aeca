//! Owns what the next step of the log is: which entries become which leaves, and whether a
//! checkpoint is due. It decides and does not act: no database, no clock.

use std::collections::HashMap;
use std::time::Duration;

use contract::digest::Digest;
use contract::time::Timestamp;
use store::audit_entry::EntryRow;
use store::ledger_leaf::LeafRow;
use store::ledger_pending::PendingRow;
use tlog::hash::Hash;
use uuid::Uuid;

use crate::head::{Head, bytes, column};

/// Most entries that become leaves in one transaction.
pub const BATCH_MAX: usize = 1_000;
/// Between two checkpoints while there is something to sign, in milliseconds: what comes after a
/// pause is signed at once, and never is there more than one a second.
pub const CHECKPOINT_MS: u64 = 1_000;

/// Entries that become leaves together.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The leaves, in order.
    pub(crate) leaves: Vec<LeafRow>,
    /// The head after them.
    pub(crate) head: Head,
    /// How long each entry waited for its leaf.
    pub(crate) delays: Vec<Duration>,
    /// Entries whose text is no longer the one that was digested when they were written.
    pub(crate) altered: Vec<Uuid>,
}

impl Batch {
    /// Gives each pending entry the next place, in the order they were queued.
    pub(crate) fn plan(
        head: &Head,
        pending: &[PendingRow],
        entries: &[EntryRow],
        at: Timestamp,
    ) -> Self {
        let by_id: HashMap<Uuid, &EntryRow> = entries.iter().map(|e| (e.id, e)).collect();
        let mut batch = Self {
            leaves: Vec::with_capacity(pending.len()),
            head: head.clone(),
            delays: Vec::with_capacity(pending.len()),
            altered: Vec::new(),
        };
        // A pending row without its entry cannot be, the database refuses it; were it there, it
        // would stay pending, and be seen as lag.
        for entry in pending
            .iter()
            .filter_map(|row| by_id.get(&row.audit_entry_id))
        {
            batch.add(entry, at);
        }
        batch
    }

    fn add(&mut self, entry: &EntryRow, at: Timestamp) {
        // It is logged as it is now all the same: one bad entry must not keep the rest out of the
        // log. That it was altered is shown by its digest, which `verify` compares.
        if Digest::of(entry.entry.as_bytes()).to_string() != entry.digest {
            self.altered.push(entry.id);
        }
        let hash = Hash::of_leaf(entry.entry.as_bytes());
        self.leaves.push(LeafRow {
            epoch: column(self.head.epoch),
            leaf_index: column(self.head.tree.append(hash)),
            audit_entry_id: entry.id,
            leaf_hash: bytes(hash),
            recorded_at: at,
        });
        self.delays
            .push((at - entry.recorded_at).to_std().unwrap_or_default());
    }
}

/// Whether a checkpoint is due: the last one was signed so long ago, or never.
pub(crate) fn checkpoint_is_due(since_last: Option<Duration>) -> bool {
    since_last.is_none_or(|since| since >= Duration::from_millis(CHECKPOINT_MS))
}

#[cfg(test)]
mod tests {
    use contract::time;

    use super::*;

    fn entry(number: u128) -> EntryRow {
        let text = format!("entry {number}");
        EntryRow {
            id: Uuid::from_u128(number),
            digest: Digest::of(text.as_bytes()).to_string(),
            entry: text,
            recorded_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn pending(number: u128) -> PendingRow {
        PendingRow {
            audit_entry_id: Uuid::from_u128(number),
            traceparent: None,
        }
    }

    #[test]
    fn entries_become_leaves_in_the_order_they_were_queued() {
        let mut head = Head::new("log.example/lab", 1);
        head.tree.append(Hash::of_leaf(b"before"));
        let at = time::now();
        let queued = [pending(3), pending(1), pending(2)];
        let batch = Batch::plan(&head, &queued, &[entry(1), entry(2), entry(3)], at);
        let leaves: Vec<_> = batch
            .leaves
            .iter()
            .map(|leaf| (leaf.leaf_index, leaf.audit_entry_id.as_u128()))
            .collect();
        assert_eq!(leaves, [(1, 3), (2, 1), (3, 2)]);
        assert_eq!(batch.head.tree.size(), 4);
        assert!(batch.altered.is_empty());
        for leaf in &batch.leaves {
            let text = format!("entry {}", leaf.audit_entry_id.as_u128());
            assert_eq!(leaf.leaf_hash, bytes(Hash::of_leaf(text.as_bytes())));
            head.tree.append(Hash::of_leaf(text.as_bytes()));
        }
        assert_eq!(batch.head.tree, head.tree);
    }

    #[test]
    fn an_altered_entry_is_logged_and_named() {
        let mut altered = entry(1);
        altered.entry.push('!');
        let head = Head::new("log.example/lab", 1);
        let batch = Batch::plan(&head, &[pending(1)], &[altered], time::now());
        assert_eq!(batch.leaves.len(), 1);
        assert_eq!(batch.altered, [Uuid::from_u128(1)]);
    }

    #[test]
    fn a_checkpoint_is_due_at_once_after_a_pause_and_at_most_each_second() {
        let ms = |ms| Some(Duration::from_millis(ms));
        for (since, due) in [(None, true), (ms(999), false), (ms(1_000), true)] {
            assert_eq!(checkpoint_is_due(since), due, "{since:?}");
        }
    }
}

//! Owns what the next step of the log is: which entries become which leaves, and whether a
//! checkpoint is due. It decides and does not act: no database, no clock.

use std::time::Duration;

use contract::digest::Digest;
use contract::time::Timestamp;
use store::ledger_leaf::{LeafOfEntryRow, LeafRow};
use store::log_step::WaitingRow;
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
    /// The leaves with their entries, in order.
    pub(crate) leaves: Vec<LeafOfEntryRow>,
    /// The head after them.
    pub(crate) head: Head,
    /// How long each entry waited for its leaf.
    pub(crate) delays: Vec<Duration>,
    /// Entries whose text is no longer the one that was digested when they were written.
    pub(crate) altered: Vec<Uuid>,
}

impl Batch {
    /// Gives each entry that waits the next place, in the order they were queued.
    pub(crate) fn plan(head: &Head, waiting: Vec<WaitingRow>, at: Timestamp) -> Self {
        let mut batch = Self {
            leaves: Vec::with_capacity(waiting.len()),
            head: head.clone(),
            delays: Vec::with_capacity(waiting.len()),
            altered: Vec::new(),
        };
        for row in waiting {
            batch.add(row, at);
        }
        batch
    }

    fn add(&mut self, row: WaitingRow, at: Timestamp) {
        // It is logged as it is now all the same: one bad entry must not keep the rest out of the
        // log. That it was altered is shown by its digest, which `verify` compares.
        if row.digest.parse() != Ok(Digest::of(row.entry.as_bytes())) {
            self.altered.push(row.audit_entry_id);
        }
        let hash = Hash::of_leaf(row.entry.as_bytes());
        let leaf = LeafRow {
            epoch: column(self.head.epoch),
            leaf_index: column(self.head.tree.append(hash)),
            audit_entry_id: row.audit_entry_id,
            leaf_hash: bytes(hash),
            recorded_at: at,
        };
        self.delays
            .push((at - row.recorded_at).to_std().unwrap_or_default());
        self.leaves.push(LeafOfEntryRow {
            leaf,
            action: Some(row.action),
            entry: Some(row.entry),
            digest: Some(row.digest),
            trace_id: row.trace_id,
            entry_recorded_at: Some(row.recorded_at),
        });
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

    fn waiting(number: u128) -> WaitingRow {
        let text = format!("entry {number}");
        WaitingRow {
            audit_entry_id: Uuid::from_u128(number),
            traceparent: None,
            action: "delivery-recorded".to_owned(),
            digest: Digest::of(text.as_bytes()).to_string(),
            entry: text,
            trace_id: None,
            recorded_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn entries_become_leaves_in_the_order_they_were_queued() {
        let mut head = Head::new("log.example/lab", 1);
        head.tree.append(Hash::of_leaf(b"before"));
        let at = time::now();
        let queued = [3, 1, 2].map(waiting).to_vec();
        let batch = Batch::plan(&head, queued, at);
        let leaves: Vec<_> = batch
            .leaves
            .iter()
            .map(|row| (row.leaf.leaf_index, row.leaf.audit_entry_id.as_u128()))
            .collect();
        assert_eq!(leaves, [(1, 3), (2, 1), (3, 2)]);
        assert_eq!(batch.head.tree.size(), 4);
        assert!(batch.altered.is_empty());
        for row in &batch.leaves {
            let text = format!("entry {}", row.leaf.audit_entry_id.as_u128());
            assert_eq!(row.entry.as_ref(), Some(&text));
            assert_eq!(row.leaf.leaf_hash, bytes(Hash::of_leaf(text.as_bytes())));
            head.tree.append(Hash::of_leaf(text.as_bytes()));
        }
        assert_eq!(batch.head.tree, head.tree);
    }

    #[test]
    fn an_altered_entry_is_logged_and_named() {
        let mut altered = waiting(1);
        altered.entry.push('!');
        let head = Head::new("log.example/lab", 1);
        let batch = Batch::plan(&head, vec![altered], time::now());
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

//! Owns the newest leaves as the leader wrote them: whoever tells or publishes them need not read
//! from the ledger what was in hands a moment ago. What is not here any more is read there.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use store::error::StoreError;
use store::ledger_leaf::{self, LeafOfEntryRow};
use store::pool::Store;

/// Most leaves that are held.
const LEAVES_MAX: usize = 20_000;
/// Most bytes of entries that are held.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// The newest leaves of the epoch that is led, without gaps.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    leaves: VecDeque<Arc<LeafOfEntryRow>>,
    bytes: usize,
}

impl Recent {
    /// Takes the leaves that come next, once they are committed.
    pub(crate) fn push(&self, leaves: impl IntoIterator<Item = LeafOfEntryRow>) {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for leaf in leaves {
            window.push(leaf);
        }
    }

    /// The leaves from a place on, at most `limit`; `None` where that place is not held.
    fn page(&self, epoch: i64, from: i64, limit: i64) -> Option<Vec<Arc<LeafOfEntryRow>>> {
        let window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = &window.leaves.front()?.leaf;
        let skipped = usize::try_from(from.checked_sub(first.leaf_index)?).ok()?;
        let limit = usize::try_from(limit).ok()?;
        if first.epoch != epoch || skipped >= window.leaves.len() {
            return None;
        }
        let rows = window.leaves.iter().skip(skipped).take(limit);
        Some(rows.cloned().collect())
    }

    /// The leaves from a place on, at most `limit`, from here or from the ledger.
    pub(crate) async fn or_read(
        &self,
        store: &Store,
        epoch: i64,
        from: i64,
        limit: i64,
    ) -> Result<Vec<Arc<LeafOfEntryRow>>, StoreError> {
        if let Some(page) = self.page(epoch, from, limit) {
            return Ok(page);
        }
        let mut conn = store.connection().await?;
        let read = ledger_leaf::page(&mut conn, epoch, from, limit).await?;
        Ok(read.into_iter().map(Arc::new).collect())
    }
}

impl Window {
    fn push(&mut self, leaf: LeafOfEntryRow) {
        let follows = self.leaves.back().is_none_or(|last| {
            (last.leaf.epoch, last.leaf.leaf_index + 1) == (leaf.leaf.epoch, leaf.leaf.leaf_index)
        });
        if !follows {
            self.leaves.clear();
            self.bytes = 0;
        }
        self.bytes += bytes_of(&leaf);
        self.leaves.push_back(Arc::new(leaf));
        while self.leaves.len() > LEAVES_MAX || self.bytes > BYTES_MAX {
            let Some(gone) = self.leaves.pop_front() else {
                return;
            };
            self.bytes -= bytes_of(&gone);
        }
    }
}

fn bytes_of(leaf: &LeafOfEntryRow) -> usize {
    leaf.entry.as_ref().map_or(0, String::len)
}

#[cfg(test)]
mod tests {
    use contract::time;
    use store::ledger_leaf::LeafRow;
    use uuid::Uuid;

    use super::*;

    fn leaf(epoch: i64, leaf_index: i64, bytes: usize) -> LeafOfEntryRow {
        LeafOfEntryRow {
            leaf: LeafRow {
                epoch,
                leaf_index,
                audit_entry_id: Uuid::nil(),
                leaf_hash: vec![0; 32],
                recorded_at: time::now(),
            },
            action: None,
            entry: Some("x".repeat(bytes)),
            digest: None,
            trace_id: None,
            entry_recorded_at: None,
        }
    }

    fn places(recent: &Recent, epoch: i64, from: i64, limit: i64) -> Option<Vec<i64>> {
        let page = recent.page(epoch, from, limit)?;
        Some(page.iter().map(|row| row.leaf.leaf_index).collect())
    }

    #[test]
    fn what_is_held_is_given_and_nothing_else() {
        let recent = Recent::default();
        assert_eq!(places(&recent, 1, 0, 10), None);
        recent.push((5..9).map(|index| leaf(1, index, 1)));
        for (epoch, from, limit, expected) in [
            (1, 5, 2, Some(vec![5, 6])),
            (1, 7, 10, Some(vec![7, 8])),
            (1, 4, 10, None),
            (1, 9, 10, None),
            (2, 5, 10, None),
        ] {
            let found = places(&recent, epoch, from, limit);
            assert_eq!(found, expected, "{epoch} {from} {limit}");
        }
        // After a gap, and in another epoch, what was before is no part of it.
        recent.push([leaf(1, 20, 1)]);
        assert_eq!(places(&recent, 1, 5, 10), None);
        assert_eq!(places(&recent, 1, 20, 10), Some(vec![20]));
        recent.push([leaf(2, 21, 1)]);
        assert_eq!(places(&recent, 1, 20, 10), None);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_or_they_are_too_long() {
        let recent = Recent::default();
        let many = LEAVES_MAX as i64;
        recent.push((0..=many).map(|index| leaf(1, index, 1)));
        assert_eq!(places(&recent, 1, 0, 1), None);
        assert_eq!(places(&recent, 1, 1, 1), Some(vec![1]));
        let half = BYTES_MAX / 2;
        recent.push((many + 1..many + 4).map(|index| leaf(1, index, half)));
        assert_eq!(places(&recent, 1, many + 1, 1), None);
        assert_eq!(
            places(&recent, 1, many + 2, 9),
            Some(vec![many + 2, many + 3])
        );
    }
}

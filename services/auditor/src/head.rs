//! Owns the log's head as its leader holds it, and the judgement whether it may be built upon.
//! Must never touch the database: it judges what was read.

use store::log_head::{HeadRow, StandingRow};
use thiserror::Error;
use tlog::checkpoint::Checkpoint;
use tlog::epoch;
use tlog::hash::Hash;
use tlog::tree::{Frontier, FrontierError};

/// How far the log goes, and how far it is signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    pub(crate) epoch: u64,
    pub(crate) origin: String,
    pub(crate) tree: Frontier,
    /// The size of the largest checkpoint; 0 before the first.
    pub(crate) signed: u64,
}

/// Why the log as it is kept may not be built upon: adding to it, or signing it, could contradict
/// what was signed before. Nothing heals this but a person.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Blocked {
    #[error("the log has no head")]
    Gone,
    #[error("the log is {found:?}, the settings say {expected:?}")]
    OtherOrigin { expected: String, found: String },
    #[error("the head's frontier cannot be read: {0}")]
    Unreadable(#[from] FrontierError),
    #[error("the head's frontier, size and root are not of one tree")]
    Torn,
    #[error("the head is at size {head}, and the leaves go up to {leaves}")]
    Leaves { head: i64, leaves: i64 },
    #[error("a checkpoint of size {checkpoint} is ahead of the head at size {head}")]
    CheckpointAhead { checkpoint: i64, head: i64 },
    #[error("the checkpoint of size {0} has another root than the log at that size")]
    CheckpointDiffers(i64),
    #[error("a checkpoint of size {found} appeared beside the last one we signed, {ours}")]
    CheckpointBeside { ours: u64, found: i64 },
    #[error(
        "epoch {published} is published and the ledger is in epoch {ours}: the ledger is an older \
         one; open a new epoch"
    )]
    PublishedEpoch { published: u64, ours: u64 },
    #[error(
        "a checkpoint of size {published} is published and the ledger's log ends at {ours}: the \
         ledger is an older one; open a new epoch"
    )]
    PublishedAhead { published: u64, ours: u64 },
    #[error(
        "the published checkpoint of size {0} has another root than the ledger's: one of them is of \
         another log; open a new epoch"
    )]
    PublishedDiffers(u64),
    #[error(
        "a checkpoint of size {0} is published that the ledger never signed: the ledger is an older \
         one, or of another log; open a new epoch"
    )]
    PublishedBeside(u64),
    #[error("the published checkpoint cannot be read: {0}")]
    PublishedUnreadable(String),
    #[error("leaf {index} cannot be published: {reason}")]
    Unfit { index: i64, reason: String },
}

impl Head {
    /// The head of an epoch without leaves; `base` is the log's own name.
    pub(crate) fn new(base: &str, epoch: u64) -> Self {
        Self {
            epoch,
            origin: epoch::origin(base, epoch),
            tree: Frontier::new(),
            signed: 0,
        }
    }

    /// Judges whether the log as it is kept may be built upon; `base` is its own name.
    pub(crate) fn judge(kept: &StandingRow, base: &str) -> Result<Self, Blocked> {
        let row = &kept.head;
        let epoch = row.epoch.unsigned_abs();
        let expected = epoch::origin(base, epoch);
        if row.origin != expected {
            let found = row.origin.clone();
            return Err(Blocked::OtherOrigin { expected, found });
        }
        let head = Self {
            epoch,
            origin: row.origin.clone(),
            tree: Frontier::from_bytes(&row.frontier)?,
            signed: kept.checkpoint_size.unwrap_or_default().unsigned_abs(),
        };
        if head.row() != *row {
            return Err(Blocked::Torn);
        }
        let leaves = kept.last_leaf.map_or(0, |last| last + 1);
        if leaves != row.tree_size {
            let head = row.tree_size;
            return Err(Blocked::Leaves { head, leaves });
        }
        match (kept.checkpoint_size, &kept.checkpoint_root) {
            (Some(checkpoint), _) if checkpoint > row.tree_size => {
                let head = row.tree_size;
                Err(Blocked::CheckpointAhead { checkpoint, head })
            }
            (Some(size), root)
                if size == row.tree_size && root.as_ref() != Some(&row.root_hash) =>
            {
                Err(Blocked::CheckpointDiffers(size))
            }
            _ => Ok(head),
        }
    }

    /// Whether there are leaves that no checkpoint covers.
    pub(crate) fn is_unsigned(&self) -> bool {
        self.tree.size() > self.signed
    }

    /// What a checkpoint of it says.
    pub(crate) fn checkpoint(&self) -> Checkpoint {
        Checkpoint::of(&self.origin, &self.tree)
    }

    /// The row that keeps it.
    pub(crate) fn row(&self) -> HeadRow {
        HeadRow {
            epoch: column(self.epoch),
            origin: self.origin.clone(),
            tree_size: column(self.tree.size()),
            root_hash: bytes(self.tree.root()),
            frontier: self.tree.to_bytes(),
        }
    }
}

/// A size or an index as the database keeps it.
pub(crate) fn column(size: u64) -> i64 {
    i64::try_from(size).expect("a log of 2^63 leaves does not fit on any disk")
}

/// A hash as the database keeps it.
pub(crate) fn bytes(hash: Hash) -> Vec<u8> {
    hash.as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "log.example/lab";

    fn kept(leaves: u64) -> StandingRow {
        let mut head = Head::new(ORIGIN, epoch::FIRST);
        (0..leaves).for_each(|index| {
            head.tree.append(Hash::of_leaf(&index.to_be_bytes()));
        });
        StandingRow {
            head: head.row(),
            last_leaf: column(leaves).checked_sub(1).filter(|last| *last >= 0),
            checkpoint_size: None,
            checkpoint_root: None,
        }
    }

    fn signed(mut kept: StandingRow, size: i64) -> StandingRow {
        kept.checkpoint_size = Some(size);
        kept.checkpoint_root = Some(kept.head.root_hash.clone());
        kept
    }

    #[test]
    fn a_log_whose_parts_agree_is_built_upon_from_where_it_ended() {
        for (standing, size, signed) in [
            (kept(0), 0, 0),
            (kept(5), 5, 0),
            (signed(kept(5), 3), 5, 3),
            (signed(kept(5), 5), 5, 5),
        ] {
            let head = Head::judge(&standing, ORIGIN).unwrap();
            assert_eq!((head.tree.size(), head.signed), (size, signed));
            assert_eq!(head.is_unsigned(), size > signed);
            assert_eq!(head.row(), standing.head);
        }
    }

    #[test]
    fn a_log_whose_parts_contradict_each_other_is_not_built_upon() {
        let judged = |kept: &StandingRow| Head::judge(kept, ORIGIN).unwrap_err();
        let mut other = kept(5);
        other.head.origin = "log.example/other".to_owned();
        assert!(matches!(judged(&other), Blocked::OtherOrigin { .. }));
        let mut cut = kept(5);
        cut.head.frontier.pop();
        assert!(matches!(judged(&cut), Blocked::Unreadable(_)));
        let mut turned = kept(5);
        turned.head.frontier[20] ^= 1;
        assert_eq!(judged(&turned), Blocked::Torn);
        let mut rooted = kept(5);
        rooted.head.root_hash[0] ^= 1;
        assert_eq!(judged(&rooted), Blocked::Torn);
        let mut sized = kept(5);
        sized.head.tree_size = 4;
        assert_eq!(judged(&sized), Blocked::Torn);
        for last in [None, Some(3), Some(5)] {
            let mut leaves = kept(5);
            leaves.last_leaf = last;
            let leaves_found = last.map_or(0, |last| last + 1);
            let blocked = Blocked::Leaves {
                head: 5,
                leaves: leaves_found,
            };
            assert_eq!(judged(&leaves), blocked);
        }
        let blocked = Blocked::CheckpointAhead {
            checkpoint: 6,
            head: 5,
        };
        assert_eq!(judged(&signed(kept(5), 6)), blocked);
        let mut differs = signed(kept(5), 5);
        differs.checkpoint_root = Some(vec![0; 32]);
        assert_eq!(judged(&differs), Blocked::CheckpointDiffers(5));
    }
}

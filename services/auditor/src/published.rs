//! Owns the judgement of what is published: whether the ledger may sign beside it. The published
//! files are what others have seen, and they are not restored with the database.

use store::log_checkpoint::CheckpointRow;
use tlog::checkpoint::{self, Checkpoint};

use crate::head::{Blocked, bytes};

/// What the published log is held against.
pub(crate) struct Standing {
    /// The ledger's epoch.
    pub(crate) epoch: u64,
    /// How far that epoch goes.
    pub(crate) size: u64,
    /// The newest epoch that has files; 0 where there are none.
    pub(crate) newest_published: u64,
}

/// Reads a published note, whoever signed it: one that says too much must stop us all the more.
pub(crate) fn read(note: &str) -> Result<Checkpoint, Blocked> {
    checkpoint::said(note).map_err(|error| Blocked::PublishedUnreadable(error.to_string()))
}

impl Standing {
    /// Judges a published checkpoint of the ledger's epoch, by the one of the same size that the
    /// ledger has; says how far the epoch is published.
    pub(crate) fn judge(
        &self,
        said: Option<&Checkpoint>,
        ours: Option<&CheckpointRow>,
    ) -> Result<u64, Blocked> {
        if self.newest_published > self.epoch {
            return Err(Blocked::PublishedEpoch {
                published: self.newest_published,
                ours: self.epoch,
            });
        }
        let Some(said) = said else {
            return Ok(0);
        };
        let published = said.size;
        if published > self.size {
            let ours = self.size;
            return Err(Blocked::PublishedAhead { published, ours });
        }
        // The tree without leaves has one root, and no checkpoint of ours.
        match ours {
            _ if published == 0 => Ok(0),
            None => Err(Blocked::PublishedBeside(published)),
            Some(row) if row.origin != said.origin || row.root_hash != bytes(said.root) => {
                Err(Blocked::PublishedDiffers(published))
            }
            Some(_) => Ok(published),
        }
    }
}

#[cfg(test)]
mod tests {
    use contract::time;
    use tlog::hash::Hash;

    use super::*;

    const ORIGIN: &str = "log.example/lab";

    fn said(size: u64) -> Checkpoint {
        Checkpoint {
            origin: ORIGIN.to_owned(),
            size,
            root: Hash::of_leaf(&size.to_be_bytes()),
        }
    }

    fn row(said: &Checkpoint) -> CheckpointRow {
        CheckpointRow {
            origin: said.origin.clone(),
            tree_size: i64::try_from(said.size).unwrap(),
            root_hash: bytes(said.root),
            note: "note".to_owned(),
            recorded_at: time::now(),
        }
    }

    #[test]
    fn what_the_ledger_signed_itself_may_be_built_upon_and_nothing_else() {
        let standing = |newest_published| Standing {
            epoch: 2,
            size: 5,
            newest_published,
        };
        let (three, five, six) = (said(3), said(5), said(6));
        let mut other_root = row(&five);
        other_root.root_hash[0] ^= 1;
        let mut other_log = row(&five);
        other_log.origin.push('x');
        let ahead = Blocked::PublishedAhead {
            published: 6,
            ours: 5,
        };
        let epoch = Blocked::PublishedEpoch {
            published: 3,
            ours: 2,
        };
        for (newest, said, ours, judged) in [
            (0, None, None, Ok(0)),
            (1, None, None, Ok(0)),
            (2, Some(&three), Some(row(&three)), Ok(3)),
            (2, Some(&five), Some(row(&five)), Ok(5)),
            (2, Some(&five), None, Err(Blocked::PublishedBeside(5))),
            (
                2,
                Some(&five),
                Some(other_root),
                Err(Blocked::PublishedDiffers(5)),
            ),
            (
                2,
                Some(&five),
                Some(other_log),
                Err(Blocked::PublishedDiffers(5)),
            ),
            (2, Some(&six), None, Err(ahead)),
            (3, None, None, Err(epoch)),
        ] {
            assert_eq!(standing(newest).judge(said, ours.as_ref()), judged);
        }
        assert!(matches!(read("x"), Err(Blocked::PublishedUnreadable(_))));
    }
}

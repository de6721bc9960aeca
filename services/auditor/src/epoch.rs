//! Owns the opening of a log epoch: a log of its own, under a name of its own, whose first leaf
//! commits to the last checkpoint that is known of what came before.
//!
//! A log that was restored from a backup must not go on under its old name: leaves and checkpoints
//! that the backup does not have may have been signed and seen. The database and the published files
//! may contradict each other when this is called; that is what it is for.

use contract::time::Timestamp;
use objects::log::LogFile;
use objects::store::{Objects, ObjectsError};
use store::error::StoreError;
use store::ledger_leaf;
use store::log_epoch;
use store::log_head::HeadRow;
use store::transaction::LedgerConnection;
use store::{log_checkpoint, log_head};
use thiserror::Error;
use tlog::checkpoint::{self, Checkpoint, CheckpointError};
use tlog::epoch;
use tlog::hash::HASH_BYTES;
use tlog::tile::{Kind, Tile, WIDTH};

use crate::epoch::plan::{Plan, carry_out};
use crate::head::column;

mod plan;

/// The action of an epoch's first entry.
pub const ACTION: &str = "log.epoch";

/// Why an epoch is opened, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct Cause<'a> {
    /// Why, for those who read the log later. Free of personal data.
    pub reason: &'a str,
    /// Who ordered it.
    pub actor: &'a str,
    /// When.
    pub at: Timestamp,
}

/// An epoch that was opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// Its number.
    pub epoch: u64,
    /// Its name in checkpoints.
    pub origin: String,
    /// What its first leaf commits to: the last checkpoint that is known, and its note.
    pub previous: Option<(Checkpoint, String)>,
    /// How many entries have their leaf in the new epoch because none that was signed has them.
    pub queued_again: u64,
}

/// Why no epoch was opened. Nothing was changed.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The published files could not be read.
    #[error("read the published log")]
    Objects(#[from] ObjectsError),
    /// A checkpoint that is to be linked to cannot be read.
    #[error("read the last checkpoint of {of}")]
    Checkpoint {
        /// Where it is from.
        of: String,
        /// Why.
        source: CheckpointError,
    },
    /// A checkpoint is one of another log.
    #[error("the checkpoint of {found:?} is not one of the log {base:?}")]
    OtherLog {
        /// The log.
        base: String,
        /// The checkpoint's.
        found: String,
    },
    /// An auditor moved the head meanwhile.
    #[error("the log's head moved meanwhile: an auditor is at work; stop it first")]
    Busy,
}

/// A checkpoint that is known, with the epoch it is of.
#[derive(Clone)]
struct Known {
    epoch: u64,
    said: Checkpoint,
    note: String,
}

/// Opens the next epoch of the log `base`, in one transaction. `objects` is the store that the log is
/// published in, as it is now; `noted` are notes of checkpoints that somebody kept elsewhere. The
/// largest of the newest epoch is what the first leaf commits to.
///
/// Entries whose leaf no known checkpoint covers wait for a leaf in the new epoch. The next auditor
/// that leads goes on there.
///
/// # Errors
/// [`OpenError`].
pub async fn open(
    conn: &mut LedgerConnection,
    objects: &Objects,
    base: &str,
    noted: &[String],
    cause: Cause<'_>,
) -> Result<Opened, OpenError> {
    let old = log_head::standing(conn).await?.map(|kept| kept.head);
    let rows = log_epoch::all(conn).await?;
    let mut newest = rows.last().map_or(0, |row| row.epoch.unsigned_abs());
    let mut known = Vec::new();
    for row in &rows {
        if let Some(signed) = log_checkpoint::newest(conn, &row.origin).await? {
            known.push(read(base, "the ledger", signed.note)?);
        }
    }
    for epoch in objects.log_epochs().await? {
        newest = newest.max(epoch);
        if let Some(note) = published_note(objects, epoch).await? {
            known.push(read(base, "the published files", note)?);
        }
    }
    for note in noted {
        known.push(read(base, "the note that was given", note.clone())?);
    }
    // Of two alike the published one, which stands last, since it is what others have seen.
    let previous = known
        .iter()
        .max_by_key(|known| (known.epoch, known.said.size));
    newest = newest.max(previous.map_or(0, |known| known.epoch));
    let covered = match &old {
        Some(head) => covered(conn, objects, head, &known).await?,
        None => 0,
    };
    let plan = Plan::new(base, newest + 1, previous.cloned(), covered, cause);
    carry_out(conn, old, plan).await
}

fn read(base: &str, of: &str, note: String) -> Result<Known, OpenError> {
    let said = checkpoint::said(&note).map_err(|source| OpenError::Checkpoint {
        of: of.to_owned(),
        source,
    })?;
    let epoch = epoch::number(base, &said.origin).ok_or_else(|| OpenError::OtherLog {
        base: base.to_owned(),
        found: said.origin.clone(),
    })?;
    Ok(Known { epoch, said, note })
}

/// The note that is published for an epoch; one that is no text is an error where it is read.
pub(crate) async fn published_note(
    objects: &Objects,
    epoch: u64,
) -> Result<Option<String>, ObjectsError> {
    let read = objects.log_file(epoch, LogFile::Checkpoint).await?;
    Ok(read.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// How many leaves of the old head's epoch are under a checkpoint that is known.
async fn covered(
    conn: &mut LedgerConnection,
    objects: &Objects,
    head: &HeadRow,
    known: &[Known],
) -> Result<u64, OpenError> {
    let epoch = head.epoch.unsigned_abs();
    let sizes = known.iter().filter(|known| known.epoch == epoch);
    let size = sizes.map(|known| known.said.size).max().unwrap_or(0);
    let size = size.min(head.tree_size.unsigned_abs());
    // What the ledger has may not be what was signed and published, though it be as large: where
    // there are tiles, each leaf is held against them.
    let mut leaf = 0;
    while leaf < size {
        let Some(tile) = leaf_tile(objects, epoch, leaf / WIDTH, known).await? else {
            break;
        };
        let limit = WIDTH.min(size - leaf);
        let kept = ledger_leaf::hashes(conn, head.epoch, column(leaf), column(limit)).await?;
        for (kept, published) in kept.iter().zip(tile.chunks(HASH_BYTES)) {
            if kept != published {
                return Ok(leaf);
            }
            leaf += 1;
        }
        // Beyond what is published there is only what the ledger itself signed.
        if kept.is_empty() || !leaf.is_multiple_of(WIDTH) {
            break;
        }
    }
    Ok(size)
}

/// A tile of leaves, full or as wide as a checkpoint has it.
async fn leaf_tile(
    objects: &Objects,
    epoch: u64,
    index: u64,
    known: &[Known],
) -> Result<Option<Vec<u8>>, ObjectsError> {
    let kind = Kind::Hashes(0);
    let sizes = known.iter().filter(|known| known.epoch == epoch);
    let mut tiles = vec![Tile::full(kind, index)];
    tiles.extend(sizes.filter_map(|known| Tile::of_count(kind, index, known.said.size)));
    for tile in tiles {
        if let Some(bytes) = objects.log_file(epoch, LogFile::Tile(tile)).await? {
            return Ok(Some(bytes.to_vec()));
        }
    }
    Ok(None)
}

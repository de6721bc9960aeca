//! Owns the proof that an audit entry is in the signed log, made from the published tiles and the
//! leaves beyond them, and checked before it is given out.

use std::collections::HashMap;

use contract::ids::AuditEntryId;
use objects::store::Objects;
use store::error::StoreError;
use store::pool::Connection;
use store::{ledger_leaf, log_checkpoint};
use thiserror::Error;
use tlog::checkpoint::{self, Checkpoint, CheckpointError};
use tlog::epoch;
use tlog::hash::{Hash, NotAHash};
use tlog::key::{KeyError, VerifyingKey};
use tlog::proof::{InclusionProof, ProofError};
use tracing::warn;

use crate::prove::roots::{Tiles, root_of};

mod roots;

/// An entry that is proven to be in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proven {
    /// The entry's text: the leaf's data.
    pub entry: String,
    /// What the newest checkpoint says, its signature checked.
    pub checkpoint: Checkpoint,
    /// The checkpoint's signed note.
    pub note: String,
    /// The proof that leads from the entry's text to the checkpoint's root; it names the leaf.
    pub proof: InclusionProof,
}

/// Why an entry is not proven to be in the log.
#[derive(Debug, Error)]
pub enum ProveError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The entry has no leaf yet, or there is no such entry.
    #[error("entry {0} has no leaf")]
    NotLogged(AuditEntryId),
    /// No checkpoint covers the leaf yet.
    #[error("leaf {0} is not covered by a checkpoint")]
    NotSigned(u64),
    /// The entry's text is gone.
    #[error("the text of leaf {0} is gone")]
    TextGone(u64),
    /// The newest checkpoint is not one that the pinned key vouches for.
    #[error("the newest checkpoint")]
    Checkpoint(#[from] CheckpointError),
    /// The epoch's name cannot name the key.
    #[error("the key of the epoch")]
    Key(#[from] KeyError),
    /// A leaf that the proof needs is gone.
    #[error("leaf {0} is gone")]
    LeafGone(u64),
    /// A leaf hash cannot be read.
    #[error("a leaf hash")]
    LeafHash(#[from] NotAHash),
    /// The leaves do not lead from the entry to the signed root: the log was altered.
    #[error("the entry is not in the log that was signed")]
    Proof(#[from] ProofError),
}

impl ProveError {
    /// Whether waiting may help: the entry is not in the log yet, or not signed yet.
    pub const fn is_too_early(&self) -> bool {
        match self {
            Self::NotLogged(_) | Self::NotSigned(_) => true,
            Self::Store(_)
            | Self::TextGone(_)
            | Self::Checkpoint(_)
            | Self::Key(_)
            | Self::LeafGone(_)
            | Self::LeafHash(_)
            | Self::Proof(_) => false,
        }
    }
}

/// Proves that an entry, as its text is now, is in the log at the newest checkpoint. With the store
/// that the log is published in it reads a few tiles, however large the log is; without, or for what
/// is not published yet, the hashes of the leaves.
///
/// # Errors
/// [`ProveError`]. What it gives back was checked.
pub async fn prove(
    conn: &mut Connection,
    objects: Option<&Objects>,
    entry: AuditEntryId,
    key: &VerifyingKey,
) -> Result<Proven, ProveError> {
    let row = ledger_leaf::of_entry(conn, entry.as_uuid())
        .await?
        .ok_or(ProveError::NotLogged(entry))?;
    let index = row.leaf.leaf_index.unsigned_abs();
    let epoch = row.leaf.epoch.unsigned_abs();
    let origin = epoch::origin(epoch::base(key.origin()), epoch);
    let key = key.renamed(&origin)?;
    let newest = log_checkpoint::newest(conn, &origin)
        .await?
        .ok_or(ProveError::NotSigned(index))?;
    // The note is signed and the row beside it is not: only the note is believed.
    let checkpoint = checkpoint::open(&newest.note, &key)?;
    if checkpoint.size <= index {
        return Err(ProveError::NotSigned(index));
    }
    let text = row.entry.ok_or(ProveError::TextGone(index))?;
    let leaf = Hash::of_leaf(text.as_bytes());
    let tiles = match objects {
        Some(objects) => Tiles::published(objects, epoch).await,
        None => None,
    };
    let mut proof = path(conn, tiles.as_ref(), epoch, index, checkpoint.size).await?;
    if tiles.is_some() && proof.check(leaf, checkpoint.root).is_err() {
        warn!(
            leaf.index = index,
            "the published tiles do not lead to the signed root"
        );
        proof = path(conn, None, epoch, index, checkpoint.size).await?;
    }
    proof.check(leaf, checkpoint.root)?;
    Ok(Proven {
        entry: text,
        checkpoint,
        note: newest.note,
        proof,
    })
}

/// The way from a leaf to the root of the log of this size, not checked.
async fn path(
    conn: &mut Connection,
    tiles: Option<&Tiles<'_>>,
    epoch: u64,
    index: u64,
    size: u64,
) -> Result<InclusionProof, ProveError> {
    let mut roots = HashMap::new();
    for subtree in InclusionProof::needs(index, size)? {
        roots.insert(subtree, root_of(conn, tiles, epoch, subtree).await?);
    }
    let made = InclusionProof::of_roots(index, size, &roots);
    Ok(made.expect("all that it needs was gathered"))
}

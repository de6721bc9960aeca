//! Owns the proof that an audit entry is in the signed log, made from the leaves and checked
//! before it is given out.

use contract::ids::AuditEntryId;
use store::error::StoreError;
use store::pool::Connection;
use store::{ledger_leaf, log_checkpoint};
use thiserror::Error;
use tlog::checkpoint::{self, Checkpoint, CheckpointError};
use tlog::epoch;
use tlog::hash::{Hash, NotAHash};
use tlog::key::{KeyError, VerifyingKey};
use tlog::proof::{InclusionProof, InclusionProver, ProofError};

use crate::head::column;

/// Leaf hashes that are read at once.
const PAGE_ROWS: u64 = 10_000;

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
            | Self::LeafHash(_)
            | Self::Proof(_) => false,
        }
    }
}

/// Proves that an entry, as its text is now, is in the log at the newest checkpoint.
///
/// # Errors
/// [`ProveError`]. What it gives back was checked.
pub async fn prove(
    conn: &mut Connection,
    entry: AuditEntryId,
    key: &VerifyingKey,
) -> Result<Proven, ProveError> {
    let row = ledger_leaf::of_entry(conn, entry.as_uuid())
        .await?
        .ok_or(ProveError::NotLogged(entry))?;
    let index = row.leaf.leaf_index.unsigned_abs();
    let epoch = row.leaf.epoch;
    let origin = epoch::origin(epoch::base(key.origin()), epoch.unsigned_abs());
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
    let mut prover = InclusionProver::new(index, checkpoint.size)?;
    let mut next = 0;
    while next < checkpoint.size {
        let limit = PAGE_ROWS.min(checkpoint.size - next);
        let page = ledger_leaf::hashes(conn, epoch, column(next), column(limit)).await?;
        if page.is_empty() {
            break;
        }
        for hash in &page {
            prover.push(Hash::try_from(hash.as_slice())?)?;
            next += 1;
        }
    }
    let proof = prover.finish()?;
    proof.check(Hash::of_leaf(text.as_bytes()), checkpoint.root)?;
    Ok(Proven {
        entry: text,
        checkpoint,
        note: newest.note,
        proof,
    })
}

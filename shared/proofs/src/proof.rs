//! Owns the check of one proof: from the row to the entry, to the leaf, to the checkpoint, to the
//! signature.

use serde_json::Value;
use tlog::checkpoint::Checkpoint;
use tlog::hash::Hash;
use tlog::proof::InclusionProof;
use tlog::proof_file::ProofFile;

use crate::entry::{CoveredText, EntryText, row_digest};
use crate::pinned::Pinned;
use crate::verdict::{Finding, Missing, Tampered};

/// How findings call the checkpoint in a proof.
const PLACE: &str = "the proof's checkpoint";

/// What was given to be checked.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The proof, as it was kept.
    pub proof: &'a str,
    /// The entry, where the proof does not bring it.
    pub entry: Option<&'a [u8]>,
    /// A ledger row that the entry should cover.
    pub row: Option<&'a Value>,
}

/// What was proven.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proven {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// Which leaf it is.
    pub index: u64,
    /// What the leaf says.
    pub entry: EntryText,
    /// The row that was given, as the entry lists it.
    pub row: Option<CoveredText>,
}

/// Checks a proof.
///
/// # Errors
/// The first [`Finding`].
pub fn check(given: Given<'_>, pinned: &Pinned) -> Result<Proven, Finding> {
    let file = ProofFile::read(given.proof).map_err(|error| match error.is_short() {
        true => Finding::from(Missing::ProofText(error)),
        false => Tampered::ProofText(error).into(),
    })?;
    let checkpoint = pinned.open_any(&file.note, PLACE)?;
    let text = given.entry.or(file.extra.as_deref());
    let text = text.ok_or(Missing::Entry)?;
    let (index, path, size) = (file.index, file.path, checkpoint.size);
    InclusionProof { index, size, path }
        .check(Hash::of_leaf(text), checkpoint.root)
        .map_err(Tampered::NotIncluded)?;
    let entry = EntryText::read(text).ok_or(Tampered::NoEntry(index))?;
    let row = given.row.map(|row| covered(&entry, index, row));
    Ok(Proven {
        checkpoint,
        index,
        row: row.transpose()?,
        entry,
    })
}

fn covered(entry: &EntryText, leaf: u64, row: &Value) -> Result<CoveredText, Tampered> {
    let digest = row_digest(row);
    entry.row(digest).cloned().ok_or_else(|| {
        let digest = digest.to_string();
        Tampered::Row { leaf, digest }
    })
}

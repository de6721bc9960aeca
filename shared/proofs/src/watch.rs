//! Owns what goes into the check of a mirror and comes out of it, and who may watch.

use std::future::Future;

use thiserror::Error;
use tlog::checkpoint::Checkpoint;

use crate::files::FilesError;
use crate::verdict::{Finding, Missing, Tampered};

/// What a watcher could not do.
pub type WatchError = Box<dyn std::error::Error + Send + Sync>;

/// A checkpoint that was kept from before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Where, for people.
    pub name: String,
    /// The signed note.
    pub note: String,
}

/// What was found good.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Checked {
    /// Each epoch, by what was signed of it.
    pub epochs: Vec<Checkpoint>,
    /// How many kept checkpoints are of the beginnings of these epochs.
    pub kept: u64,
    /// How often the key was changed.
    pub key_changes: u64,
    /// The key that counts by now, to be pinned.
    pub key: String,
}

impl Checked {
    /// How many leaves there are in all epochs.
    pub fn leaves(&self) -> u64 {
        self.epochs.iter().map(|epoch| epoch.size).sum()
    }
}

/// Why a mirror was not found good.
#[derive(Debug, Error)]
pub enum MirrorError {
    /// Something is wrong with it.
    #[error(transparent)]
    Found(#[from] Finding),
    /// It could not be read.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// Whoever watched had enough.
    #[error("held against the ledger")]
    Watcher(#[source] WatchError),
}

impl From<Tampered> for MirrorError {
    fn from(found: Tampered) -> Self {
        Self::Found(found.into())
    }
}

impl From<Missing> for MirrorError {
    fn from(found: Missing) -> Self {
        Self::Found(found.into())
    }
}

/// A part of the log that was just read; its entries agree with their tiles, and are not yet known
/// to be what was signed.
#[derive(Debug)]
pub struct Passed<'a> {
    /// The epoch.
    pub epoch: u64,
    /// The first leaf of them.
    pub first: u64,
    /// How many leaves the epoch has.
    pub size: u64,
    /// The entries.
    pub entries: &'a [&'a [u8]],
}

/// Who watches while a mirror is checked.
pub trait Watch {
    /// Hears of the entries of a file.
    fn passed(
        &mut self,
        passed: &Passed<'_>,
    ) -> impl Future<Output = Result<(), WatchError>> + Send;
}

/// Nobody watches.
impl Watch for () {
    async fn passed(&mut self, _: &Passed<'_>) -> Result<(), WatchError> {
        Ok(())
    }
}

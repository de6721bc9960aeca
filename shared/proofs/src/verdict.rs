//! Owns the words in which a check of files says what it found, and its exit codes.

use thiserror::Error;
use tlog::proof::ProofError;
use tlog::proof_file::ProofFileError;
use tlog::walk::fault::Fault;

/// Why a check did not come out well.
#[derive(PartialEq, Eq, Debug, Error)]
pub enum Finding {
    /// Something was altered, added or taken away from within.
    #[error("tampered: {0}")]
    Tampered(#[from] Tampered),
    /// Nothing contradicts what was signed, and something that is needed is not there.
    #[error("incomplete: {0}")]
    Incomplete(#[from] Missing),
    /// What was pinned does not vouch for it.
    #[error("untrusted: {0}")]
    Untrusted(#[from] Untrusted),
}

impl Finding {
    /// The exit code of a program that checks: 1 tampered, 2 incomplete, 3 untrusted.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Tampered(_) => 1,
            Self::Incomplete(_) => 2,
            Self::Untrusted(_) => 3,
        }
    }
}

/// What contradicts what.
#[derive(PartialEq, Eq, Debug, Error)]
pub enum Tampered {
    /// The text is no proof.
    #[error("the proof cannot be read: {0}")]
    ProofText(ProofFileError),
    /// A checkpoint was altered.
    #[error("{place}: {reason}")]
    Checkpoint {
        /// Where it was found.
        place: String,
        /// How.
        reason: String,
    },
    /// The proof does not lead from the entry to what was signed.
    #[error("{0}: the entry, the place or the way was altered")]
    NotIncluded(ProofError),
    /// The leaf is no audit entry.
    #[error("leaf {0} is no audit entry")]
    NoEntry(u64),
    /// The entry covers no such row.
    #[error("leaf {leaf}: the row with the digest {digest} is none of those that its entry lists")]
    Row {
        /// The leaf of the entry.
        leaf: u64,
        /// The digest of the row that was given.
        digest: String,
    },
    /// The files of an epoch contradict each other or what was signed.
    #[error("epoch {epoch}: {fault}")]
    Files {
        /// The epoch.
        epoch: u64,
        /// How.
        fault: Fault,
    },
    /// An epoch does not follow from the one before.
    #[error("epoch {epoch}: leaf 0: {reason}")]
    Link {
        /// The epoch that should follow.
        epoch: u64,
        /// Why it does not.
        reason: String,
    },
    /// A change of the key is not vouched for.
    #[error("epoch {epoch}: leaf {leaf}: {reason}")]
    Key {
        /// The epoch.
        epoch: u64,
        /// The leaf that says so.
        leaf: u64,
        /// Why it is not.
        reason: String,
    },
}

/// What is not there.
#[derive(PartialEq, Eq, Debug, Error)]
pub enum Missing {
    /// The proof ends too early.
    #[error("the proof is not whole: {0}")]
    ProofText(ProofFileError),
    /// A signed text ends too early.
    #[error("{0} is not whole")]
    EndOf(String),
    /// Neither the proof nor anybody else brings the entry.
    #[error("the proof does not bring its entry, and none was given (--entry)")]
    Entry,
    /// A file is not there.
    #[error("{file} is missing: epoch {epoch} cannot be checked from leaf {leaf} on")]
    File {
        /// The epoch.
        epoch: u64,
        /// The first leaf that needs it.
        leaf: u64,
        /// The file.
        file: String,
    },
    /// What was given cannot be read.
    #[error("{file} cannot be read: {reason}")]
    Unread {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// There is nothing at all.
    #[error("there is no checkpoint, neither 1/checkpoint nor checkpoint")]
    Mirror,
    /// Something that was signed reaches further than the files.
    #[error("epoch {epoch} ends at {size} leaves, and {signed} is of {wanted}")]
    Behind {
        /// The epoch.
        epoch: u64,
        /// How far its files go.
        size: u64,
        /// What goes further.
        signed: String,
        /// How far.
        wanted: u64,
    },
    /// An epoch forgot the last leaves of the one before.
    #[error(
        "epoch {epoch} follows leaf {known} of the one before, which goes on to leaf {signed}: the \
         leaves between were signed, and are not known to what follows"
    )]
    Forgotten {
        /// The epoch that forgot.
        epoch: u64,
        /// The last leaf that it knows.
        known: u64,
        /// The last leaf that was signed.
        signed: u64,
    },
    /// A kept checkpoint is of an epoch that is not there.
    #[error("{signed} is of the log {origin:?}, of which there are no files")]
    NoEpoch {
        /// The kept checkpoint.
        signed: String,
        /// Its log.
        origin: String,
    },
}

/// Why what was pinned does not vouch for it.
#[derive(PartialEq, Eq, Debug, Error)]
pub enum Untrusted {
    /// The key cannot be read.
    #[error("the pinned key: {0}")]
    Key(String),
    /// The key, or the checkpoint, is of another log.
    #[error("this is the log {found:?}, and {expected:?} was pinned")]
    OtherLog {
        /// The log that was pinned.
        expected: String,
        /// This one.
        found: String,
    },
    /// Another key signed.
    #[error("{0} is not signed by the pinned key, nor by one that it vouches for")]
    OtherKey(String),
}

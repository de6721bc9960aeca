//! Owns the words in which the check of a log says what it found.

use std::fmt;

use contract::time::{Timestamp, to_text};
use thiserror::Error;
use uuid::Uuid;

/// What the check of a log comes to. The worst that was found is said, and of that the first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Everything agrees.
    Intact,
    /// Something was altered, taken away or added.
    Tampered(Tampering),
    /// Nothing was altered, and something is not where it should be yet.
    Incomplete(Gap),
    /// The log agrees with itself, and is not vouched for by the key that was pinned.
    Untrusted(Distrust),
}

impl Verdict {
    /// The exit code of a program that checks a log: 0 intact, 1 tampered, 2 incomplete, 3
    /// untrusted.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Intact => 0,
            Self::Tampered(_) => 1,
            Self::Incomplete(_) => 2,
            Self::Untrusted(_) => 3,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intact => f.write_str("ok"),
            Self::Tampered(what) => write!(f, "tampered: {what}"),
            Self::Incomplete(what) => write!(f, "incomplete: {what}"),
            Self::Untrusted(what) => write!(f, "untrusted: {what}"),
        }
    }
}

/// What contradicts what.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Tampering {
    /// A leaf and its entry contradict each other.
    #[error("leaf {index} (entry {entry}): {fault}")]
    Leaf {
        /// The leaf.
        index: u64,
        /// Its entry.
        entry: Uuid,
        /// How.
        fault: LeafFault,
    },
    /// A leaf is not there.
    #[error("leaf {index} is missing")]
    LeafMissing {
        /// The leaf.
        index: u64,
    },
    /// Leaves and entries agree, and not with what was signed: both were altered, or leaves were
    /// swapped.
    #[error(
        "a leaf from {first} to {last} is not the one that was signed: the log of {} leaves has \
         another root than its signed checkpoint",
        last + 1
    )]
    Leaves {
        /// The first leaf that may be the one: all before it are as they were signed.
        first: u64,
        /// The last leaf that may be the one.
        last: u64,
    },
    /// The first leaf of an epoch does not tie it to what its row says it follows.
    #[error("epoch {epoch}: its first leaf does not say what the epoch follows")]
    Epoch {
        /// The epoch.
        epoch: u64,
    },
    /// A checkpoint was altered.
    #[error("the checkpoint of size {size}: {reason}")]
    Checkpoint {
        /// Its size, as its row says.
        size: i64,
        /// How.
        reason: String,
    },
    /// A ledger row is not what its entry says.
    #[error("leaf {index} covers the row {key} of {table}: {fault}")]
    Row {
        /// The leaf of the entry.
        index: u64,
        /// The row's table.
        table: String,
        /// The row's key.
        key: String,
        /// How it differs.
        fault: RowFault,
    },
    /// Ledger rows that no entry covers: nobody who may write wrote them.
    #[error("{total} ledger rows are covered by no entry, the first: the row {key} of {table}")]
    Uncovered {
        /// The first row's table.
        table: String,
        /// The first row's key.
        key: String,
        /// How many there are.
        total: u64,
    },
    /// The head contradicts the leaves.
    #[error("the head of the log: {0}")]
    Head(String),
}

/// How a leaf and its entry contradict each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum LeafFault {
    /// The entry is gone.
    #[error("its audit entry is gone")]
    EntryGone,
    /// The text has another leaf hash.
    #[error("its entry's text is not the one that was logged")]
    Text,
    /// The text has another digest.
    #[error("its entry's text and digest contradict each other")]
    Digest,
    /// The text is no entry's text.
    #[error("its entry's text is not an audit entry")]
    NoEntry,
    /// A column says other than the text that was logged.
    #[error("its entry's column {0} is not what was logged")]
    Column(&'static str),
}

/// How a ledger row contradicts its entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum RowFault {
    /// The row is gone.
    #[error("it is gone")]
    Gone,
    /// The row has another digest.
    #[error("it is not the row that was logged")]
    Altered,
}

/// What is not where it should be.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Gap {
    /// Entries are neither in the log nor on their way there.
    #[error("{total} entries are not in the log, the first: {}", Listed(entries))]
    Unlogged {
        /// The first of them.
        entries: Vec<Uuid>,
        /// How many there are.
        total: u64,
    },
    /// Leaves were not signed for longer than signing takes.
    #[error("{leaves} leaves are not signed, since {}", to_text(*since))]
    Unsigned {
        /// How many.
        leaves: u64,
        /// When the first of them was added.
        since: Timestamp,
    },
}

/// Why the pinned key does not vouch for the log.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Distrust {
    /// The key is for another log.
    #[error("the key is for the log {expected:?}, and this one is {found:?}")]
    OtherLog {
        /// The key's log.
        expected: String,
        /// This log.
        found: String,
    },
    /// A checkpoint was signed by another key.
    #[error("the checkpoint of size {size} is not signed by the pinned key")]
    OtherKey {
        /// Its size.
        size: i64,
    },
    /// No checkpoint covers any leaf.
    #[error("none of its {leaves} leaves is covered by a checkpoint")]
    NothingSigned {
        /// How many leaves there are.
        leaves: u64,
    },
}

struct Listed<'a>(&'a [Uuid]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(Uuid::to_string).collect();
        f.write_str(&texts.join(", "))
    }
}

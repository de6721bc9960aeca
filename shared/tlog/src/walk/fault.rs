//! Owns the words in which the check of a log's files says what contradicts what.

use thiserror::Error;

use crate::bundle::BundleError;

/// What contradicts what in a log's files.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Fault {
    /// An entry is not the one whose hash is in the tile.
    #[error("leaf {index}: the entry in {entries} is not the one whose hash is in {tile}")]
    Leaf {
        /// The leaf.
        index: u64,
        /// The file that the entry is in.
        entries: String,
        /// The file that its hash is in.
        tile: String,
    },
    /// A hash in a tile is not that of the tile below it.
    #[error("leaves {first} to {last}: their hash in {tile} is not that of the tile below it")]
    Node {
        /// The first leaf under the hash.
        first: u64,
        /// The last one.
        last: u64,
        /// The file that the hash is in.
        tile: String,
    },
    /// A file of hashes has another length than its name promises.
    #[error("leaf {leaf}: {file} has {found} bytes, and {expected} by its name")]
    Length {
        /// The first leaf that the file spans.
        leaf: u64,
        /// The file.
        file: String,
        /// How many bytes it should have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// A file of entries is not of the form that its name promises.
    #[error("leaf {leaf}: {file}: {reason}")]
    Entries {
        /// The first leaf that cannot be read.
        leaf: u64,
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: BundleError,
    },
    /// A log without leaves was signed with the root of another.
    #[error("the log has no leaves, and {0} has the root of some")]
    Empty(String),
    /// Entries and tiles agree with each other, and not with a root that was signed.
    #[error(
        "a leaf from {first} to {last} is not the one that was signed: the first {} leaves have \
         another root than {signed}",
        last + 1
    )]
    Root {
        /// The first leaf that may be the one: what was signed of all before it is as it was.
        first: u64,
        /// The last leaf that may be the one.
        last: u64,
        /// What was signed, in words.
        signed: String,
    },
}

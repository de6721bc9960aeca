//! Owns the hash of leaves and nodes: SHA-256 with the domain bytes of RFC 6962, section 2.1.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use tlog_tiles::tlog;

/// Length of a hash, in bytes.
pub const HASH_BYTES: usize = tlog::HASH_SIZE;

/// A leaf's, a node's or a root's hash. Written as standard base64, as in checkpoints.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; HASH_BYTES]);

/// The bytes are no hash.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a hash has 32 bytes, not {0}")]
pub struct NotAHash(pub usize);

impl Hash {
    /// The root of the tree without leaves: SHA-256 of nothing.
    pub const EMPTY_TREE: Self = Self(tlog::EMPTY_HASH.0);

    /// The leaf hash of a record: `SHA-256(0x00 || record)`.
    pub fn of_leaf(record: &[u8]) -> Self {
        Self(tlog::record_hash(record).0)
    }

    /// The hash of an inner node: `SHA-256(0x01 || left || right)`.
    pub fn of_node(left: Self, right: Self) -> Self {
        Self(tlog::node_hash(left.inner(), right.inner()).0)
    }

    /// Takes a hash that was computed before, as a column holds it.
    pub const fn from_bytes(bytes: [u8; HASH_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    pub(crate) const fn inner(self) -> tlog::Hash {
        tlog::Hash(self.0)
    }

    pub(crate) const fn from_inner(hash: tlog::Hash) -> Self {
        Self(hash.0)
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = NotAHash;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| NotAHash(bytes.len()))
    }
}

impl FromStr for Hash {
    type Err = NotAHash;

    /// Reads standard base64, as in checkpoints. There is one way to write each hash.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = STANDARD.decode(text).unwrap_or_default();
        Self::try_from(bytes.as_slice())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner().fmt(f)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_and_nodes_hash_as_rfc_6962_has_it() {
        let cases = [
            (
                Hash::EMPTY_TREE,
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                Hash::of_leaf(b""),
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            ),
            (
                Hash::of_leaf(b"L123456"),
                "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56",
            ),
        ];
        for (hash, expected) in cases {
            assert_eq!(hex::encode(hash.as_bytes()), expected);
        }
    }

    #[test]
    fn only_thirty_two_bytes_are_a_hash() {
        assert_eq!(Hash::try_from(&[7; 32][..]), Ok(Hash::from_bytes([7; 32])));
        for length in [0, 31, 33] {
            assert_eq!(Hash::try_from(&vec![7; length][..]), Err(NotAHash(length)));
        }
    }
    #[test]
    fn a_hash_reads_back_from_its_text() {
        let hash = Hash::of_leaf(b"");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for text in ["", "AAAA", "!", &hash.to_string()[1..]] {
            assert!(text.parse::<Hash>().is_err(), "{text}");
        }
    }
}

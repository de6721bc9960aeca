//! Owns the growing tree: its right edge, from which it grows and its root is computed.

use thiserror::Error;

use crate::hash::{HASH_BYTES, Hash};

/// Length of the size before the peaks in a written frontier, in bytes.
const SIZE_BYTES: usize = 8;

/// The right edge of a Merkle tree: the roots of the largest complete subtrees that its leaves
/// form, from left to right. There is one for each bit that is set in the size, so that a tree of
/// any size needs at most 64 hashes to grow.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

/// The bytes are no frontier.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FrontierError {
    /// There is no size.
    #[error("a frontier begins with its size in 8 bytes, and there are only {0}")]
    NoSize(usize),
    /// The number of hashes does not belong to the size.
    #[error("the frontier of {size} leaves takes {expected} bytes, not {found}")]
    Length {
        /// The size it says.
        size: u64,
        /// The bytes that this size takes.
        expected: usize,
        /// The bytes that are there.
        found: usize,
    },
}

impl Frontier {
    /// The tree without leaves.
    pub const fn new() -> Self {
        Self {
            size: 0,
            peaks: Vec::new(),
        }
    }

    /// How many leaves the tree has: the index of the next one.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf by its hash, and says which index it has.
    pub fn append(&mut self, leaf: Hash) -> u64 {
        let index = self.size;
        let mut peak = leaf;
        // Each trailing one of the index is a complete subtree of the same size as the peak so far.
        for _ in 0..index.trailing_ones() {
            let left = self
                .peaks
                .pop()
                .expect("there is a peak for each bit that is set in the size");
            peak = Hash::of_node(left, peak);
        }
        self.peaks.push(peak);
        self.size += 1;
        index
    }

    /// The root: the Merkle tree hash of RFC 6962 over all leaves.
    pub fn root(&self) -> Hash {
        self.peaks
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| Hash::of_node(left, right))
            .unwrap_or(Hash::EMPTY_TREE)
    }

    /// Writes it: the size in 8 bytes, big-endian, then the peaks from the left.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SIZE_BYTES + self.peaks.len() * HASH_BYTES);
        bytes.extend(self.size.to_be_bytes());
        for peak in &self.peaks {
            bytes.extend(peak.as_bytes());
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`FrontierError`] if the number of bytes does not belong to the size. Other hashes in them
    /// cannot be told from the right ones: compare the root with one that is known.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrontierError> {
        let (size, rest) = bytes
            .split_first_chunk::<SIZE_BYTES>()
            .ok_or(FrontierError::NoSize(bytes.len()))?;
        let size = u64::from_be_bytes(*size);
        let (peaks, left_over) = rest.as_chunks::<HASH_BYTES>();
        let expected = size.count_ones() as usize;
        if peaks.len() != expected || !left_over.is_empty() {
            return Err(FrontierError::Length {
                size,
                expected: SIZE_BYTES + expected * HASH_BYTES,
                found: bytes.len(),
            });
        }
        let peaks = peaks.iter().copied().map(Hash::from_bytes).collect();
        Ok(Self { size, peaks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAVES_MAX: usize = 300;

    fn leaf(index: usize) -> Hash {
        Hash::of_leaf(format!("leaf {index}").as_bytes())
    }

    /// The definition, word for word: RFC 6962, section 2.1.
    fn naive_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::EMPTY_TREE,
            [leaf] => *leaf,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                Hash::of_node(naive_root(&leaves[..split]), naive_root(&leaves[split..]))
            }
        }
    }

    #[test]
    fn the_standard_inputs_have_the_known_roots() {
        let inputs = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Frontier::new();
        assert_eq!(tree.root(), Hash::EMPTY_TREE);
        for (index, (input, root)) in inputs.into_iter().zip(roots).enumerate() {
            let record = hex::decode(input).unwrap();
            assert_eq!(tree.append(Hash::of_leaf(&record)), index as u64);
            assert_eq!(hex::encode(tree.root().as_bytes()), root, "leaf {index}");
        }
    }

    #[test]
    fn the_frontier_has_the_root_of_the_whole_tree_at_every_size() {
        let leaves: Vec<Hash> = (0..LEAVES_MAX).map(leaf).collect();
        let mut tree = Frontier::new();
        for size in 0..LEAVES_MAX {
            assert_eq!(tree.size(), size as u64);
            assert_eq!(tree.root(), naive_root(&leaves[..size]), "size {size}");
            tree.append(leaves[size]);
        }
    }

    #[test]
    fn a_frontier_that_was_written_and_read_grows_on_as_if_nothing_had_happened() {
        let mut kept = Frontier::new();
        for index in 0..LEAVES_MAX {
            let mut read = Frontier::from_bytes(&kept.to_bytes()).unwrap();
            assert_eq!(read, kept);
            kept.append(leaf(index));
            read.append(leaf(index));
            assert_eq!(read.root(), kept.root());
        }
    }

    #[test]
    fn bytes_that_do_not_belong_to_the_size_are_no_frontier() {
        assert_eq!(Frontier::from_bytes(&[]), Err(FrontierError::NoSize(0)));
        assert_eq!(Frontier::from_bytes(&[0; 7]), Err(FrontierError::NoSize(7)));
        let mut tree = Frontier::new();
        (0..5).for_each(|index| {
            tree.append(leaf(index));
        });
        let bytes = tree.to_bytes();
        let expected = bytes.len();
        for bad in [
            [&bytes[..], &[0]].concat(),
            bytes[..expected - 1].to_vec(),
            bytes[..expected - 32].to_vec(),
            [&bytes[..], &[0; 32]].concat(),
        ] {
            let found = bad.len();
            assert_eq!(
                Frontier::from_bytes(&bad),
                Err(FrontierError::Length {
                    size: 5,
                    expected,
                    found
                })
            );
        }
    }
}

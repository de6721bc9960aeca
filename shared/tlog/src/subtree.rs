//! Owns the complete subtrees of a log's tree: which of them a proof needs, where their roots lie in
//! the tiles, and how a root is made of smaller ones. Does not know where tiles are kept.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

use tlog_tiles::tile;
use tlog_tiles::tlog::{self, HashReader};

use crate::hash::Hash;
use crate::tile::{Kind, Tile, WIDTH, count_at, to_bytes};

/// How many levels of the tree a tile spans.
const TILE_LEVELS: u8 = 8;

/// The complete subtree over `2^level` leaves that is the `number`-th of its level, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Subtree {
    /// How many levels lie under its root; 0 is a leaf.
    pub level: u8,
    /// Its place among those of its level.
    pub number: u64,
}

impl Subtree {
    /// The leaves under it.
    pub const fn leaves(&self) -> Range<u64> {
        self.number << self.level..(self.number + 1) << self.level
    }

    /// Its two halves; `None` for a leaf.
    pub fn halves(&self) -> Option<[Self; 2]> {
        let level = self.level.checked_sub(1)?;
        let left = self.number * 2;
        Some([left, left + 1].map(|number| Self { level, number }))
    }

    /// The tile that the log of `size` leaves has with this subtree in it, and which of the tile's
    /// hashes its root is made of; `None` where that log does not have the whole subtree.
    pub fn in_tile(&self, size: u64) -> Option<(Tile, Range<usize>)> {
        if self.leaves().end > size {
            return None;
        }
        let (level, above) = (self.level / TILE_LEVELS, self.level % TILE_LEVELS);
        let first = self.number << above;
        let count = count_at(level, size);
        let tile = Tile::of_count(Kind::Hashes(level), first / WIDTH, count)?;
        let start = usize::try_from(first % WIDTH).ok()?;
        Some((tile, start..start + (1 << above)))
    }

    /// The root over the hashes that [`Subtree::in_tile`] names.
    pub fn root_of(hashes: &[Hash]) -> Hash {
        Hash::from_inner(tile::Tile::subtree_hash(&to_bytes(hashes)))
    }

    /// By the index that `tlog_tiles` stores it at.
    fn stored_at(stored: u64) -> Self {
        let (level, number) = tlog::split_stored_hash_index(stored);
        Self { level, number }
    }
}

/// The subtrees that a prover would read, from the left.
pub(crate) fn needed<T>(prove: impl FnOnce(&Wish) -> Result<T, tlog::Error>) -> Vec<Subtree> {
    let wish = Wish::default();
    // The wish answers with an error once it was told what to read; a prover that needs nothing
    // never asks.
    let _unread = prove(&wish);
    let mut wanted: Vec<Subtree> = wish.0.take().into_iter().map(Subtree::stored_at).collect();
    wanted.sort_by_key(|subtree| subtree.leaves().start);
    wanted
}

/// Remembers what it was asked for.
#[derive(Default)]
pub(crate) struct Wish(RefCell<Vec<u64>>);

impl HashReader for Wish {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        self.0.borrow_mut().extend(indexes);
        Err(tlog::Error::IndexesNotInTree)
    }
}

/// Gives the roots that were gathered.
pub(crate) struct Known<'a>(pub(crate) &'a HashMap<Subtree, Hash>);

impl HashReader for Known<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        let read = |index: &u64| self.0.get(&Subtree::stored_at(*index));
        let read = indexes.iter().map(|index| read(index).map(|h| h.inner()));
        read.collect::<Option<_>>()
            .ok_or(tlog::Error::IndexesNotInTree)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::Edge;
    use crate::proof::{InclusionProof, InclusionProver};
    use crate::tile::hashes_of;
    use crate::tree::Frontier;

    /// More than a full tile of level 1.
    const SIZE: u64 = 65_536 + 256 + 7;

    fn leaf(index: u64) -> Hash {
        Hash::of_leaf(&index.to_be_bytes())
    }

    /// All hash tiles of the log of [`SIZE`] leaves.
    fn tiles() -> HashMap<Tile, Vec<Hash>> {
        let mut edge = Edge::new();
        let full: Vec<_> = (0..SIZE).flat_map(|index| edge.push(leaf(index))).collect();
        let all = full.into_iter().chain(edge.partials());
        all.map(|made| (made.tile, hashes_of(&made.tile, &made.bytes).unwrap()))
            .collect()
    }

    #[test]
    fn each_subtree_has_its_root_in_one_tile() {
        let tiles = tiles();
        for (level, number) in [
            (0, 0),
            (0, SIZE - 1),
            (3, 1),
            (7, 513),
            (8, 0),
            (8, 256),
            (9, 3),
            (15, 1),
            (16, 0),
        ] {
            let subtree = Subtree { level, number };
            let mut tree = Frontier::new();
            subtree.leaves().for_each(|index| {
                tree.append(leaf(index));
            });
            let (tile, range) = subtree.in_tile(SIZE).unwrap();
            let root = Subtree::root_of(&tiles[&tile][range]);
            assert_eq!(root, tree.root(), "{subtree:?}");
            if let Some(halves) = subtree.halves() {
                let [left, right] = halves.map(|half| {
                    let (tile, range) = half.in_tile(SIZE).unwrap();
                    Subtree::root_of(&tiles[&tile][range])
                });
                assert_eq!(Hash::of_node(left, right), root, "{subtree:?}");
            }
        }
    }

    #[test]
    fn a_subtree_that_the_log_does_not_have_whole_is_in_no_tile() {
        for (level, number, size) in [(0, 0, 0), (0, 5, 5), (3, 0, 7), (8, 1, 511), (16, 1, SIZE)] {
            let subtree = Subtree { level, number };
            assert_eq!(subtree.in_tile(size), None, "{subtree:?}");
        }
        assert_eq!(Subtree::stored_at(0).halves(), None);
    }

    #[test]
    fn a_proof_made_of_roots_is_the_one_that_is_made_of_all_leaves() {
        let tiles = tiles();
        for index in [0, 1, 255, 256, 40_000, 65_535, 65_536, SIZE - 1] {
            let needed = InclusionProof::needs(index, SIZE).unwrap();
            let mut roots: HashMap<Subtree, Hash> = HashMap::new();
            for subtree in needed {
                let (tile, range) = subtree.in_tile(SIZE).unwrap();
                roots.insert(subtree, Subtree::root_of(&tiles[&tile][range]));
            }
            let made = InclusionProof::of_roots(index, SIZE, &roots).unwrap();
            let mut prover = InclusionProver::new(index, SIZE).unwrap();
            (0..SIZE).for_each(|index| prover.push(leaf(index)).unwrap());
            assert_eq!(prover.finish().as_ref(), Ok(&made), "{index}");
            let one = *roots.keys().next().unwrap();
            roots.remove(&one);
            assert_eq!(InclusionProof::of_roots(index, SIZE, &roots), None);
        }
    }
}

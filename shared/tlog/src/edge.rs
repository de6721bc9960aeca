//! Owns the growth of a log's tiles: the right edge of the tree as incomplete tiles, from which the
//! full ones fall off while leaves are added.

use thiserror::Error;
use tlog_tiles::tile;

use crate::hash::{HASH_BYTES, Hash};
use crate::tile::{Kind, LEVELS, Tile, WIDTH, count_at, edge_of, hashes_of, to_bytes};

/// The incomplete tiles of a tree, one a level: all that is needed to make those that follow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edge {
    size: u64,
    levels: [Vec<Hash>; LEVELS as usize],
}

/// A tile and its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Made {
    /// Its name.
    pub tile: Tile,
    /// Its hashes, one after the other.
    pub bytes: Vec<u8>,
}

/// The tiles are not those of the edge that was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("the bytes are not those of the tile {0}")]
pub struct NotTheEdge(pub String);

impl Default for Edge {
    fn default() -> Self {
        Self::new()
    }
}

impl Edge {
    /// The edge of the tree without leaves.
    pub const fn new() -> Self {
        let levels = [const { Vec::new() }; LEVELS as usize];
        Self { size: 0, levels }
    }

    /// The edge of a tree of this size, by the bytes of the tiles that [`edge_of`] names, in its
    /// order.
    ///
    /// # Errors
    /// [`NotTheEdge`] if a tile is missing or of another length. Other hashes in them cannot be told
    /// from the right ones: compare the root with one that is known.
    pub fn of_tiles<'a>(
        size: u64,
        tiles: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, NotTheEdge> {
        let mut edge = Self::new();
        edge.size = size;
        let mut tiles = tiles.into_iter();
        for tile in edge_of(size) {
            let wrong = || NotTheEdge(tile.to_string());
            let bytes = tiles.next().ok_or_else(wrong)?;
            let Kind::Hashes(level) = tile.kind() else {
                return Err(wrong());
            };
            edge.levels[usize::from(level)] = hashes_of(&tile, bytes).ok_or_else(wrong)?;
        }
        Ok(edge)
    }

    /// How many leaves the tree has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf by its hash, and gives the tiles that became full, the lowest level first.
    pub fn push(&mut self, leaf: Hash) -> Vec<Made> {
        let mut made = Vec::new();
        let mut hash = leaf;
        self.size += 1;
        for level in 0..LEVELS {
            let hashes = &mut self.levels[usize::from(level)];
            hashes.push(hash);
            if (hashes.len() as u64) < WIDTH {
                break;
            }
            let bytes = to_bytes(hashes);
            hashes.clear();
            hash = Hash::from_inner(tile::Tile::subtree_hash(&bytes));
            let index = count_at(level, self.size) / WIDTH - 1;
            let tile = Tile::full(Kind::Hashes(level), index);
            made.push(Made { tile, bytes });
        }
        made
    }

    /// The incomplete tiles, the lowest level first.
    pub fn partials(&self) -> Vec<Made> {
        let made = edge_of(self.size).map(|tile| {
            let Kind::Hashes(level) = tile.kind() else {
                unreachable!("an edge is made of hash tiles");
            };
            let bytes = to_bytes(&self.levels[usize::from(level)]);
            Made { tile, bytes }
        });
        made.collect()
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let mut root: Option<Hash> = None;
        // From the right: what lies lowest is rightmost.
        for hashes in &self.levels {
            for peak in peaks(hashes).into_iter().rev() {
                root = Some(root.map_or(peak, |right| Hash::of_node(peak, right)));
            }
        }
        root.unwrap_or(Hash::EMPTY_TREE)
    }
}

/// The roots of the largest complete subtrees over these hashes, from the left.
fn peaks(hashes: &[Hash]) -> Vec<Hash> {
    let mut rest = hashes;
    let mut peaks = Vec::new();
    while !rest.is_empty() {
        let (subtree, after) = rest.split_at(1 << rest.len().ilog2());
        let mut bytes = Vec::with_capacity(subtree.len() * HASH_BYTES);
        subtree
            .iter()
            .for_each(|hash| bytes.extend(hash.as_bytes()));
        peaks.push(Hash::from_inner(tile::Tile::subtree_hash(&bytes)));
        rest = after;
    }
    peaks
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::tile::all_of;
    use crate::tree::Frontier;

    /// More than two full tiles of level 1.
    const LEAVES: u64 = 2 * 65_536 + 2 * 256 + 3;

    fn leaf(index: u64) -> Hash {
        Hash::of_leaf(&index.to_be_bytes())
    }

    #[test]
    fn the_edge_has_the_root_of_the_tree_at_every_size() {
        let (mut edge, mut tree) = (Edge::new(), Frontier::new());
        assert_eq!(edge.root(), tree.root());
        for index in 0..1_000 {
            edge.push(leaf(index));
            tree.append(leaf(index));
            assert_eq!((edge.size(), edge.root()), (tree.size(), tree.root()));
        }
    }

    #[test]
    fn full_tiles_and_the_edge_are_all_tiles_of_the_tree() {
        let mut made: HashMap<Tile, Vec<u8>> = HashMap::new();
        let (mut edge, mut tree) = (Edge::new(), Frontier::new());
        for index in 0..LEAVES {
            let full = edge.push(leaf(index)).into_iter();
            made.extend(full.map(|made| (made.tile, made.bytes)));
            tree.append(leaf(index));
        }
        assert_eq!(edge.root(), tree.root());
        assert!(made.keys().all(Tile::is_full));
        made.extend(edge.partials().into_iter().map(|m| (m.tile, m.bytes)));
        let wanted = all_of(LEAVES).filter(|tile| tile.kind() != Kind::Entries);
        let wanted: Vec<Tile> = wanted.collect();
        assert_eq!(made.len(), wanted.len());
        for tile in wanted {
            let hashes = hashes_of(&tile, &made[&tile]).unwrap();
            let Kind::Hashes(level) = tile.kind() else {
                panic!("{tile}");
            };
            let each = 256_u64.pow(u32::from(level));
            let first = tile.start() * each;
            let mut subtree = Frontier::new();
            (first..first + each).for_each(|index| {
                subtree.append(leaf(index));
            });
            assert_eq!(hashes[0], subtree.root(), "{tile}");
        }
    }

    #[test]
    fn an_edge_that_was_written_and_read_grows_on_as_if_nothing_had_happened() {
        let mut kept = Edge::new();
        for index in 0..70_000 {
            let at_a_border = index % 256 < 2 || index % 256 > 253;
            if at_a_border {
                let partials = kept.partials();
                let bytes = partials.iter().map(|made| made.bytes.as_slice());
                let mut read = Edge::of_tiles(index, bytes).unwrap();
                assert_eq!(read, kept);
                assert_eq!(read.push(leaf(index)), kept.push(leaf(index)));
                assert_eq!(read, kept);
            } else {
                kept.push(leaf(index));
            }
        }
    }

    #[test]
    fn tiles_of_another_length_are_not_the_edge() {
        let bytes = [0; 64];
        assert!(Edge::of_tiles(2, [&bytes[..]]).is_ok());
        for (size, tiles) in [
            (1, vec![&bytes[..]]),
            (3, vec![&bytes[..]]),
            (2, vec![]),
            (258, vec![&bytes[..]]),
        ] {
            assert!(Edge::of_tiles(size, tiles).is_err(), "{size}");
        }
    }
}

//! Owns the files of the log while it grows: which tiles and bundles a leaf completes, and which are
//! incomplete where a checkpoint ends. No database, no files.

use thiserror::Error;
use tlog::bundle::{self, BundleError};
use tlog::edge::{Edge, Made};
use tlog::hash::Hash;
use tlog::tile::{Kind, Tile, WIDTH, count_at};

/// A file of the log, to be kept under its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct File {
    pub(crate) tile: Tile,
    pub(crate) bytes: Vec<u8>,
}

impl From<Made> for File {
    fn from(made: Made) -> Self {
        let Made { tile, bytes } = made;
        Self { tile, bytes }
    }
}

/// What a leaf cannot be published for.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Unfit {
    #[error("its entry is not the one whose hash was logged")]
    Altered,
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

/// The incomplete files at the log's right edge.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Growing {
    edge: Edge,
    bundle: Vec<u8>,
}

impl Growing {
    /// Goes on from an edge; the entries of its incomplete bundle come next, by
    /// [`Growing::again`].
    pub(crate) const fn from(edge: Edge) -> Self {
        let bundle = Vec::new();
        Self { edge, bundle }
    }

    /// How many leaves there are.
    pub(crate) const fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The root over them.
    pub(crate) fn root(&self) -> Hash {
        self.edge.root()
    }

    /// Takes an entry that the edge already covers.
    pub(crate) fn again(&mut self, entry: &[u8]) -> Result<(), BundleError> {
        bundle::push(&mut self.bundle, entry)
    }

    /// Adds a leaf, and gives the files that became full. An entry that does not have the leaf's hash
    /// is never published.
    pub(crate) fn push(&mut self, entry: &[u8], leaf: Hash) -> Result<Vec<File>, Unfit> {
        if Hash::of_leaf(entry) != leaf {
            return Err(Unfit::Altered);
        }
        bundle::push(&mut self.bundle, entry)?;
        let mut full: Vec<File> = self.edge.push(leaf).into_iter().map(File::from).collect();
        let size = self.size();
        if size.is_multiple_of(WIDTH) {
            let tile = Tile::full(Kind::Entries, size / WIDTH - 1);
            let bytes = std::mem::take(&mut self.bundle);
            full.push(File { tile, bytes });
        }
        Ok(full)
    }

    /// The incomplete files, but those that are complete in the log of `end` leaves, which is
    /// published together with this one.
    pub(crate) fn partials(&self, end: u64) -> Vec<File> {
        let mut partials: Vec<File> = self.edge.partials().into_iter().map(File::from).collect();
        let size = self.size();
        let tile = Tile::of_count(Kind::Entries, size / WIDTH, size);
        partials.extend(tile.filter(|tile| !tile.is_full()).map(|tile| File {
            tile,
            bytes: self.bundle.clone(),
        }));
        partials.retain(|file| !is_full_at(&file.tile, end));
        partials
    }
}

/// Whether a tile is full in the log of this size.
pub(crate) fn is_full_at(tile: &Tile, size: u64) -> bool {
    let count = match tile.kind() {
        Kind::Entries => size,
        Kind::Hashes(level) => count_at(level, size),
    };
    count / WIDTH > tile.index()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tlog::tile::{all_of, edge_of};

    use super::*;

    fn entry(index: u64) -> Vec<u8> {
        format!("entry {index}").into_bytes()
    }

    fn push(growing: &mut Growing, index: u64) -> Vec<File> {
        let entry = entry(index);
        growing.push(&entry, Hash::of_leaf(&entry)).unwrap()
    }

    #[test]
    fn full_files_and_those_at_the_edge_are_all_files_of_the_log() {
        for size in [1, 255, 256, 257, 600] {
            let mut growing = Growing::default();
            let mut files = BTreeMap::new();
            for index in 0..size {
                let full = push(&mut growing, index);
                files.extend(full.into_iter().map(|file| (file.tile, file.bytes)));
            }
            let partials = growing.partials(size);
            files.extend(partials.into_iter().map(|file| (file.tile, file.bytes)));
            let mut wanted: Vec<Tile> = all_of(size).collect();
            wanted.sort_unstable();
            assert!(files.keys().eq(wanted.iter()), "{size}");
            for (tile, bytes) in files {
                if tile.kind() == Kind::Entries {
                    let entries = bundle::entries(&bytes, tile.width()).unwrap();
                    let first = entry(tile.start());
                    assert_eq!(entries[0], first.as_slice());
                }
            }
        }
    }

    #[test]
    fn what_is_full_at_the_end_is_not_published_as_a_part() {
        let mut growing = Growing::default();
        (0..200).for_each(|index| {
            push(&mut growing, index);
        });
        assert_eq!(growing.partials(200).len(), 2);
        assert_eq!(growing.partials(255).len(), 2);
        assert_eq!(growing.partials(256), []);
    }

    #[test]
    fn it_goes_on_from_an_edge_as_if_nothing_had_happened() {
        let mut whole = Growing::default();
        (0..300).for_each(|index| {
            push(&mut whole, index);
        });
        let tiles = whole.edge.partials();
        assert_eq!(tiles.len(), edge_of(300).count());
        let bytes = tiles.iter().map(|made| made.bytes.as_slice());
        let mut resumed = Growing::from(Edge::of_tiles(300, bytes).unwrap());
        (256..300).for_each(|index| resumed.again(&entry(index)).unwrap());
        assert_eq!(resumed, whole);
        for index in 300..520 {
            assert_eq!(push(&mut resumed, index), push(&mut whole, index));
        }
    }

    #[test]
    fn an_entry_that_was_altered_or_is_too_long_is_not_published() {
        let mut growing = Growing::default();
        let altered = growing.push(b"other", Hash::of_leaf(b"entry"));
        assert_eq!(altered, Err(Unfit::Altered));
        let long = vec![b'x'; 65_536];
        let refused = growing.push(&long, Hash::of_leaf(&long));
        assert_eq!(refused, Err(BundleError::TooLong(65_536).into()));
        assert_eq!(growing, Growing::default());
    }
}

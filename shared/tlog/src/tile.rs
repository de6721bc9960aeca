//! Owns the names of a log's files as C2SP `tlog-tiles` has them: hash tiles and entry bundles, full
//! or partial, and which of them a tree of some size consists of.
//!
//! `tlog_tiles` has names of another kind (`tile/8/0/000`, `tile/8/data/000`) and takes some that
//! make it panic, so that names are written and read here.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::hash::{HASH_BYTES, Hash};

/// How many hashes a full tile holds, and how many entries a full bundle.
pub const WIDTH: u64 = 256;
/// The name of the signed checkpoint.
pub const CHECKPOINT: &str = "checkpoint";
/// Highest level that a tile may have.
pub const LEVEL_MAX: u8 = 63;
/// Levels that a tree of 64-bit indexes can have.
pub const LEVELS: u8 = 8;

/// The folder of bundles, in the place of a level.
const ENTRIES: &str = "entries";
/// How many files or folders of one kind lie in a folder.
const FAN_OUT: u64 = 1_000;

/// What a file of a log holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// Hashes of this level: of leaves at level 0, of full tiles of the level below at others.
    Hashes(u8),
    /// Entries.
    Entries,
}

/// The name of a tile or of an entry bundle.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tile {
    kind: Kind,
    index: u64,
    width: u16,
}

/// The text names no tile.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{0:?} is no tile of a log")]
pub struct NotATile(pub String);

impl Tile {
    /// The full tile of this index.
    ///
    /// # Panics
    /// If the level is above [`LEVEL_MAX`].
    pub fn full(kind: Kind, index: u64) -> Self {
        assert!(
            !matches!(kind, Kind::Hashes(level) if level > LEVEL_MAX),
            "a tile's level is at most {LEVEL_MAX}"
        );
        let width = 256;
        Self { kind, index, width }
    }

    /// The tile that a tree of this many hashes (of this level), or entries, has at this index:
    /// full, partial, or none.
    pub fn of_count(kind: Kind, index: u64, count: u64) -> Option<Self> {
        let width = count.checked_sub(index.checked_mul(WIDTH)?)?.min(WIDTH);
        let width = u16::try_from(width).ok().filter(|width| *width > 0)?;
        let tile = Self::full(kind, index);
        Some(Self { width, ..tile })
    }

    /// What it holds.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Its place among those of its kind.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes or entries it holds: 1 to [`WIDTH`].
    pub const fn width(&self) -> u64 {
        self.width as u64
    }

    /// Whether it holds all it can.
    pub const fn is_full(&self) -> bool {
        self.width() == WIDTH
    }

    /// The full tile in the same place.
    pub const fn filled(self) -> Self {
        Self { width: 256, ..self }
    }

    /// The first hash or entry in it, counted from 0.
    pub const fn start(&self) -> u64 {
        self.index * WIDTH
    }

    /// The bytes of a hash tile; `None` for a bundle, whose entries differ in length.
    pub const fn bytes(&self) -> Option<usize> {
        match self.kind {
            Kind::Hashes(_) => Some(self.width as usize * HASH_BYTES),
            Kind::Entries => None,
        }
    }

    /// The name without its width: that of the full tile.
    fn folder(&self) -> String {
        let mut index = self.index;
        let mut name = format!("{:03}", index % FAN_OUT);
        while index >= FAN_OUT {
            index /= FAN_OUT;
            name = format!("x{:03}/{name}", index % FAN_OUT);
        }
        match self.kind {
            Kind::Hashes(level) => format!("tile/{level}/{name}"),
            Kind::Entries => format!("tile/{ENTRIES}/{name}"),
        }
    }

    /// The folder in which its partial tiles lie.
    pub fn partials(&self) -> String {
        format!("{}.p", self.folder())
    }
}

/// How many hashes of a level a tree of this size has.
pub const fn count_at(level: u8, size: u64) -> u64 {
    match size.checked_shr(8 * level as u32) {
        Some(count) => count,
        None => 0,
    }
}

/// The partial hash tiles of a tree of this size: its right edge, from the lowest level up.
pub fn edge_of(size: u64) -> impl Iterator<Item = Tile> {
    (0..LEVELS).filter_map(move |level| {
        let count = count_at(level, size);
        let tile = Tile::of_count(Kind::Hashes(level), count / WIDTH, count);
        tile.filter(|tile| !tile.is_full())
    })
}

/// All hash tiles and bundles of a tree of this size, the bundles first, then by level.
pub fn all_of(size: u64) -> impl Iterator<Item = Tile> {
    let kinds = std::iter::once(Kind::Entries).chain((0..LEVELS).map(Kind::Hashes));
    kinds.flat_map(move |kind| {
        let count = match kind {
            Kind::Entries => size,
            Kind::Hashes(level) => count_at(level, size),
        };
        (0..count.div_ceil(WIDTH)).filter_map(move |index| Tile::of_count(kind, index, count))
    })
}

/// The bytes of a tile of these hashes.
pub fn to_bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

/// The hashes of a tile; `None` when the bytes are not as many as the tile has.
pub fn hashes_of(tile: &Tile, bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
    let fits = rest.is_empty() && tile.bytes() == Some(bytes.len());
    fits.then(|| hashes.iter().copied().map(Hash::from_bytes).collect())
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_full() {
            f.write_str(&self.folder())
        } else {
            write!(f, "{}/{}", self.partials(), self.width)
        }
    }
}

impl FromStr for Tile {
    type Err = NotATile;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Only the one way to write a name is taken.
        let read = read(text).filter(|tile| tile.to_string() == text);
        read.ok_or_else(|| NotATile(text.to_owned()))
    }
}

fn read(text: &str) -> Option<Tile> {
    let (kind, rest) = text.strip_prefix("tile/")?.split_once('/')?;
    let kind = match kind {
        ENTRIES => Kind::Entries,
        level => Kind::Hashes(level.parse().ok().filter(|level| *level <= LEVEL_MAX)?),
    };
    let (name, width) = match rest.split_once(".p/") {
        Some((name, width)) => (name, width.parse().ok().filter(|w| (1..256).contains(w))?),
        None => (rest, 256),
    };
    let mut index: u64 = 0;
    for part in name.split('/') {
        let digits = part.strip_prefix('x').unwrap_or(part);
        let number: u64 = digits.parse().ok().filter(|number| *number < FAN_OUT)?;
        index = index.checked_mul(FAN_OUT)?.checked_add(number)?;
    }
    // Beyond it the index of its last hash has no room.
    index.checked_mul(WIDTH)?.checked_add(WIDTH)?;
    Some(Tile { kind, index, width })
}

#[cfg(test)]
mod tests;

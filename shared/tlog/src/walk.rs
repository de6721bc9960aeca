//! Owns the check of one log's files while they are read, in order: every hash in every tile is
//! computed again from the entries. It says which file it needs next, and keeps one tile a level.
//! Must never read a file itself.

use std::cmp::Reverse;
use std::collections::VecDeque;

use crate::bundle::{self, BundleError, ENTRY_BYTES_MAX};
use crate::edge::{Edge, Made};
use crate::hash::{HASH_BYTES, Hash};
use crate::tile::{Kind, Tile, WIDTH};
use crate::walk::fault::Fault;

pub mod fault;

/// Largest file of hashes, in bytes.
const HASHES_BYTES_MAX: usize = WIDTH as usize * HASH_BYTES;
/// Largest file of entries, in bytes.
const ENTRIES_BYTES_MAX: usize = WIDTH as usize * (2 + ENTRY_BYTES_MAX);

/// A root that the leaves must have at some size.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// How many leaves.
    pub size: u64,
    /// Their root.
    pub root: Hash,
    /// What says so, in words: "the checkpoint".
    pub name: String,
}

/// The file that is needed next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// The file. If there is none, the full one in its place will do.
    pub tile: Tile,
    /// Largest size that makes sense, in bytes.
    pub bytes_max: usize,
}

/// The log as far as it was read.
#[derive(Debug)]
pub struct Walk {
    size: u64,
    edge: Edge,
    /// What is read next: a file of entries, or one of hashes beside what they should be.
    queue: VecDeque<Next>,
    /// The leaf hashes of the entries that were read last, and the file they were in.
    leaves: (Vec<Hash>, String),
    /// Roots to be compared, the largest size first.
    marks: Vec<Mark>,
    /// How many leaves are known to be as they were signed.
    good: u64,
    /// Why the entries that were read last are not all there.
    broken: Option<Fault>,
    /// Whether the files at the tree's right edge were asked for.
    is_ending: bool,
}

#[derive(Debug)]
enum Next {
    Entries(Tile),
    Leaves(Tile),
    Nodes(Made),
}

impl Next {
    const fn tile(&self) -> Tile {
        match self {
            Self::Entries(tile) | Self::Leaves(tile) => *tile,
            Self::Nodes(made) => made.tile,
        }
    }
}

impl Walk {
    /// Prepares to read a log up to its largest mark: as a rule a checkpoint.
    ///
    /// # Errors
    /// [`Fault::Empty`].
    pub fn new(mut marks: Vec<Mark>) -> Result<Self, Fault> {
        marks.sort_by_key(|mark| Reverse(mark.size));
        let empty = |mark: &&Mark| mark.size == 0 && mark.root != Hash::EMPTY_TREE;
        if let Some(mark) = marks.iter().find(empty) {
            return Err(Fault::Empty(mark.name.clone()));
        }
        let mut walk = Self {
            size: marks.first().map_or(0, |mark| mark.size),
            edge: Edge::new(),
            queue: VecDeque::new(),
            leaves: (Vec::new(), String::new()),
            marks,
            good: 0,
            broken: None,
            is_ending: false,
        };
        walk.plan();
        Ok(walk)
    }

    /// How many leaves were read and agree with their tiles.
    pub const fn passed(&self) -> u64 {
        self.edge.size()
    }

    /// How many there are.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root over the leaves that passed.
    pub fn root(&self) -> Hash {
        self.edge.root()
    }

    /// The file that is needed next; `None` when all were read and everything agrees.
    pub fn wanted(&self) -> Option<Wanted> {
        let tile = self.queue.front()?.tile();
        let bytes_max = match tile.kind() {
            Kind::Entries => ENTRIES_BYTES_MAX,
            Kind::Hashes(_) => HASHES_BYTES_MAX,
        };
        Some(Wanted { tile, bytes_max })
    }

    /// Takes the file that was wanted, or the full one in its place (`found`); gives back the
    /// entries in it. They are not yet known to be good.
    ///
    /// # Errors
    /// The first [`Fault`]. Nothing can be taken after it.
    pub fn take<'a>(&mut self, found: Tile, bytes: &'a [u8]) -> Result<Vec<&'a [u8]>, Fault> {
        match self.queue.pop_front() {
            None => return Ok(Vec::new()),
            Some(Next::Entries(tile)) => return self.entries(tile, found, bytes),
            Some(Next::Leaves(tile)) => self.leaves(tile, found, bytes)?,
            Some(Next::Nodes(made)) => nodes(&made, found, bytes)?,
        }
        self.plan();
        if self.queue.is_empty() {
            self.compare_marks()?;
        }
        Ok(Vec::new())
    }

    fn entries<'a>(
        &mut self,
        wanted: Tile,
        found: Tile,
        bytes: &'a [u8],
    ) -> Result<Vec<&'a [u8]>, Fault> {
        let read = bundle::entries(bytes, found.width());
        let mut entries = read.unwrap_or_else(|reason| {
            // The entries before that place may be bad too: the tile says which is the first.
            let readable = readable(bytes, cut_at(reason));
            self.broken = Some(Fault::Entries {
                leaf: wanted.start() + readable.len() as u64,
                file: found.to_string(),
                reason,
            });
            readable
        });
        entries.truncate(usize::try_from(wanted.width()).unwrap_or(usize::MAX));
        let hashes = entries.iter().map(|entry| Hash::of_leaf(entry));
        self.leaves = (hashes.collect(), found.to_string());
        Ok(entries)
    }

    /// Compares the leaves' hashes with those of the entries, and lets the tree grow.
    fn leaves(&mut self, wanted: Tile, found: Tile, bytes: &[u8]) -> Result<(), Fault> {
        let hashes = hashes(wanted, found, bytes)?;
        let (computed, entries) = std::mem::take(&mut self.leaves);
        for (ours, theirs) in computed.into_iter().zip(hashes) {
            if ours.as_bytes() != theirs {
                return Err(Fault::Leaf {
                    index: self.passed(),
                    entries,
                    tile: found.to_string(),
                });
            }
            let made = self.edge.push(ours).into_iter();
            // The lowest of the tiles is the one in hand.
            self.queue.extend(made.skip(1).map(Next::Nodes));
            // What covers all leaves is compared last: their tiles name the place better.
            if self.passed() < self.size {
                self.compare_marks()?;
            }
        }
        self.broken.take().map_or(Ok(()), Err)
    }

    /// Says which files come next when none is asked for.
    fn plan(&mut self) {
        if !self.queue.is_empty() {
            return;
        }
        let number = self.passed() / WIDTH;
        if self.passed() < self.size {
            let tile = |kind| Tile::of_count(kind, number, self.size);
            self.queue.extend(tile(Kind::Entries).map(Next::Entries));
            self.queue.extend(tile(Kind::Hashes(0)).map(Next::Leaves));
        } else if !self.is_ending {
            self.is_ending = true;
            let mut partials = self.edge.partials();
            partials.retain(|made| made.tile.kind() != Kind::Hashes(0));
            self.queue.extend(partials.into_iter().map(Next::Nodes));
        }
    }

    fn compare_marks(&mut self) -> Result<(), Fault> {
        let passed = self.passed();
        if self.marks.last().is_none_or(|mark| mark.size > passed) {
            return Ok(());
        }
        let root = self.root();
        while let Some(mark) = self.marks.pop_if(|mark| mark.size <= passed) {
            if mark.size > 0 && mark.root != root {
                let (first, last) = (self.good, passed - 1);
                let signed = mark.name;
                return Err(Fault::Root {
                    first,
                    last,
                    signed,
                });
            }
        }
        self.good = passed;
        Ok(())
    }
}

/// The first entries of a bundle, as many as this.
fn readable(bytes: &[u8], count: u64) -> Vec<&[u8]> {
    let mut rest = bytes;
    let mut entries = Vec::new();
    for _ in 0..count {
        let Some((length, after)) = rest.split_first_chunk::<2>() else {
            break;
        };
        let Some((entry, after)) = after.split_at_checked(u16::from_be_bytes(*length).into())
        else {
            break;
        };
        entries.push(entry);
        rest = after;
    }
    entries
}

/// Which entry of a bundle the first is that cannot be read.
fn cut_at(reason: BundleError) -> u64 {
    match reason {
        BundleError::Cut(entry) => entry as u64,
        BundleError::Count { expected, found } => expected.min(found),
        BundleError::TooLong(_) => 0,
    }
}

/// Compares a tile of a higher level with what was computed.
fn nodes(made: &Made, found: Tile, bytes: &[u8]) -> Result<(), Fault> {
    let theirs = hashes(made.tile, found, bytes)?;
    let (ours, _) = made.bytes.as_chunks::<HASH_BYTES>();
    match ours.iter().zip(theirs).position(|(a, b)| a != b) {
        None => Ok(()),
        Some(place) => {
            let each = leaves_of_each(made.tile);
            let first = (made.tile.start() + place as u64) * each;
            let (last, tile) = (first + each - 1, found.to_string());
            Err(Fault::Node { first, last, tile })
        }
    }
}

/// The hashes of a file, as many as were wanted.
fn hashes(wanted: Tile, found: Tile, bytes: &[u8]) -> Result<&[[u8; HASH_BYTES]], Fault> {
    let expected = usize::try_from(found.width()).unwrap_or(usize::MAX) * HASH_BYTES;
    if bytes.len() != expected {
        return Err(Fault::Length {
            leaf: wanted.start() * leaves_of_each(wanted),
            file: found.to_string(),
            expected,
            found: bytes.len(),
        });
    }
    let (hashes, _) = bytes.as_chunks::<HASH_BYTES>();
    let kept = usize::try_from(wanted.width()).unwrap_or(usize::MAX);
    Ok(&hashes[..kept.min(hashes.len())])
}

/// How many leaves are under each hash, or entry, of a file.
fn leaves_of_each(tile: Tile) -> u64 {
    match tile.kind() {
        Kind::Entries => 1,
        Kind::Hashes(level) => WIDTH.saturating_pow(level.into()),
    }
}

#[cfg(test)]
mod tests;

//! Owns the check of a mirror: each epoch's files, read once and in order, and what ties the epochs
//! and the keys to each other. It takes as little memory for a long log as for a short one.

use tlog::bundle;
use tlog::checkpoint::{self, Checkpoint};
use tlog::epoch;
use tlog::tile::{CHECKPOINT, Kind, Tile};
use tlog::walk::{Mark, Walk};

use crate::files::{Files, FilesError};
use crate::link::{self, Follows};
use crate::pinned::Pinned;
use crate::trust::Trust;
use crate::verdict::{Missing, Tampered};
use crate::watch::{Checked, Kept, MirrorError, Passed, Watch};

/// Largest checkpoint, in bytes: a few lines, and signatures of whoever witnesses it.
const CHECKPOINT_BYTES_MAX: usize = 64 * 1024;
/// Largest bundle that is read for its first entry alone, in bytes.
const FIRST_BYTES_MAX: usize = 256 * (2 + u16::MAX as usize);

/// Checks a mirror: every tile against the entries, every epoch's root against its signed
/// checkpoint and against those that were kept, every epoch against the one before.
///
/// # Errors
/// The first [`Finding`](crate::verdict::Finding), and why it could not be read.
pub async fn check(
    files: &impl Files,
    pinned: &Pinned,
    kept: &[Kept],
    watch: &mut impl Watch,
) -> Result<Checked, MirrorError> {
    let mut mirror = Mirror {
        files,
        trust: Trust::new(pinned),
        kept,
        checked: Checked::default(),
    };
    let places = mirror.places(pinned).await?;
    for (turn, here) in places.iter().enumerate() {
        let next = match places.get(turn + 1) {
            Some(next) => Some((next.number, mirror.follows(next).await?)),
            None => None,
        };
        mirror.epoch(here, next.as_ref(), watch).await?;
    }
    mirror.settle_kept()?;
    Ok(mirror.checked)
}

/// Where an epoch's files are.
#[derive(Clone, Debug)]
struct Place {
    number: u64,
    /// Before each path, with its slash.
    prefix: String,
}

/// The number of the epoch that comes next, and what it says it follows.
type Next = (u64, Option<Follows>);

struct Mirror<'a, F> {
    files: &'a F,
    trust: Trust,
    kept: &'a [Kept],
    checked: Checked,
}

impl<F: Files> Mirror<'_, F> {
    /// The epochs, the first first; or the mirror itself where it is of one epoch alone.
    async fn places(&self, pinned: &Pinned) -> Result<Vec<Place>, MirrorError> {
        let numbers = self.files.epochs().await?;
        let place = |number| Place {
            number,
            prefix: format!("{number}/"),
        };
        if !numbers.is_empty() {
            return Ok(numbers.into_iter().map(place).collect());
        }
        if self.note("").await?.is_none() {
            return Err(Missing::Mirror.into());
        }
        let alone = epoch::number(&pinned.origin, pinned.key.origin());
        Ok(vec![Place {
            number: alone.unwrap_or(epoch::FIRST),
            prefix: String::new(),
        }])
    }

    /// What an epoch says it follows. Its beginning is read before its turn, so that what it says
    /// is compared while the epoch before passes by; the same entry is checked as a leaf later.
    async fn follows(&self, next: &Place) -> Result<Option<Follows>, MirrorError> {
        let Some(note) = self.note(&next.prefix).await? else {
            return Err(missing(next, 0, CHECKPOINT).into());
        };
        let size = checkpoint::said(&note).map_or(0, |said| said.size);
        let Some(tile) = Tile::of_count(Kind::Entries, 0, size) else {
            return Ok(None);
        };
        let read = self.file(&next.prefix, tile, FIRST_BYTES_MAX).await?;
        let (found, bytes) = read.ok_or_else(|| missing(next, 0, &tile.to_string()))?;
        let entries = bundle::entries(&bytes, found.width()).unwrap_or_default();
        Ok(entries.first().and_then(|entry| link::follows(entry)))
    }

    /// Checks one epoch.
    async fn epoch(
        &mut self,
        here: &Place,
        next: Option<&Next>,
        watch: &mut impl Watch,
    ) -> Result<(), MirrorError> {
        let name = format!("{}{CHECKPOINT}", here.prefix);
        let Some(note) = self.note(&here.prefix).await? else {
            return Err(missing(here, 0, CHECKPOINT).into());
        };
        let signed = self.trust.read(&note, here.number, &name)?;
        let said = signed.said().clone();
        let mut marks = self.kept_marks(&said)?;
        marks.push(Mark {
            size: said.size,
            root: said.root,
            name: name.clone(),
        });
        if let Some((number, Some(follows))) = next {
            marks.push(follows.mark(*number));
        }
        // What goes further than the files is told last: a fork may end early to pass for a lack.
        let (marks, beyond): (Vec<Mark>, Vec<Mark>) =
            marks.into_iter().partition(|mark| mark.size <= said.size);
        self.walk(here, marks, watch).await?;
        self.trust.settle_read(&signed, &name)?;
        reaches(here.number, said.size, beyond)?;
        if let Some((number, Some(follows))) = next {
            forgotten(&said, *number, follows)?;
        }
        self.checked.key_changes = self.trust.changes();
        self.trust.newest().clone_into(&mut self.checked.key);
        self.checked.epochs.push(said);
        Ok(())
    }

    /// Reads an epoch's files, in order.
    async fn walk(
        &mut self,
        here: &Place,
        marks: Vec<Mark>,
        watch: &mut impl Watch,
    ) -> Result<(), MirrorError> {
        let epoch = here.number;
        let fault = |fault| Tampered::Files { epoch, fault };
        let mut walk = Walk::new(marks).map_err(fault)?;
        let mut held = None;
        while let Some(wanted) = walk.wanted() {
            let first = walk.passed();
            let read = self.file(&here.prefix, wanted.tile, wanted.bytes_max);
            let Some((found, bytes)) = read.await? else {
                return Err(missing(here, first, &wanted.tile.to_string()).into());
            };
            walk.take(found, &bytes).map_err(fault)?;
            if wanted.tile.kind() == Kind::Entries {
                held = Some((wanted.tile, found, bytes));
            } else if let Some((tile, found, bytes)) = held.take() {
                // Now they agree with their tile.
                let mut entries = bundle::entries(&bytes, found.width()).unwrap_or_default();
                entries.truncate(usize::try_from(tile.width()).unwrap_or(usize::MAX));
                let passed = Passed {
                    epoch,
                    first,
                    size: walk.size(),
                    entries: &entries,
                };
                self.hear(&passed)?;
                watch.passed(&passed).await.map_err(MirrorError::Watcher)?;
            }
        }
        if walk.size() == 0 && !self.checked.epochs.is_empty() {
            let reason = "it has no leaves, and ties the epoch to no other".to_owned();
            return Err(Tampered::Link { epoch, reason }.into());
        }
        Ok(())
    }

    /// Looks for what ties epochs and keys together.
    fn hear(&mut self, passed: &Passed<'_>) -> Result<(), Tampered> {
        if let (0, Some(entry), Some(before)) = (
            passed.first,
            passed.entries.first(),
            self.checked.epochs.last(),
        ) {
            link::check(entry, &before.origin, passed.epoch)?;
        }
        for (leaf, entry) in (passed.first..).zip(passed.entries) {
            if let Some(change) = link::key_change(entry) {
                self.trust.hear(passed.epoch, leaf, &change)?;
            }
        }
        Ok(())
    }

    /// The roots that kept checkpoints say the beginning of this epoch has.
    fn kept_marks(&self, said: &Checkpoint) -> Result<Vec<Mark>, MirrorError> {
        let mut marks = Vec::new();
        for kept in self.kept {
            let signed = Trust::kept(&kept.note, &kept.name)?;
            if signed.origin != said.origin {
                continue;
            }
            let (size, root, name) = (signed.size, signed.root, kept.name.clone());
            marks.push(Mark { size, root, name });
        }
        Ok(marks)
    }

    /// Every kept checkpoint must be of an epoch that is there, and signed by a key that counts.
    fn settle_kept(&mut self) -> Result<(), MirrorError> {
        for kept in self.kept {
            let origin = Trust::kept(&kept.note, &kept.name)?.origin;
            if self
                .checked
                .epochs
                .iter()
                .all(|epoch| epoch.origin != origin)
            {
                let signed = kept.name.clone();
                return Err(Missing::NoEpoch { signed, origin }.into());
            }
            self.trust.settle(&kept.note, &origin, &kept.name)?;
            self.checked.kept += 1;
        }
        Ok(())
    }

    async fn note(&self, place: &str) -> Result<Option<String>, FilesError> {
        let path = format!("{place}{CHECKPOINT}");
        let bytes = self.files.read(&path, CHECKPOINT_BYTES_MAX).await?;
        // What is no text is no note either, and is found to be none when it is opened.
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// A file, or the full one in its place.
    async fn file(
        &self,
        place: &str,
        tile: Tile,
        bytes_max: usize,
    ) -> Result<Option<(Tile, Vec<u8>)>, FilesError> {
        let path = format!("{place}{tile}");
        if let Some(bytes) = self.files.read(&path, bytes_max).await? {
            return Ok(Some((tile, bytes)));
        }
        if tile.is_full() {
            return Ok(None);
        }
        let full = tile.filled();
        let path = format!("{place}{full}");
        Ok(self.files.read(&path, bytes_max).await?.map(|b| (full, b)))
    }
}

fn missing(here: &Place, leaf: u64, file: &str) -> Missing {
    Missing::File {
        epoch: here.number,
        leaf,
        file: format!("{}{file}", here.prefix),
    }
}

/// Nothing that was signed may go further than an epoch's files.
fn reaches(epoch: u64, size: u64, beyond: Vec<Mark>) -> Result<(), Missing> {
    match beyond.into_iter().next() {
        None => Ok(()),
        Some(mark) => Err(Missing::Behind {
            epoch,
            size,
            signed: mark.name,
            wanted: mark.size,
        }),
    }
}

/// What was signed beyond what the next epoch knows of.
fn forgotten(said: &Checkpoint, epoch: u64, follows: &Follows) -> Result<(), Missing> {
    if follows.size() == said.size {
        return Ok(());
    }
    Err(Missing::Forgotten {
        epoch,
        known: follows.size().saturating_sub(1),
        signed: said.size - 1,
    })
}

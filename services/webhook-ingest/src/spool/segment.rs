//! Owns one file of the spool while it is written: made, appended to, synced, cut back.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use thiserror::Error;

use crate::spool::record::{FILE_HEAD_BYTES, Marker, file_head};

/// How the names of the spool's files end.
pub(crate) const SUFFIX: &str = ".spool";

/// What a file is called: the number of its first record, and its marker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Name {
    pub(crate) first: u64,
    pub(crate) marker: Marker,
}

impl Name {
    pub(crate) fn of_file(file: &str) -> Option<Self> {
        let (first, marker) = file.strip_suffix(SUFFIX)?.split_once('-')?;
        let name = Self {
            first: first.parse().ok()?,
            marker: Marker(u64::from_str_radix(marker, 16).ok()?),
        };
        // One name for one file: `+1` and the like are somebody else's.
        (name.file() == file).then_some(name)
    }

    pub(crate) fn file(self) -> String {
        format!("{:020}-{:016x}{SUFFIX}", self.first, self.marker.0)
    }
}

/// Why a group of records is not kept.
#[derive(Debug, Error)]
pub(crate) enum AppendError {
    /// It could not be written; the file is again as it was.
    #[error("write the spool")]
    Write(#[source] io::Error),
    /// It could not be synced, or the file not be cut back: nobody may write to it any more.
    #[error("sync the spool")]
    Broken(#[source] io::Error),
}

/// A file that is appended to.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) name: Name,
    file: File,
    /// Bytes that are synced.
    bytes: u64,
}

impl Segment {
    /// Makes a file that only its owner can read. Its name is synced too.
    pub(crate) fn create(folder: &Path, name: Name) -> io::Result<Self> {
        let path = folder.join(name.file());
        let made = make(folder, &path, name.marker);
        if made.is_err() {
            // What could not be made holds nothing.
            let _ = std::fs::remove_file(&path);
        }
        Ok(Self {
            name,
            file: made?,
            bytes: FILE_HEAD_BYTES as u64,
        })
    }

    /// Bytes that are synced.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends frames; returns when they are on the disk.
    pub(crate) fn append(&mut self, frames: &[u8]) -> Result<(), AppendError> {
        if let Err(error) = self.file.write_all(frames) {
            return match self.file.set_len(self.bytes) {
                Ok(()) => Err(AppendError::Write(error)),
                Err(_) => Err(AppendError::Broken(error)),
            };
        }
        // After a sync that failed the kernel may call the lost pages clean: a second sync of the
        // same file would succeed and mean nothing.
        if let Err(error) = self.file.sync_data() {
            let _ = self.file.set_len(self.bytes);
            return Err(AppendError::Broken(error));
        }
        self.bytes += frames.len() as u64;
        Ok(())
    }
}

fn make(folder: &Path, path: &Path, marker: Marker) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create_new(true).mode(0o600);
    let mut file = options.open(path)?;
    file.write_all(&file_head(marker))?;
    sync_folder(folder)?;
    Ok(file)
}

/// Syncs what the folder says of its files.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: Name = Name {
        first: 7,
        marker: Marker(0xab),
    };

    #[test]
    fn a_name_is_read_as_it_was_written_and_no_other_one_is_ours() {
        let file = "00000000000000000007-00000000000000ab.spool";
        assert_eq!(NAME.file(), file);
        assert_eq!(Name::of_file(file), Some(NAME));
        for other in [
            "7-ab.spool",
            "00000000000000000007-00000000000000AB.spool",
            "00000000000000000007-00000000000000ab.spool.damaged",
            "lock",
            "",
        ] {
            assert_eq!(Name::of_file(other), None, "{other}");
        }
    }

    #[test]
    fn a_file_that_takes_nothing_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let mut segment = Segment::create(folder.path(), NAME).unwrap();
        segment.append(b"one").unwrap();
        let path = folder.path().join(NAME.file());
        // Neither written nor cut through such a handle: as on a disk that went read-only.
        segment.file = File::open(&path).unwrap();
        let refused = segment.append(b"two").unwrap_err();
        assert!(matches!(refused, AppendError::Broken(_)), "{refused:?}");
        assert_eq!(segment.bytes(), FILE_HEAD_BYTES as u64 + 3);
    }
}

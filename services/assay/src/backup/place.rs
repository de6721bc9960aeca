//! Owns where backups lie: a folder of them, each a folder that is whole once its manifest is there.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use contract::digest::Digest;
use contract::time::Timestamp;
use uuid::Uuid;

use crate::backup::manifest::{FileOf, Manifest};

/// The file that makes a backup whole.
pub(crate) const MANIFEST: &str = "manifest.json";
/// The objects that the backups of a folder share.
pub(crate) const OBJECTS: &str = "objects";
/// Held while a backup is made or old ones go.
const LOCK: &str = "lock";
/// Largest manifest, in bytes.
const MANIFEST_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A folder of backups.
#[derive(Debug)]
pub(crate) struct Shelf {
    pub(crate) folder: PathBuf,
}

/// A backup that is whole.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) shelf: Shelf,
    pub(crate) folder: PathBuf,
    pub(crate) manifest: Manifest,
    /// SHA-256 of the manifest.
    pub(crate) digest: Digest,
}

/// A shelf that nobody else writes to.
#[derive(Debug)]
pub(crate) struct Held {
    _lock: File,
}

impl Shelf {
    /// A folder of backups, made where it is missing.
    pub(crate) fn make(folder: &Path) -> anyhow::Result<Self> {
        make_private(folder)?;
        let folder = folder
            .canonicalize()
            .with_context(|| format!("find {}", folder.display()))?;
        Ok(Self { folder })
    }

    /// Keeps others from writing to it; until the guard is dropped.
    pub(crate) fn hold(&self) -> anyhow::Result<Held> {
        let path = self.folder.join(LOCK);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("open {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Held { _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => {
                bail!("another backup is being made in {}", self.folder.display())
            }
            Err(fs::TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("lock {}", path.display()))
            }
        }
    }

    /// Makes the folder of a new backup.
    pub(crate) fn begin(&self, id: Uuid, at: Timestamp) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join(name_of(id, at));
        make_private(&folder)?;
        Ok(folder)
    }

    /// The objects that its backups share.
    pub(crate) fn objects(&self) -> PathBuf {
        self.folder.join(OBJECTS)
    }

    /// The folders of its backups, the newest first, whole or not.
    pub(crate) fn all(&self) -> anyhow::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.folder)
            .with_context(|| format!("read {}", self.folder.display()))?;
        let mut found = Vec::new();
        for entry in entries {
            let path = entry
                .with_context(|| format!("read {}", self.folder.display()))?
                .path();
            let name = path.file_name().and_then(|name| name.to_str());
            if name.is_some_and(is_name) && path.is_dir() {
                found.push(path);
            }
        }
        found.sort();
        found.reverse();
        Ok(found)
    }
}

impl Whole {
    /// Finds the backup that a folder names: it itself, or the newest whole one in it. Also those
    /// that are newer and torn.
    pub(crate) fn find(folder: &Path) -> anyhow::Result<(Self, Vec<PathBuf>)> {
        let folder = folder
            .canonicalize()
            .with_context(|| format!("find the backup {}", folder.display()))?;
        let name = folder.file_name().and_then(|name| name.to_str());
        if name.is_some_and(is_name) {
            return match Self::read(&folder)? {
                Some(whole) => Ok((whole, Vec::new())),
                None => bail!(
                    "the backup {} is torn: it has no {MANIFEST}, which is written last. Use \
                     another one of {}",
                    folder.display(),
                    folder.parent().unwrap_or(&folder).display()
                ),
            };
        }
        let mut torn = Vec::new();
        let shelf = Shelf { folder };
        for one in shelf.all()? {
            match Self::read(&one)? {
                Some(whole) => return Ok((whole, torn)),
                None => torn.push(one),
            }
        }
        bail!(
            "there is no whole backup in {}: {} torn ones, which have no {MANIFEST}",
            shelf.folder.display(),
            torn.len()
        )
    }

    fn read(folder: &Path) -> anyhow::Result<Option<Self>> {
        let path = folder.join(MANIFEST);
        if !path.exists() {
            return Ok(None);
        }
        let reading = || format!("read {}", path.display());
        if path.metadata().with_context(reading)?.len() > MANIFEST_BYTES_MAX {
            bail!("{} is larger than any manifest", path.display());
        }
        let text = fs::read(&path).with_context(reading)?;
        let manifest = serde_json::from_slice(&text).with_context(reading)?;
        let shelf = folder.parent().unwrap_or(folder).to_owned();
        Ok(Some(Self {
            shelf: Shelf { folder: shelf },
            folder: folder.to_owned(),
            manifest,
            digest: Digest::of(&text),
        }))
    }

    /// One of its files, as the manifest says it is.
    pub(crate) fn file(&self, file: &FileOf) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(&file.name);
        let is_plain = !file.name.contains('/') && file.name != "..";
        let found = describe(&path)?;
        if is_plain && (found.bytes, found.sha256) == (file.bytes, file.sha256) {
            return Ok(path);
        }
        bail!(
            "{} is not the file that its manifest names: {} bytes of SHA-256 {}, not {} of {}",
            path.display(),
            found.bytes,
            found.sha256,
            file.bytes,
            file.sha256
        )
    }
}

/// What a manifest says of a file.
pub(crate) fn describe(path: &Path) -> anyhow::Result<FileOf> {
    let read = || Digest::of_reader(File::open(path)?);
    let (sha256, bytes) = read().with_context(|| format!("read {}", path.display()))?;
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.context("a file of a backup has a name")?.to_owned();
    Ok(FileOf {
        name,
        bytes,
        sha256,
    })
}

/// Writes a file that only its owner can read: synced, whole, or not at all.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let part = path.with_extension("part");
    let wrote = || {
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)?;
        sync_folder_of(path)
    };
    wrote().with_context(|| format!("write {}", path.display()))
}

/// Makes what was written in a file's folder outlive a loss of power.
pub(crate) fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Makes a folder that only its owner can enter.
pub(crate) fn make_private(folder: &Path) -> anyhow::Result<()> {
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder);
    made.with_context(|| format!("make the folder {}", folder.display()))
}

/// The name of a backup's folder: names sort as the backups were made.
fn name_of(id: Uuid, at: Timestamp) -> String {
    let id = id.simple().to_string();
    format!("{}-{}", at.format("%Y%m%dT%H%M%S%3fZ"), &id[id.len() - 8..])
}

fn is_name(name: &str) -> bool {
    let shape: String = name
        .chars()
        .map(|c| match c {
            '0'..='9' => '0',
            other => other,
        })
        .collect();
    let (Some(stamp), Some(id)) = (shape.get(..20), name.get(20..)) else {
        return false;
    };
    stamp == "00000000T000000000Z-" && id.len() == 8 && id.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backups_name_is_known_again_and_nothing_else_is() {
        let at: Timestamp = "2026-11-21T19:02:03.456Z".parse().unwrap();
        let name = name_of(Uuid::now_v7(), at);
        assert!(name.starts_with("20261121T190203456Z-"), "{name}");
        assert!(is_name(&name));
        for other in [
            "objects",
            "lock",
            "",
            "20261121T190203456Z-",
            &name[1..],
            &format!("{name}0"),
        ] {
            assert!(!is_name(other), "{other}");
        }
    }
}

//! Owns the spool's start: one process takes the folder, and finds what an earlier one left,
//! whatever way that ended.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::spool::record::{FILE_HEAD_BYTES, OtherVersion, Scan, scan};
use crate::spool::sealed::{Aside, Sealed};
use crate::spool::segment::{Name, SUFFIX, sync_folder};

/// The file that says who has the folder.
const LOCK: &str = "lock";

/// The spool cannot be used.
#[derive(Debug, Error)]
pub(crate) enum SpoolError {
    /// Another process has it.
    #[error(
        "another process uses the spool {}: give each webhook-ingest an ingest.spool.folder of \
         its own",
        .folder.display()
    )]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// A file or folder could not be read or made.
    #[error("{doing} {}", .path.display())]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// With which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Another version of this program wrote it.
    #[error("read {}", .path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Which version.
        #[source]
        source: OtherVersion,
    },
}

fn disk(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SpoolError {
    let path = path.to_owned();
    move |source| SpoolError::Disk {
        doing,
        path,
        source,
    }
}

/// What an earlier process left.
pub(crate) struct Found {
    pub(crate) sealed: VecDeque<Sealed>,
    pub(crate) aside_bytes: u64,
    pub(crate) next: u64,
}

/// Makes the folder, which nobody else can look into, and takes it. The kernel gives it free when
/// the process ends, however it ends.
pub(crate) fn take(folder: &Path) -> Result<(PathBuf, File), SpoolError> {
    let is_new = !folder.exists();
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(folder).map_err(disk("make", folder))?;
    let folder = folder.canonicalize().map_err(disk("find", folder))?;
    if let Some(above) = folder.parent().filter(|_| is_new) {
        sync_folder(above).map_err(disk("sync", above))?;
    }
    let path = folder.join(LOCK);
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    let lock = options.open(&path).map_err(disk("open", &path))?;
    match lock.try_lock() {
        Ok(()) => Ok((folder, lock)),
        Err(TryLockError::WouldBlock) => Err(SpoolError::Locked { folder }),
        Err(TryLockError::Error(error)) => Err(disk("lock", &path)(error)),
    }
}

/// Reads every file, cuts off what was never promised, and reports what is damaged.
pub(crate) fn recover(folder: &Path) -> Result<Found, SpoolError> {
    let mut found = Found {
        sealed: VecDeque::new(),
        aside_bytes: 0,
        next: 1,
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(disk("list", folder))? {
        let entry = entry.map_err(disk("list", folder))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if let Some(name) = Name::of_file(&name) {
            names.push(name);
        } else if name.contains(SUFFIX) {
            let path = entry.path();
            found.aside_bytes += entry.metadata().map_err(disk("look at", &path))?.len();
        }
    }
    names.sort_unstable();
    let mut before: Option<u64> = None;
    for name in names {
        let last = one(folder, name, &mut found)?;
        if let Some(before) = before
            && name.first > before + 1
        {
            let (first, last) = (before + 1, name.first - 1);
            report(name, 1);
            tracing::error!("the records {first} to {last} of the spool are missing");
        }
        before = last.or(before);
        found.next = found
            .next
            .max(last.map_or(0, |last| last + 1))
            .max(name.first);
    }
    Ok(found)
}

/// Recovers one file; gives the number of its last record.
fn one(folder: &Path, name: Name, found: &mut Found) -> Result<Option<u64>, SpoolError> {
    let path = folder.join(name.file());
    let mut bytes = fs::read(&path).map_err(disk("read", &path))?;
    let Scan {
        records,
        damage,
        torn_at,
    } = scan(name.marker, &bytes).map_err(|source| SpoolError::Version {
        path: path.clone(),
        source,
    })?;
    if let Some(torn_at) = torn_at {
        let cut = bytes.len() - torn_at;
        tracing::warn!(
            file = name.file(),
            "cut {cut} bytes off that were never promised"
        );
        bytes.truncate(torn_at);
        cut_off(&path, torn_at as u64).map_err(disk("cut", &path))?;
    }
    if !damage.is_empty() {
        report(name, damage.len());
    }
    let Some(first) = records.first() else {
        let head_alone = bytes.len() <= FILE_HEAD_BYTES;
        if damage.is_empty() && head_alone {
            fs::remove_file(&path).map_err(disk("remove", &path))?;
        } else {
            let aside = folder.join(format!("{}{}", name.file(), Aside::Damaged.suffix()));
            fs::rename(&path, &aside).map_err(disk("rename", &path))?;
            found.aside_bytes += bytes.len() as u64;
        }
        return Ok(None);
    };
    found.sealed.push_back(Sealed {
        name,
        bytes: bytes.len() as u64,
        disk_bytes: bytes.len() as u64,
        records: records.len() as u64,
        oldest_micros: first.at_micros,
        damage_known: damage.len(),
    });
    Ok(records.last().map(|record| record.number))
}

fn cut_off(path: &Path, bytes: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(bytes)?;
    file.sync_all()
}

/// Says that a file is damaged: what was in these places is lost, the rest of it is drained.
pub(crate) fn report(name: Name, places: usize) {
    let file = name.file();
    tracing::error!(
        file,
        places,
        "the spool is damaged; {file} is kept for you to look at"
    );
    metrics::counter!("assay_spool_damaged_records_total").increment(places as u64);
}

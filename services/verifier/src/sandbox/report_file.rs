//! Owns the reading of a file that a box left: never through a symlink, never anything but a
//! regular file, never more than a cap.
//! The box must be gone: nothing may change under the reader.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use lab::pattern::TreeFile;
use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;
use thiserror::Error;

use report::reported::REPORT_BYTES_MAX;

/// Why a report could not be read. The words follow the report's name.
#[derive(Debug, Error)]
pub enum NoReport {
    /// There is none.
    #[error("is missing")]
    Missing,
    /// It, or a folder on the way to it, is a symlink.
    #[error("is reached through a symbolic link, which is not followed")]
    Symlink,
    /// It is no regular file.
    #[error("is not a regular file")]
    NotRegular,
    /// It is too large.
    #[error("is larger than {REPORT_BYTES_MAX} bytes")]
    TooLarge,
    /// The system refused.
    #[error("does not read: {0}")]
    Io(#[from] io::Error),
}

/// Reads the report at `file` within `work`.
///
/// # Errors
/// [`NoReport`] says why there is none to be read.
pub fn read(work: &Path, file: &TreeFile) -> Result<Vec<u8>, NoReport> {
    let folder = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
    let mut at = openat(CWD, work, folder, Mode::empty()).map_err(refusal)?;
    let mut parts = file.as_str().split('/').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_some() {
            at = openat(&at, part, folder, Mode::empty()).map_err(refusal)?;
        } else {
            // Opening a pipe must not wait for a writer.
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            at = openat(&at, part, flags, Mode::empty()).map_err(refusal)?;
        }
    }
    let stat = fstat(&at).map_err(io::Error::from)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(NoReport::NotRegular);
    }
    let mut bytes = Vec::new();
    File::from(at)
        .take(REPORT_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > REPORT_BYTES_MAX {
        return Err(NoReport::TooLarge);
    }
    Ok(bytes)
}

fn refusal(errno: Errno) -> NoReport {
    match errno {
        Errno::NOENT => NoReport::Missing,
        Errno::LOOP => NoReport::Symlink,
        // With O_DIRECTORY and O_NOFOLLOW a symlink is "not a directory".
        Errno::NOTDIR => NoReport::Symlink,
        Errno::NXIO | Errno::OPNOTSUPP => NoReport::NotRegular,
        other => NoReport::Io(other.into()),
    }
}

//! Owns what a judge is given of the learner's: copies that we make when the boxes are gone, of
//! plain files alone, and how each step before ended, in our own words.
//! Must never follow a link, and never keep a mode, an owner or anything else that is not bytes.

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use lab::pattern::Patterns;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, chmodat, openat, statat};
use serde_json::json;
use thiserror::Error;

use crate::judge::Evidence;

/// Most files that a judge is given.
pub(crate) const FILES_MAX: usize = 2_000;
/// Most bytes of them together.
pub(crate) const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most entries of the learner's tree that are looked at.
const LOOKED_AT_MAX: usize = 200_000;
/// Deepest folder that is looked into.
const DEPTH_MAX: usize = 64;
/// Longest path that is copied, in bytes.
const PATH_BYTES_MAX: usize = 1_024;
const FOLDER: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::RDONLY);
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);

/// Why a judge was not given what it reads.
#[derive(Debug, Error)]
pub(crate) enum CannotSeal {
    /// The learner left more than a judge is given.
    #[error("what it reads of the learner's is {0}")]
    TooMuch(String),
    /// It could not be copied.
    #[error("copy what the judge reads")]
    Io(#[from] io::Error),
}

/// A step that ended, as its judge is told.
#[derive(Debug)]
pub(crate) struct Ended<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// How it ended.
    pub(crate) evidence: &'a Evidence,
    /// What it printed on standard output.
    pub(crate) stdout: &'a [u8],
    /// What it printed on standard output and standard error.
    pub(crate) output: &'a [u8],
}

/// Writes `steps/<number>/ending.json`, `stdout` and `output` for each step before, from 1.
///
/// # Errors
/// Those of the file system.
pub(crate) fn steps(into: &Path, ended: &[Ended<'_>]) -> io::Result<()> {
    for (index, step) in ended.iter().enumerate() {
        let folder = into.join("steps").join((index + 1).to_string());
        make_folder(into, &folder)?;
        let ending = step.evidence.ending;
        let told = json!({
            "name": step.name,
            "exit_code": ending.exit_code,
            "signal": ending.signal,
            "limit": ending.limit.map(crate::limit::Limit::as_str),
            "wall_ms": step.evidence.wall_ms,
        });
        write(&folder.join("ending.json"), format!("{told}\n").as_bytes())?;
        write(&folder.join("stdout"), step.stdout)?;
        write(&folder.join("output"), step.output)?;
    }
    Ok(())
}

/// Copies the plain files of `work` that the patterns match to `files/`, and gives what was left
/// out, for the log. Nothing of the learner's may run.
///
/// # Errors
/// [`CannotSeal`].
pub(crate) fn files(work: &Path, reads: &Patterns, into: &Path) -> Result<Vec<String>, CannotSeal> {
    let root = into.join("files");
    make_folder(into, &root)?;
    let mut copier = Copier {
        reads,
        root: &root,
        left_out: Vec::new(),
        files: 0,
        bytes: 0,
        looked_at: 0,
    };
    let folder = openat(CWD, work, FOLDER, Mode::empty()).map_err(io::Error::from)?;
    copier.folder(folder, &mut Vec::new(), 0)?;
    Ok(copier.left_out)
}

struct Copier<'a> {
    reads: &'a Patterns,
    root: &'a Path,
    left_out: Vec<String>,
    files: usize,
    bytes: u64,
    looked_at: usize,
}

impl Copier<'_> {
    fn folder(
        &mut self,
        folder: OwnedFd,
        path: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), CannotSeal> {
        let entries = Dir::read_from(folder.as_fd()).map_err(io::Error::from)?;
        for entry in entries {
            let entry = entry.map_err(io::Error::from)?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            self.looked_at += 1;
            if self.looked_at > LOOKED_AT_MAX {
                return Err(too_much(format!("more than {LOOKED_AT_MAX} files")));
            }
            let before = path.len();
            if before > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            self.entry(&folder, name, path, depth)?;
            path.truncate(before);
        }
        Ok(())
    }

    fn entry(
        &mut self,
        folder: &OwnedFd,
        name: &[u8],
        path: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), CannotSeal> {
        let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(io::Error::from)?;
        let mode = Mode::from_raw_mode(stat.st_mode);
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Directory {
            if depth == DEPTH_MAX || path.len() > PATH_BYTES_MAX {
                self.leave_out(path, "it lies too deep");
                return Ok(());
            }
            open_up(folder, name, mode, Mode::RWXU)?;
            let inner = openat(folder, name, FOLDER, Mode::empty()).map_err(io::Error::from)?;
            return self.folder(inner, path, depth + 1);
        }
        if !self.reads.covers(path) {
            return Ok(());
        }
        if kind != FileType::RegularFile {
            self.leave_out(path, "it is no plain file");
            return Ok(());
        }
        if path.len() > PATH_BYTES_MAX {
            self.leave_out(path, "its path is too long");
            return Ok(());
        }
        open_up(folder, name, mode, Mode::RUSR)?;
        let opened = openat(folder, name, READ, Mode::empty()).map_err(io::Error::from)?;
        self.copy(File::from(opened), path)
    }

    fn copy(&mut self, file: File, path: &[u8]) -> Result<(), CannotSeal> {
        let left = BYTES_MAX - self.bytes;
        // A file with a hole may be larger than it is.
        if file.metadata()?.len() > left {
            return Err(too_much(format!("more than {BYTES_MAX} bytes")));
        }
        if self.files == FILES_MAX {
            return Err(too_much(format!("more than {FILES_MAX} files")));
        }
        let mut bytes = Vec::new();
        file.take(left).read_to_end(&mut bytes)?;
        self.files += 1;
        self.bytes += bytes.len() as u64;
        let place = self.root.join(std::ffi::OsStr::from_bytes(path));
        if let Some(parent) = place.parent() {
            make_folder(self.root, parent)?;
        }
        Ok(write(&place, &bytes)?)
    }

    fn leave_out(&mut self, path: &[u8], why: &str) {
        let path = String::from_utf8_lossy(path);
        self.left_out
            .push(format!("not for the judge: {path}: {why}"));
    }
}

fn too_much(what: String) -> CannotSeal {
    CannotSeal::TooMuch(what)
}

/// Lets the owner in where the learner shut him out; nobody else changes anything meanwhile.
fn open_up(folder: &OwnedFd, name: &[u8], mode: Mode, needed: Mode) -> io::Result<()> {
    if !mode.contains(needed) {
        chmodat(folder, name, mode | needed, AtFlags::empty())?;
    }
    Ok(())
}

/// Makes a folder and those above it, up to `root`, for everybody to read, whatever the umask.
fn make_folder(root: &Path, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for made in folder.ancestors().take_while(|made| *made != root) {
        fs::set_permissions(made, Permissions::from_mode(0o755))?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.set_permissions(Permissions::from_mode(0o444))
}

#[cfg(test)]
mod tests;

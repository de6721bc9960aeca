//! Owns the writing: every folder is opened from the one above it, and no link is followed.
//! What is in the way goes; nothing else runs in the folder meanwhile.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use contract::digest::Digest;
use lab::pattern::TreeFile;
use objects::manifest::{Blob, BlobKind};
use objects::path::TreePath;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, chmodat, mkdirat, openat, readlinkat};
use rustix::fs::{Stat, statat, symlinkat, unlinkat};
use rustix::io::Errno;

use crate::sandbox::scratch::{RunFolder, remove};
use crate::tree::plan::{Item, Kind};

const FOLDER: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::RDONLY);
const FOLDER_MODE: u32 = 0o755;
const REGULAR_MODE: u32 = 0o644;
const EXECUTABLE_MODE: u32 = 0o755;

/// A place in the tree whose folder is open.
struct Place<'a> {
    folder: OwnedFd,
    name: &'a [u8],
    /// For what only works by path; every folder on it is a real one.
    path: PathBuf,
}

/// Writes a file, in the place of whatever is there.
pub(super) fn file(run: &RunFolder, path: &TreePath, blob: Blob, bytes: &[u8]) -> io::Result<()> {
    let place = make_way(run, path.as_bytes())?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(mode(blob.kind));
    let opened = openat(&place.folder, place.name, flags | OFlags::NOFOLLOW, mode)?;
    let mut file = File::from(opened);
    file.write_all(bytes)?;
    // The process's umask had its say before.
    rustix::fs::fchmod(&file, mode)?;
    run.hand_over(&place.path)
}

/// Makes a symlink.
pub(super) fn link(run: &RunFolder, path: &TreePath, target: &[u8]) -> io::Result<()> {
    let place = make_way(run, path.as_bytes())?;
    symlinkat(target, &place.folder, place.name)?;
    run.hand_over(&place.path)
}

/// Makes an empty folder.
pub(super) fn folder(run: &RunFolder, path: &TreePath) -> io::Result<()> {
    let place = make_way(run, path.as_bytes())?;
    enter(run, &place).map(drop)
}

/// Whether what is there is what the item would be, by kind, mode and bytes.
pub(super) fn is_same(run: &RunFolder, item: &Item) -> io::Result<bool> {
    let Some(place) = find(run, item.path.as_bytes())? else {
        return Ok(false);
    };
    let Some(stat) = stat(&place)? else {
        return Ok(false);
    };
    let kind = FileType::from_raw_mode(stat.st_mode);
    let Kind::Blob(blob) = &item.kind else {
        return Ok(kind == FileType::Directory);
    };
    if blob.kind == BlobKind::Symlink {
        let same = |target: std::ffi::CString| Digest::of(target.as_bytes()) == blob.digest;
        let target = readlinkat(&place.folder, place.name, Vec::new());
        return Ok(kind == FileType::Symlink && target.is_ok_and(same));
    }
    let size = u64::try_from(stat.st_size).unwrap_or_default();
    let permissions = Mode::from_raw_mode(stat.st_mode).as_raw_mode() & 0o7777;
    if kind != FileType::RegularFile || size != blob.bytes || permissions != mode(blob.kind) {
        return Ok(false);
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = openat(&place.folder, place.name, flags, Mode::empty())?;
    let mut bytes = Vec::new();
    File::from(opened)
        .take(blob.bytes + 1)
        .read_to_end(&mut bytes)?;
    Ok(Digest::of(&bytes) == blob.digest)
}

/// Removes what is at a file's place. Where the way there is none, or leads through a link, there
/// is nothing to remove.
pub(super) fn clear(run: &RunFolder, file: &TreeFile) -> io::Result<()> {
    match find(run, file.as_str().as_bytes())? {
        Some(place) => clear_place(&place),
        None => Ok(()),
    }
}

fn mode(kind: BlobKind) -> u32 {
    match kind {
        BlobKind::Executable => EXECUTABLE_MODE,
        BlobKind::Regular | BlobKind::Symlink => REGULAR_MODE,
    }
}

/// Opens the folder that `path` lies in; makes the folders that are missing, and removes what
/// stands in the way of one, and at the place itself.
fn make_way<'a>(run: &RunFolder, path: &'a [u8]) -> io::Result<Place<'a>> {
    let place = walk(run, path, |step| enter(run, step).map(Some))?;
    let place = place.ok_or(io::ErrorKind::InvalidInput)?;
    clear_place(&place)?;
    Ok(place)
}

/// Opens the folder that `path` lies in, if the way there is all real folders.
fn find<'a>(run: &RunFolder, path: &'a [u8]) -> io::Result<Option<Place<'a>>> {
    walk(run, path, |step| match stat(step)? {
        Some(stat) if is_folder(&stat) => open_folder(step, &stat).map(Some),
        _ => Ok(None),
    })
}

/// Goes down to the folder that `path` lies in; `enter` opens each folder on the way, or ends it.
fn walk<'a>(
    run: &RunFolder,
    path: &'a [u8],
    mut enter: impl FnMut(&Place<'_>) -> io::Result<Option<OwnedFd>>,
) -> io::Result<Option<Place<'a>>> {
    run.reopen()?;
    let mut folder = openat(CWD, run.work(), FOLDER, Mode::empty())?;
    let mut at = run.work().to_owned();
    let mut parts = path.split(|&byte| byte == b'/').peekable();
    while let Some(name) = parts.next() {
        at.push(OsStr::from_bytes(name));
        let place = Place {
            folder,
            name,
            path: at.clone(),
        };
        if parts.peek().is_none() {
            return Ok(Some(place));
        }
        match enter(&place)? {
            Some(next) => folder = next,
            None => return Ok(None),
        }
    }
    Ok(None)
}

fn is_folder(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

/// Opens a folder at the place; makes it, and removes what is no folder first.
fn enter(run: &RunFolder, place: &Place<'_>) -> io::Result<OwnedFd> {
    match stat(place)? {
        Some(stat) if is_folder(&stat) => return open_folder(place, &stat),
        Some(_) => unlinkat(&place.folder, place.name, AtFlags::empty())?,
        None => {}
    }
    mkdirat(&place.folder, place.name, Mode::from_raw_mode(FOLDER_MODE))?;
    run.hand_over(&place.path)?;
    Ok(openat(&place.folder, place.name, FOLDER, Mode::empty())?)
}

/// Opens what is surely a folder, even one that was closed to its owner.
fn open_folder(place: &Place<'_>, stat: &Stat) -> io::Result<OwnedFd> {
    let owners = Mode::RWXU;
    if !Mode::from_raw_mode(stat.st_mode).contains(owners) {
        let mode = Mode::from_raw_mode(FOLDER_MODE);
        chmodat(&place.folder, place.name, mode, AtFlags::empty())?;
    }
    Ok(openat(&place.folder, place.name, FOLDER, Mode::empty())?)
}

fn clear_place(place: &Place<'_>) -> io::Result<()> {
    match stat(place)? {
        None => Ok(()),
        Some(stat) if is_folder(&stat) => remove(&place.path),
        Some(_) => Ok(unlinkat(&place.folder, place.name, AtFlags::empty())?),
    }
}

fn stat(place: &Place<'_>) -> io::Result<Option<Stat>> {
    match statat(&place.folder, place.name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

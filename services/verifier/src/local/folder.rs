//! Owns how a folder of this machine becomes a snapshot, as a commit of it would.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use contract::digest::Digest;
use objects::manifest::{Blob, BlobKind, Content, Entry, Manifest};
use objects::owner::Owner;
use objects::path::TreePath;
use objects::store::Objects;

use crate::local::CannotVerify;

/// Most files of a folder.
const FILES_MAX: usize = 50_000;
/// Largest file, in bytes.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Deepest folder.
const DEPTH_MAX: usize = 128;

/// A folder that was kept.
pub(super) struct Kept {
    pub(super) digest: Digest,
    /// What of it no commit could hold, and why.
    pub(super) left_out: Vec<String>,
}

/// Keeps a folder's files and gives their manifest's digest.
pub(super) async fn keep(
    objects: &Objects,
    owner: Owner,
    folder: &Path,
) -> Result<Kept, CannotVerify> {
    let mut found = Found::default();
    let unreadable = |what: &Path, source| CannotVerify::Folder {
        what: what.display().to_string(),
        source,
    };
    found
        .walk(folder, &mut Vec::new(), 0)
        .map_err(|(path, source)| unreadable(&path, source))?;
    let mut entries = Vec::with_capacity(found.files.len());
    for (path, place, kind) in found.files {
        let bytes = match kind {
            BlobKind::Symlink => fs::read_link(&place).map(|to| to.as_os_str().as_bytes().to_vec()),
            BlobKind::Regular | BlobKind::Executable => fs::read(&place),
        };
        let bytes = bytes.map_err(|source| unreadable(&place, source))?;
        let blob = Blob {
            kind,
            bytes: bytes.len() as u64,
            digest: objects.put(owner, bytes.into()).await?,
        };
        let content = Content::Blob(blob);
        entries.push(Entry { path, content });
    }
    let manifest = Manifest::new(entries)
        .map_err(|source| unreadable(folder, io::Error::other(source.to_string())))?;
    Ok(Kept {
        digest: objects.put(owner, manifest.to_text().into()).await?,
        left_out: found.left_out,
    })
}

#[derive(Default)]
struct Found {
    files: Vec<(TreePath, PathBuf, BlobKind)>,
    left_out: Vec<String>,
}

impl Found {
    fn walk(
        &mut self,
        folder: &Path,
        path: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), (PathBuf, io::Error)> {
        let at = |error| (folder.to_owned(), error);
        if depth == DEPTH_MAX {
            let deep = format!("it lies deeper than {DEPTH_MAX} folders");
            return Err(at(io::Error::other(deep)));
        }
        for entry in fs::read_dir(folder).map_err(at)? {
            let entry = entry.map_err(at)?;
            let place = entry.path();
            let metadata = fs::symlink_metadata(&place).map_err(|error| (place.clone(), error))?;
            let before = path.len();
            if before > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(entry.file_name().as_bytes());
            match TreePath::new(path.clone()) {
                // A repository's own folder is part of no commit.
                Err(_) if entry.file_name() == ".git" => {}
                Err(bad) => self.leave_out(path, &bad.to_string()),
                Ok(_) if metadata.is_dir() => self.walk(&place, path, depth + 1)?,
                Ok(tree_path) => match kind(&metadata) {
                    Some(kind) => self.files.push((tree_path, place, kind)),
                    None => self.leave_out(path, "it is no file that a commit can hold"),
                },
            }
            path.truncate(before);
            if self.files.len() > FILES_MAX {
                let many = format!("it has more than {FILES_MAX} files");
                return Err(at(io::Error::other(many)));
            }
        }
        Ok(())
    }

    fn leave_out(&mut self, path: &[u8], why: &str) {
        let path = String::from_utf8_lossy(path);
        self.left_out.push(format!("{path}: {why}"));
    }
}

fn kind(metadata: &Metadata) -> Option<BlobKind> {
    if metadata.is_symlink() {
        Some(BlobKind::Symlink)
    } else if !metadata.is_file() || metadata.len() > FILE_BYTES_MAX {
        None
    } else if metadata.permissions().mode() & 0o100 != 0 {
        Some(BlobKind::Executable)
    } else {
        Some(BlobKind::Regular)
    }
}

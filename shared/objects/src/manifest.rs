//! Owns the snapshot manifest: its entries, its one canonical text, its digest.
//! Must never say where a blob lies: same tree, same digest.

use std::collections::HashSet;
use std::fmt::Write as _;

use contract::digest::Digest;
use contract::name::CommitSha;
use thiserror::Error;

use crate::path::{BadPath, TreePath, escape};

/// First line of every manifest.
pub const HEADER: &str = "assay-snapshot/1";
/// Longest manifest that is read, in bytes.
pub const MANIFEST_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A tree: its entries, sorted by the bytes of their paths.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    entries: Vec<Entry>,
}

/// One entry of a tree. Folders have none: they follow from the paths.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Where it is.
    pub path: TreePath,
    /// What is there.
    pub content: Content,
}

/// What an entry is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// Bytes that are kept.
    Blob(Blob),
    /// A commit of another repository: recorded, never followed.
    Gitlink(CommitSha),
}

/// Kept bytes and how git would lay them out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Blob {
    /// How the bytes are meant.
    pub kind: BlobKind,
    /// How many there are.
    pub bytes: u64,
    /// Their SHA-256.
    pub digest: Digest,
}

/// How a blob's bytes are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BlobKind {
    /// A file, mode 100644.
    Regular,
    /// A file that may be executed, mode 100755.
    Executable,
    /// The target of a symbolic link, mode 120000. Nobody has judged where it leads.
    Symlink,
}

/// The mode of a gitlink.
const GITLINK_MODE: &str = "160000";

impl BlobKind {
    /// All of them.
    const ALL: [Self; 3] = [Self::Regular, Self::Executable, Self::Symlink];

    /// The mode as git writes it.
    pub const fn mode(self) -> &'static str {
        match self {
            Self::Regular => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
        }
    }
}

/// Why a text, or a list of entries, is no manifest.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ManifestError {
    /// It does not begin with [`HEADER`], or does not end with a line feed.
    #[error("text is no manifest of {HEADER}")]
    Header,
    /// A line does not read.
    #[error("line {line} does not read as an entry")]
    Line {
        /// The line, from 1.
        line: usize,
    },
    /// A path is refused.
    #[error("path on line {line} is refused")]
    Path {
        /// The line, from 1.
        line: usize,
        /// Why.
        source: BadPath,
    },
    /// The text reads, but it is not the one way to write this tree.
    #[error("text is not the canonical one of its tree")]
    NotCanonical,
    /// A path is there twice.
    #[error("path {path} is there twice")]
    Twice {
        /// The path, escaped.
        path: String,
    },
    /// A path is an entry and also a folder: writing the tree could go through a symlink.
    #[error("path {path} is both an entry and a folder")]
    AlsoFolder {
        /// The path, escaped.
        path: String,
    },
}

impl Manifest {
    /// Makes a manifest of entries in any order.
    ///
    /// # Errors
    /// [`ManifestError::Twice`] and [`ManifestError::AlsoFolder`].
    pub fn new(mut entries: Vec<Entry>) -> Result<Self, ManifestError> {
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].path == pair[1].path) {
            let path = pair[0].path.to_string();
            return Err(ManifestError::Twice { path });
        }
        let paths: HashSet<&[u8]> = entries.iter().map(|e| e.path.as_bytes()).collect();
        let also_folder = entries
            .iter()
            .flat_map(|entry| entry.path.folders())
            .find(|folder| paths.contains(folder))
            .map(escape);
        match also_folder {
            Some(path) => Err(ManifestError::AlsoFolder { path }),
            None => Ok(Self { entries }),
        }
    }

    /// Reads the canonical text.
    ///
    /// # Errors
    /// [`ManifestError`] says what is wrong, and where.
    pub fn parse(text: &[u8]) -> Result<Self, ManifestError> {
        let text = std::str::from_utf8(text).map_err(|_| ManifestError::Header)?;
        let body = text
            .strip_prefix(HEADER)
            .and_then(|rest| rest.strip_prefix('\n'))
            .ok_or(ManifestError::Header)?;
        let entries = body
            .split_terminator('\n')
            .zip(2..)
            .map(|(text, line)| parse_entry(text, line))
            .collect::<Result<Vec<_>, _>>()?;
        let manifest = Self::new(entries)?;
        if manifest.to_text() == text {
            Ok(manifest)
        } else {
            Err(ManifestError::NotCanonical)
        }
    }

    /// The canonical text.
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADER}\n");
        for Entry { path, content } in &self.entries {
            let written = match content {
                Content::Blob(Blob {
                    kind,
                    bytes,
                    digest,
                }) => {
                    writeln!(text, "{} {bytes} {digest} {path}", kind.mode())
                }
                Content::Gitlink(commit) => writeln!(text, "{GITLINK_MODE} - {commit} {path}"),
            };
            written.expect("a String takes whatever is written to it");
        }
        text
    }

    /// SHA-256 of the canonical text: the snapshot's name.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_text().as_bytes())
    }

    /// The entries, sorted by path.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The kept blobs with their paths, sorted by path.
    pub fn blobs(&self) -> impl Iterator<Item = (&TreePath, &Blob)> {
        self.entries
            .iter()
            .filter_map(|entry| match &entry.content {
                Content::Blob(blob) => Some((&entry.path, blob)),
                Content::Gitlink(_) => None,
            })
    }

    /// How many files and symlinks it has.
    pub fn file_count(&self) -> u64 {
        self.blobs().count() as u64
    }

    /// The bytes of all its files together.
    pub fn total_bytes(&self) -> u64 {
        self.blobs().map(|(_, blob)| blob.bytes).sum()
    }
}

fn parse_entry(text: &str, line: usize) -> Result<Entry, ManifestError> {
    let unreadable = || ManifestError::Line { line };
    let mut parts = text.splitn(4, ' ');
    let mut next = || parts.next().ok_or_else(unreadable);
    let (mode, size, name, path) = (next()?, next()?, next()?, next()?);
    let path = path
        .parse()
        .map_err(|source| ManifestError::Path { line, source })?;
    let content = if mode == GITLINK_MODE && size == "-" {
        Content::Gitlink(name.parse().map_err(|_| unreadable())?)
    } else {
        let kinds = BlobKind::ALL;
        let kind = kinds.into_iter().find(|kind| kind.mode() == mode);
        Content::Blob(Blob {
            kind: kind.ok_or_else(unreadable)?,
            bytes: size.parse().map_err(|_| unreadable())?,
            digest: name.parse().map_err(|_| unreadable())?,
        })
    };
    Ok(Entry { path, content })
}

#[cfg(test)]
mod tests;

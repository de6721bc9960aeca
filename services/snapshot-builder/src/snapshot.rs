//! Owns the thought of a snapshot: what of a listed tree may be preserved, and what is too much.

use contract::name::CommitSha;
use objects::manifest::BlobKind;
use objects::path::{BadPath, TreePath, escape};
use thiserror::Error;

use crate::git::tree::TreeLine;

/// Most files, symlinks and gitlinks of a snapshot.
pub const FILES_MAX: usize = 20_000;
/// Most bytes of all files of a snapshot together.
pub const TOTAL_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Most bytes of one file.
pub const BLOB_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Longest path, in bytes.
pub const PATH_BYTES_MAX: usize = 1024;
/// Most parts of a path.
pub const DEPTH_MAX: usize = 64;
/// Longest target of a symlink, in bytes: Linux takes no longer one.
pub const TARGET_BYTES_MAX: u64 = 4095;
/// Longest part of a path that a refusal shows, in bytes.
const SHOWN_BYTES_MAX: usize = 120;

/// An entry that may be preserved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Planned {
    /// Where it is.
    pub path: TreePath,
    /// What it is.
    pub content: PlannedContent,
}

/// What a planned entry is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PlannedContent {
    /// A blob of this kind, with git's id for it and its size.
    Blob {
        /// The kind.
        kind: BlobKind,
        /// Git's id.
        id: String,
        /// Bytes.
        bytes: u64,
    },
    /// A commit of another repository.
    Gitlink(CommitSha),
}

/// Why a tree is refused: what and where.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum TreeRefused {
    /// Too many entries.
    #[error("the tree has more than {FILES_MAX} files")]
    Files,
    /// Too many bytes.
    #[error("the tree's files have more than {TOTAL_BYTES_MAX} bytes together")]
    TotalBytes,
    /// One file is too large.
    #[error("{path} has {bytes} bytes, more than {BLOB_BYTES_MAX}")]
    BlobBytes {
        /// Where, escaped.
        path: String,
        /// How many it has.
        bytes: u64,
    },
    /// A symlink's target is too long.
    #[error("the symlink {path} has a target of {bytes} bytes, more than {TARGET_BYTES_MAX}")]
    TargetBytes {
        /// Where, escaped.
        path: String,
        /// How many it has.
        bytes: u64,
    },
    /// A path is too long.
    #[error("{path}… is a path of more than {PATH_BYTES_MAX} bytes")]
    PathBytes {
        /// Its beginning, escaped.
        path: String,
    },
    /// A path has too many parts.
    #[error("{path} has more than {DEPTH_MAX} parts")]
    Depth {
        /// Where, escaped.
        path: String,
    },
    /// A path could harm whoever writes the tree.
    #[error("{path}: {reason}")]
    Path {
        /// Where, escaped.
        path: String,
        /// Which rule it breaks.
        reason: BadPath,
    },
    /// An entry is of no kind that git has.
    #[error("{path} has the unknown mode {mode}")]
    Mode {
        /// Where, escaped.
        path: String,
        /// The mode.
        mode: String,
    },
}

/// Judges a listed tree before a single blob is read.
///
/// # Errors
/// [`TreeRefused`]: the first line, or sum, that is beyond a limit.
pub fn plan(lines: Vec<TreeLine>) -> Result<Vec<Planned>, TreeRefused> {
    if lines.len() > FILES_MAX {
        return Err(TreeRefused::Files);
    }
    let mut total: u64 = 0;
    let mut planned = Vec::with_capacity(lines.len());
    for line in lines {
        total = total.saturating_add(line.bytes.unwrap_or(0));
        planned.push(plan_line(line)?);
        if total > TOTAL_BYTES_MAX {
            return Err(TreeRefused::TotalBytes);
        }
    }
    Ok(planned)
}

fn plan_line(line: TreeLine) -> Result<Planned, TreeRefused> {
    let TreeLine {
        mode,
        id,
        bytes,
        path: raw,
    } = line;
    let shown = || escape(&raw[..raw.len().min(SHOWN_BYTES_MAX)]);
    if raw.len() > PATH_BYTES_MAX {
        return Err(TreeRefused::PathBytes { path: shown() });
    }
    let refused = |reason| TreeRefused::Path {
        path: shown(),
        reason,
    };
    let path = TreePath::new(&*raw).map_err(refused)?;
    if path.depth() > DEPTH_MAX {
        return Err(TreeRefused::Depth { path: shown() });
    }
    let unknown = || TreeRefused::Mode {
        path: shown(),
        mode: mode.clone(),
    };
    let kind = match (mode.as_str(), bytes) {
        ("100644", Some(_)) => BlobKind::Regular,
        ("100755", Some(_)) => BlobKind::Executable,
        ("120000", Some(_)) => BlobKind::Symlink,
        ("160000", None) => {
            let commit = id.parse().map_err(|_| unknown())?;
            return Ok(Planned {
                path,
                content: PlannedContent::Gitlink(commit),
            });
        }
        _ => return Err(unknown()),
    };
    let bytes = bytes.unwrap_or(0);
    if kind == BlobKind::Symlink && bytes > TARGET_BYTES_MAX {
        return Err(TreeRefused::TargetBytes {
            path: shown(),
            bytes,
        });
    }
    if bytes > BLOB_BYTES_MAX {
        return Err(TreeRefused::BlobBytes {
            path: shown(),
            bytes,
        });
    }
    Ok(Planned {
        path,
        content: PlannedContent::Blob { kind, id, bytes },
    })
}

#[cfg(test)]
mod tests;

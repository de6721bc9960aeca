//! Owns the thought of a snapshot: what of a listed tree may be preserved, and what is too much.

use contract::name::CommitSha;
use objects::manifest::BlobKind;
use objects::path::{BadPath, TreePath, escape};
use thiserror::Error;

use crate::git::tree::TreeLine;
use crate::limits::Limits;

/// Longest part of a path, in bytes: Linux takes no longer one.
pub const NAME_BYTES_MAX: usize = 255;
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
    #[error("the tree has {files} files, more than {max}")]
    Files {
        /// How many it has.
        files: usize,
        /// How many it may have.
        max: usize,
    },
    /// Too many bytes.
    #[error("the tree's files have {bytes} bytes together, more than {max}")]
    TotalBytes {
        /// How many they have.
        bytes: u64,
        /// How many they may have.
        max: u64,
    },
    /// One file is too large.
    #[error("{path} has {bytes} bytes, more than {max}")]
    BlobBytes {
        /// Where, escaped.
        path: String,
        /// How many it has.
        bytes: u64,
        /// How many it may have.
        max: u64,
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
    #[error("{path}… is a path of {bytes} bytes, more than {max}")]
    PathBytes {
        /// Its beginning, escaped.
        path: String,
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        max: usize,
    },
    /// A part of a path is too long.
    #[error("{path}… has a part of {bytes} bytes, more than {NAME_BYTES_MAX}")]
    NameBytes {
        /// The path's beginning, escaped.
        path: String,
        /// How many the part has.
        bytes: usize,
    },
    /// A path has too many parts.
    #[error("{path} has {parts} parts, more than {max}")]
    Depth {
        /// Where, escaped.
        path: String,
        /// How many it has.
        parts: usize,
        /// How many it may have.
        max: usize,
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
pub fn plan(lines: Vec<TreeLine>, limits: &Limits) -> Result<Vec<Planned>, TreeRefused> {
    if lines.len() > limits.files_max {
        let (files, max) = (lines.len(), limits.files_max);
        return Err(TreeRefused::Files { files, max });
    }
    let mut bytes: u64 = 0;
    let mut planned = Vec::with_capacity(lines.len());
    for line in lines {
        bytes = bytes.saturating_add(line.bytes.unwrap_or(0));
        planned.push(plan_line(line, limits)?);
    }
    let max = limits.total_bytes_max;
    if bytes > max {
        return Err(TreeRefused::TotalBytes { bytes, max });
    }
    Ok(planned)
}

fn plan_line(line: TreeLine, limits: &Limits) -> Result<Planned, TreeRefused> {
    let TreeLine {
        mode,
        id,
        bytes,
        path: raw,
    } = line;
    let shown = || escape(&raw[..raw.len().min(SHOWN_BYTES_MAX)]);
    if raw.len() > limits.path_bytes_max {
        let (path, bytes, max) = (shown(), raw.len(), limits.path_bytes_max);
        return Err(TreeRefused::PathBytes { path, bytes, max });
    }
    let longest = raw.split(|&byte| byte == b'/').map(<[u8]>::len).max();
    if let Some(bytes) = longest.filter(|&bytes| bytes > NAME_BYTES_MAX) {
        let path = shown();
        return Err(TreeRefused::NameBytes { path, bytes });
    }
    let refused = |reason| TreeRefused::Path {
        path: shown(),
        reason,
    };
    let path = TreePath::new(&*raw).map_err(refused)?;
    let (parts, max) = (path.depth(), limits.depth_max);
    if parts > max {
        let path = shown();
        return Err(TreeRefused::Depth { path, parts, max });
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
    let max = limits.blob_bytes_max;
    if bytes > max {
        let path = shown();
        return Err(TreeRefused::BlobBytes { path, bytes, max });
    }
    Ok(Planned {
        path,
        content: PlannedContent::Blob { kind, id, bytes },
    })
}

#[cfg(test)]
mod tests;

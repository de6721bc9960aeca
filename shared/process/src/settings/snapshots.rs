//! Owns the settings of snapshot-builder: where it keeps its caches, and what a repository may
//! bring.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::settings::check::Check;
use crate::settings::error::SettingsError;

/// Most bytes of one file that any setting allows, in MiB: it is held in memory while it is kept,
/// and a verifier rebuilds no larger one.
pub const FILE_MIB_MAX: u64 = 256;

/// `[snapshots]`: snapshot-builder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Snapshots {
    /// Folder of the bare repositories that fetches go into; may be lost at any time.
    pub cache_folder: PathBuf,
    /// How long one fetch may take, in seconds.
    pub fetch_seconds_max: u64,
    /// Most files, symlinks and gitlinks of a tree; and most folders.
    pub files_max: usize,
    /// Largest file, in MiB.
    pub file_mib_max: u64,
    /// All files of a tree together, in MiB.
    pub total_mib_max: u64,
    /// Longest path, in bytes.
    pub path_bytes_max: usize,
    /// Most parts of a path.
    pub depth_max: usize,
    /// Most objects of a repository, its history included.
    pub objects_max: u64,
    /// Largest pack that is fetched, in MiB.
    pub pack_mib_max: u64,
    /// Memory of each git process, in MiB.
    pub git_memory_mib_max: u64,
    /// Processor time of each git process, in seconds.
    pub git_cpu_seconds_max: u64,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self {
            cache_folder: PathBuf::from(".assay/git-cache"),
            fetch_seconds_max: 120,
            files_max: 20_000,
            file_mib_max: 32,
            total_mib_max: 256,
            path_bytes_max: 1_024,
            depth_max: 64,
            objects_max: 1_000_000,
            pack_mib_max: 512,
            git_memory_mib_max: 1_024,
            git_cpu_seconds_max: 60,
        }
    }
}

impl Snapshots {
    pub(crate) fn check(&self, check: &Check<'_>) -> Result<(), SettingsError> {
        let setting = |key: &str| format!("snapshots.{key}");
        check.folder(&setting("cache_folder"), &self.cache_folder)?;
        check.number(&setting("files_max"), self.files_max, 1..=1_000_000)?;
        check.number(&setting("path_bytes_max"), self.path_bytes_max, 1..=4_096)?;
        check.number(&setting("depth_max"), self.depth_max, 1..=1_024)?;
        for (key, value, range) in [
            ("fetch_seconds_max", self.fetch_seconds_max, 1..=3_600),
            ("file_mib_max", self.file_mib_max, 1..=FILE_MIB_MAX),
            ("total_mib_max", self.total_mib_max, 1..=16_384),
            ("objects_max", self.objects_max, 1..=100_000_000),
            ("pack_mib_max", self.pack_mib_max, 1..=65_536),
            // Below this git itself has no room.
            ("git_memory_mib_max", self.git_memory_mib_max, 256..=65_536),
            ("git_cpu_seconds_max", self.git_cpu_seconds_max, 1..=3_600),
        ] {
            check.number(&setting(key), value, range)?;
        }
        Ok(())
    }
}

//! Owns what a snapshot may hold, and what fetching it may take. No IO.

use git::program::Bounds;
use process::settings::snapshots::Snapshots;

const MIB: u64 = 1024 * 1024;

/// What a snapshot may hold, and what fetching it may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Most files, symlinks and gitlinks of a snapshot; and most folders.
    pub files_max: usize,
    /// Most bytes of all files of a snapshot together.
    pub total_bytes_max: u64,
    /// Most bytes of one file.
    pub blob_bytes_max: u64,
    /// Longest path, in bytes.
    pub path_bytes_max: usize,
    /// Most parts of a path.
    pub depth_max: usize,
    /// Most objects of a repository's history, as far as it is fetched.
    pub objects_max: u64,
    /// What a git command may take.
    pub git: Bounds,
}

impl Default for Limits {
    fn default() -> Self {
        Self::of(&Snapshots::default())
    }
}

impl Limits {
    /// Those of the settings.
    pub fn of(settings: &Snapshots) -> Self {
        Self {
            files_max: settings.files_max,
            total_bytes_max: settings.total_mib_max * MIB,
            blob_bytes_max: settings.file_mib_max * MIB,
            path_bytes_max: settings.path_bytes_max,
            depth_max: settings.depth_max,
            objects_max: settings.objects_max,
            git: Bounds {
                file_bytes_max: settings.pack_mib_max * MIB,
                memory_bytes_max: settings.git_memory_mib_max * MIB,
                cpu_seconds_max: settings.git_cpu_seconds_max,
            },
        }
    }
}

//! Owns the file system of a run's own: a tmpfs that holds its tree, `/tmp` and `/dev/shm`, whose
//! size bounds the disk of all its files together, and their number. Root mounts it here; anybody
//! else has a holder that mounts it in namespaces of its own.

use std::ffi::{CString, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::statvfs;
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_remount, unmount};

use crate::sandbox::account;
use crate::sandbox::holder::Holder;

/// Room for the trees, before a step begins, in bytes: what a snapshot and a lab may hold, with
/// what their last pages leave empty.
const TREES_BYTES: u64 = 1024 * MIB;
/// Room for the trees' files and folders.
const TREES_INODES: u64 = 200_000;
/// Files and folders that a step may make for each MiB of disk, and at least.
const INODES_PER_MIB: u64 = 256;
const INODES_MIN: u64 = 4_096;
/// What is there beyond the limit, in bytes and inodes, so that one who reaches it is told from
/// one who runs into it.
const BEYOND_BYTES: u64 = 256 * 1024;
const BEYOND_INODES: u64 = 64;
/// Most mounts that are taken off one folder.
const LAYERS_MAX: usize = 16;
const FLAGS: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);
/// The same, as a holder's mount is told.
const HELD: &str = "nosuid,nodev,";
pub(super) const MIB: u64 = 1024 * 1024;

/// A mounted file system. Unmounted when dropped; what is in it is gone then.
#[derive(Debug)]
pub(super) struct Quota {
    /// Where it is mounted, for whoever sees its mount.
    mounted: PathBuf,
    reached: PathBuf,
    /// Whose mount it is; this process's own without.
    holder: Option<Holder>,
    /// What the trees took before the first step began.
    trees: OnceLock<Used>,
}

/// What is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Used {
    pub(super) bytes: u64,
    pub(super) inodes: u64,
}

impl Quota {
    /// Mounts one on an existing folder.
    pub(super) fn mount(path: &Path) -> io::Result<Self> {
        let options = options(TREES_BYTES, TREES_INODES, "mode=0700,");
        // Namespaces that know one user alone cannot hold files of another.
        if account::is_root() {
            let options = CString::new(options)?;
            mount("assay-run", path, "tmpfs", FLAGS, options.as_c_str())?;
            return Ok(Self::of(path, path.to_owned(), None));
        }
        let holder = Holder::mount(path, &format!("{HELD}{options}"))?;
        let inside = path.strip_prefix("/").unwrap_or(path);
        Ok(Self::of(path, holder.root().join(inside), Some(holder)))
    }

    fn of(mounted: &Path, reached: PathBuf, holder: Option<Holder>) -> Self {
        Self {
            mounted: mounted.to_owned(),
            reached,
            holder,
            trees: OnceLock::new(),
        }
    }

    /// Where this process finds it.
    pub(super) fn reached(&self) -> &Path {
        &self.reached
    }

    /// What a command line begins with that is to find it where it was mounted.
    pub(super) fn door(&self) -> Vec<OsString> {
        self.holder.as_ref().map(Holder::door).unwrap_or_default()
    }

    /// Leaves a step what is left of this much, over all steps of the run.
    pub(super) fn narrow(&self, disk_mib: u32) -> io::Result<Allowance> {
        let now = self.used()?;
        let trees = *self.trees.get_or_init(|| now);
        let disk = u64::from(disk_mib);
        let allowance = Allowance {
            trees,
            bytes: disk * MIB,
            inodes: (disk * INODES_PER_MIB).max(INODES_MIN),
        };
        let bytes = (trees.bytes + allowance.bytes).max(now.bytes) + BEYOND_BYTES;
        let inodes = (trees.inodes + allowance.inodes).max(now.inodes) + BEYOND_INODES;
        self.resize(bytes, inodes)?;
        Ok(allowance)
    }

    /// Gives the verifier room again, between two steps.
    pub(super) fn widen(&self) -> io::Result<()> {
        let now = self.used()?;
        self.resize(now.bytes + TREES_BYTES, now.inodes + TREES_INODES)
    }

    pub(super) fn used(&self) -> io::Result<Used> {
        let stat = statvfs(&self.reached)?;
        Ok(Used {
            bytes: (stat.f_blocks - stat.f_bfree) * stat.f_frsize,
            inodes: stat.f_files - stat.f_ffree,
        })
    }

    fn resize(&self, bytes: u64, inodes: u64) -> io::Result<()> {
        let options = options(bytes, inodes, "");
        match &self.holder {
            Some(holder) => holder.remount(&format!("{HELD}{options}")),
            None => Ok(mount_remount(&self.mounted, FLAGS, CString::new(options)?)?),
        }
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        // A holder takes its mount with it.
        if self.holder.is_none()
            && let Err(error) = take_off(&self.mounted)
        {
            tracing::warn!(folder = %self.mounted.display(), "left a mount behind: {error}");
        }
    }
}

/// What a step may add.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Allowance {
    trees: Used,
    bytes: u64,
    inodes: u64,
}

impl Allowance {
    /// What of it is used, in bytes.
    pub(super) fn taken(&self, used: Used) -> u64 {
        used.bytes.saturating_sub(self.trees.bytes)
    }

    /// What of it is left, in bytes, with what is there beyond it.
    pub(super) fn left(&self, used: Used) -> u64 {
        self.bytes.saturating_sub(self.taken(used)) + BEYOND_BYTES
    }

    /// Whether more is used than it allows.
    pub(super) fn is_exceeded(&self, used: Used) -> bool {
        self.taken(used) > self.bytes || used.inodes.saturating_sub(self.trees.inodes) > self.inodes
    }
}

/// Takes whatever is mounted off a folder.
pub(super) fn take_off(path: &Path) -> io::Result<()> {
    for _ in 0..LAYERS_MAX {
        match unmount(path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
            Ok(()) => {}
            // Nothing is mounted there, or nobody but root could have.
            Err(Errno::INVAL | Errno::NOENT | Errno::PERM) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::Error::other("too many mounts"))
}

fn options(bytes: u64, inodes: u64, more: &str) -> String {
    format!("{more}size={bytes},nr_inodes={inodes}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_trees_take_is_not_the_steps() {
        let trees = Used {
            bytes: 10 * MIB,
            inodes: 100,
        };
        let allowance = Allowance {
            trees,
            bytes: MIB,
            inodes: 8,
        };
        for (bytes, inodes, taken, exceeded) in [
            (10 * MIB, 100, 0, false),
            (9 * MIB, 90, 0, false),
            (11 * MIB, 108, MIB, false),
            (11 * MIB + 1, 100, MIB + 1, true),
            (10 * MIB, 109, 0, true),
        ] {
            let used = Used { bytes, inodes };
            assert_eq!(allowance.taken(used), taken, "{used:?}");
            assert_eq!(allowance.is_exceeded(used), exceeded, "{used:?}");
        }
        assert_eq!(allowance.left(trees), MIB + BEYOND_BYTES);
    }
}

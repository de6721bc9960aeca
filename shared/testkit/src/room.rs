//! Owns the folders that houses stand in: each locked by its test, and swept once that is gone.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};
use servers::folder::{self, DataFolder};

/// Most rooms that one process may try to name before that is a bug.
const ROOMS_MAX: u32 = 10_000;

/// Where testkit keeps its files: beside what cargo builds.
pub(crate) fn base() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let base = workspace
        .join(target.unwrap_or_else(|| "target".into()))
        .join("testkit");
    match fs::create_dir_all(base.join("rooms")).and_then(|()| base.canonicalize()) {
        Ok(base) if is_writable(&base) => base,
        // A test program that was carried away from its workspace, or is run by another user.
        _ => {
            let user = rustix::process::geteuid().as_raw();
            let base = std::env::temp_dir().join(format!("assay-testkit-{user}"));
            fs::create_dir_all(base.join("rooms")).expect("a folder for test servers");
            base.canonicalize().expect("the folder was just made")
        }
    }
}

/// The lock that orders who makes rooms and templates, and who removes them.
pub(crate) struct Gate(File);

impl Gate {
    pub(crate) fn of(base: &Path) -> Self {
        let path = base.join("gate");
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        Self(options.open(path).expect("the testkit's lock file"))
    }

    /// Waits until nobody removes or builds.
    pub(crate) fn enter(&self) {
        flock(&self.0, FlockOperation::LockShared).expect("the testkit's lock, shared");
    }

    /// Waits until nobody else is inside.
    pub(crate) fn enter_alone(&self) {
        flock(&self.0, FlockOperation::LockExclusive).expect("the testkit's lock, alone");
    }

    /// The same without waiting; says whether it came to be.
    pub(crate) fn try_enter_alone(&self) -> bool {
        flock(&self.0, FlockOperation::NonBlockingLockExclusive).is_ok()
    }

    pub(crate) fn leave(&self) {
        flock(&self.0, FlockOperation::Unlock).expect("the testkit's lock, given back");
    }
}

/// Makes a room of one's own. The caller is inside the gate.
pub(crate) fn make(base: &Path) -> Arc<DataFolder> {
    let rooms = base.join("rooms");
    let process = std::process::id();
    for number in 0..ROOMS_MAX {
        let room = rooms.join(format!("{process}-{number}"));
        if fs::create_dir(&room).is_ok() {
            return DataFolder::open(&room).expect("a room that nobody else knows");
        }
    }
    panic!("no free room in {}", rooms.display());
}

/// Removes the rooms of tests that were killed. Does nothing while others are inside the gate;
/// one of the next houses will.
pub(crate) fn sweep(base: &Path) {
    let gate = Gate::of(base);
    if !gate.try_enter_alone() {
        return;
    }
    for room in fs::read_dir(base.join("rooms"))
        .into_iter()
        .flatten()
        .flatten()
    {
        if DataFolder::open(&room.path()).is_ok() {
            // Servers may still be ending in it; what is left then is for the next sweep.
            let _ = folder::remove(&room.path());
        }
    }
    gate.leave();
}

fn is_writable(folder: &Path) -> bool {
    let ask = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::access(folder, ask).is_ok() && rustix::fs::access(folder.join("rooms"), ask).is_ok()
}

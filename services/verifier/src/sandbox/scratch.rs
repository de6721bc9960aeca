//! Owns the folders that boxes work in: made fresh, handed over to the box's user, removed whole.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, lchown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::sandbox::account::Account;

/// What the names of the runs' folders begin with.
const SLOT_PREFIX: &str = "slot-";
/// The files of the box's own `/etc`.
pub(super) const ETC_FILES: [&str; 4] = ["passwd", "group", "hosts", "nsswitch.conf"];
const ETC_TEXTS: [&str; 4] = [
    "learner:x:1000:1000::/work:/bin/sh\n",
    "learner:x:1000:\n",
    "127.0.0.1 localhost box\n::1 localhost box\n",
    "passwd: files\ngroup: files\nhosts: files\n",
];

/// The folder of one verifier's boxes. Held by one process at a time.
#[derive(Clone, Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    /// Locked as long as this process lives.
    _lock: Arc<File>,
}

impl Scratch {
    /// Makes the folder with the box's `/etc` in it. What an earlier process left of its runs is
    /// ended and removed.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o711).create(folder)?;
        let path = folder.canonicalize()?;
        let lock = File::create(path.join("lock"))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|errno| match errno {
            Errno::WOULDBLOCK => io::Error::other("another verifier uses it"),
            other => other.into(),
        })?;
        let scratch = Self {
            path,
            _lock: Arc::new(lock),
        };
        #[cfg(target_os = "linux")]
        crate::sandbox::leftover::end(&scratch.path);
        scratch.clean()?;
        let etc = scratch.etc();
        fs::create_dir_all(&etc)?;
        fs::set_permissions(&etc, Permissions::from_mode(0o755))?;
        for (name, text) in ETC_FILES.into_iter().zip(ETC_TEXTS) {
            let path = etc.join(name);
            fs::write(&path, text)?;
            fs::set_permissions(&path, Permissions::from_mode(0o644))?;
        }
        Ok(scratch)
    }

    /// The box's own `/etc`.
    pub(super) fn etc(&self) -> PathBuf {
        self.path.join("etc")
    }

    fn clean(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_string_lossy().starts_with(SLOT_PREFIX) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

/// A folder for one run. Removed when dropped, whatever the box made of it.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    work: PathBuf,
    account: Option<Account>,
}

impl RunFolder {
    pub(super) fn make(scratch: &Scratch, slot: u16, account: Option<Account>) -> io::Result<Self> {
        let path = scratch.path.join(format!("{SLOT_PREFIX}{slot}"));
        let work = path.join("work");
        remove(&path)?;
        let folder = Self {
            path,
            work,
            account,
        };
        fs::DirBuilder::new().mode(0o700).create(&folder.path)?;
        fs::DirBuilder::new().mode(0o700).create(&folder.work)?;
        folder.hand_over(&folder.path)?;
        folder.hand_over(&folder.work)?;
        Ok(folder)
    }

    /// The folder that the box works in.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// Gives a file, folder or symlink to the box's user.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn hand_over(&self, path: &Path) -> io::Result<()> {
        match self.account {
            Some(Account { id }) => lchown(path, Some(id), Some(id)),
            None => Ok(()),
        }
    }

    /// Makes the working folder enterable again, whatever a step did to it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn reopen(&self) -> io::Result<()> {
        fs::set_permissions(&self.work, Permissions::from_mode(0o700))
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.path) {
            tracing::warn!(folder = %self.path.display(), "left a run's folder behind: {error}");
        }
    }
}

/// Removes a file or a whole tree that may be hostile: deeper than any path may be, or closed to
/// its own owner. `rm` and `chmod` walk such trees without following a link.
pub fn remove(path: &Path) -> io::Result<()> {
    let tool = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).arg("--").arg(path);
        command.env_clear().env("PATH", "/usr/bin:/bin").output()
    };
    if fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Ok(());
    }
    let removed = tool("rm", &["-rf"])?;
    if removed.status.success() {
        return Ok(());
    }
    tool("chmod", &["-R", "u+rwX"])?;
    let removed = tool("rm", &["-rf"])?;
    if removed.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&removed.stderr);
    Err(io::Error::other(crate::harmless::line(&said, 200)))
}

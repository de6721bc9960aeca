//! Owns the folders that boxes work in: made fresh, handed over to the box's user, removed whole.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, lchown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::sandbox::account::Account;
use crate::sandbox::filter;
use crate::sandbox::quota::{self, Allowance, Quota, Used};
use crate::slots::Slot;

/// What the names of the runs' folders begin with.
const SLOT_PREFIX: &str = "slot-";
/// The files of the box's own `/etc`.
pub(super) const ETC_FILES: [&str; 4] = ["passwd", "group", "hosts", "nsswitch.conf"];
/// What each step finds empty: `/tmp` and `/dev/shm`.
const PRIVATE: [&str; 2] = ["tmp", "shm"];
/// What the box works in.
const WORK: &str = "work";
/// What a judge may read of the learner's, beside its working folder.
const SEALED: &str = "learner";
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
        fs::write(scratch.filter(), filter::bytes().map_err(io::Error::other)?)?;
        Ok(scratch)
    }

    /// The system call filter, as bubblewrap reads it.
    pub(super) fn filter(&self) -> PathBuf {
        self.path.join("filter.bpf")
    }

    /// The box's own `/etc`.
    pub(super) fn etc(&self) -> PathBuf {
        self.path.join("etc")
    }

    fn clean(&self) -> io::Result<()> {
        release(&self.path)?;
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

/// Whether the files of a run are bounded together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Size {
    /// By a file system of the run's own.
    Bounded,
    /// They are not.
    Unbounded,
}

/// A folder for one run. Removed when dropped, whatever the box made of it.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Where this process finds what is in it: another path where its file system is not this
    /// process's own.
    reached: PathBuf,
    work: PathBuf,
    account: Option<Account>,
    /// The file system that it is; a plain folder without.
    quota: Option<Quota>,
    /// The slot whose folder it is: free when this is gone, and not before.
    slot: Option<Arc<Slot>>,
}

impl RunFolder {
    pub(super) fn make(
        scratch: &Scratch,
        slot: u16,
        account: Option<Account>,
        size: Size,
    ) -> io::Result<Self> {
        let path = scratch.path.join(format!("{SLOT_PREFIX}{slot}"));
        quota::take_off(&path)?;
        remove(&path)?;
        let mut folder = Self {
            reached: path.clone(),
            work: path.join(WORK),
            path,
            account,
            quota: None,
            slot: None,
        };
        fs::DirBuilder::new().mode(0o700).create(&folder.path)?;
        if size == Size::Bounded {
            let quota = Quota::mount(&folder.path)?;
            folder.reached = quota.reached().to_owned();
            folder.work = folder.reached.join(WORK);
            folder.quota = Some(quota);
        }
        fs::DirBuilder::new().mode(0o700).create(&folder.work)?;
        folder.hand_over(&folder.reached)?;
        folder.hand_over(&folder.work)?;
        Ok(folder)
    }

    /// Keeps the slot taken until the folder is gone, whoever drops it.
    pub(crate) fn keep(&mut self, slot: Option<Arc<Slot>>) {
        self.slot = slot;
    }

    /// Whom the box's processes belong to outside it.
    pub fn account(&self) -> Option<Account> {
        self.account
    }

    /// What a box's command line begins with that is to find the folder.
    pub(super) fn door(&self) -> Vec<OsString> {
        self.quota.as_ref().map(Quota::door).unwrap_or_default()
    }

    /// Where the box's maker finds the folder that it works in.
    pub(super) fn work_inside(&self) -> PathBuf {
        self.path.join(WORK)
    }

    /// What becomes `/tmp` and `/dev/shm`, if the run has a file system of its own.
    pub(super) fn private(&self) -> Option<[PathBuf; 2]> {
        let quota = self.quota.as_ref();
        quota.map(|_| PRIVATE.map(|name| self.path.join(name)))
    }

    /// Empties what only one step may see, and leaves the next one what it may add of files. With
    /// what is used before it begins; `None` in a plain folder.
    pub(super) fn prepare(&self, disk_mib: u32) -> io::Result<Option<(Allowance, Used)>> {
        let Some(quota) = &self.quota else {
            return Ok(None);
        };
        for name in PRIVATE {
            let path = self.reached.join(name);
            remove(&path)?;
            fs::create_dir(&path)?;
            fs::set_permissions(&path, Permissions::from_mode(0o1777))?;
            self.hand_over(&path)?;
        }
        let allowance = quota.narrow(disk_mib)?;
        Ok(Some((allowance, quota.used()?)))
    }

    /// Gives the verifier room again when the step's box is gone.
    pub(super) fn widen(&self) -> io::Result<()> {
        self.quota.as_ref().map_or(Ok(()), Quota::widen)
    }

    /// What is used of the run's file system, if it has one.
    pub(super) fn used(&self) -> Option<Used> {
        self.quota.as_ref()?.used().ok()
    }

    /// The folder that the box works in, as this process finds it.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// Makes a folder that the box finds as `/learner` and can only read: it stays this process's
    /// own, whoever the box is.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn make_sealed(&self) -> io::Result<PathBuf> {
        let path = self.reached.join(SEALED);
        fs::DirBuilder::new().mode(0o755).create(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        Ok(path)
    }

    /// Where the box's maker finds the folder that the box can only read, if one was made.
    pub(super) fn sealed(&self) -> Option<PathBuf> {
        let is_there = self.reached.join(SEALED).is_dir();
        is_there.then(|| self.path.join(SEALED))
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
        // All that is in it goes with it.
        drop(self.quota.take());
        if let Err(error) = remove(&self.path) {
            tracing::warn!(folder = %self.path.display(), "left a run's folder behind: {error}");
        }
    }
}

/// Takes off what a killed verifier left mounted in its scratch folder, so that it can be removed.
///
/// # Errors
/// Those of the file system.
pub fn release(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(SLOT_PREFIX) {
            quota::take_off(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a file or a whole tree that may be hostile: deeper than any path may be, or closed to
/// its own owner. `rm` and `chmod` walk such trees without following a link.
pub fn remove(path: &Path) -> io::Result<()> {
    let tool = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).arg("--").arg(path);
        command.env_clear().env("PATH", "/usr/bin:/bin").output()
    };
    match fs::remove_dir(path) {
        // What was a file system's is empty without it: no program is needed.
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(_) => {}
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
    Err(io::Error::other(report::harmless::line(&said, 200)))
}

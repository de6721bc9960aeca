//! Owns the data folder: makes it, and sees to it that it has one owner at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{self, Path, PathBuf};
use std::sync::Arc;

use rand::RngCore;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::{ServerError, file};
use crate::place;
use crate::postgres::SOCKET;

/// Random bytes that tell one data folder from another.
const IDENTITY_BYTES: usize = 8;

/// The folder under which private servers keep everything, held by this process.
/// The kernel gives it free when the process ends, however it ends.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    identity: String,
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if need be and takes it. Fails at once, with `Locked`, when another
    /// process (or another part of this one) has it.
    pub fn open(folder: &Path) -> Result<Arc<Self>, ServerError> {
        let absolute = path::absolute(folder).map_err(file("find folder", folder))?;
        place::make(&absolute)?;
        let path = absolute
            .canonicalize()
            .map_err(file("find folder", &absolute))?;
        let lock = lock(&path)?;
        let identity = identity(&path)?;
        Ok(Arc::new(Self {
            path,
            identity,
            _lock: lock,
        }))
    }

    /// The folder's absolute path, without symbolic links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder that stands for this one for children without privileges; see [`place`]. A data
    /// folder that was removed and made again does not find the old one's files there.
    pub fn reachable(&self) -> PathBuf {
        place::reachable_as(&self.path, &self.identity)
    }
}

/// Removes a data folder that nobody owns any more, and what lies elsewhere for it.
pub fn remove(folder: &Path) -> Result<(), ServerError> {
    let identity = fs::read_to_string(folder.join("identity")).unwrap_or_default();
    let elsewhere = place::reachable_as(folder, &identity);
    let sockets = place::socket_folder(&elsewhere.join("postgres"), SOCKET);
    // The data folder last: as long as it is there, the rest can be found by it.
    for path in [&sockets, &elsewhere, folder] {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(file("remove", path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn lock(folder: &Path) -> Result<File, ServerError> {
    let path = folder.join("lock");
    let mut lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(file("open lock", &path))?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            let mut owner = String::new();
            // Only for the message: the lock itself has already decided.
            let _ = lock.read_to_string(&mut owner);
            let owner = format!("process {}", owner.trim());
            return Err(ServerError::Locked {
                folder: folder.to_owned(),
                owner,
            });
        }
        Err(errno) => return Err(file("lock", &path)(errno.into())),
    }
    lock.set_len(0)
        .and_then(|()| writeln!(lock, "{}", std::process::id()))
        .map_err(file("write lock", &path))?;
    Ok(lock)
}

/// What tells this folder from another one at the same path; made once.
fn identity(folder: &Path) -> Result<String, ServerError> {
    let path = folder.join("identity");
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        other => return other.map_err(file("read", &path)),
    }
    let mut bytes = [0; IDENTITY_BYTES];
    rand::thread_rng().fill_bytes(&mut bytes);
    let identity = hex::encode(bytes);
    let new = folder.join("identity.new");
    fs::write(&new, &identity)
        .and_then(|()| fs::rename(&new, &path))
        .map_err(file("write", &path))?;
    Ok(identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_refused_with_the_first_ones_process_id() {
        let temp = tempfile::tempdir().unwrap();
        let first = DataFolder::open(&temp.path().join("data")).unwrap();

        let refused = DataFolder::open(first.path()).unwrap_err().to_string();
        assert!(
            refused.contains(&format!("process {}", std::process::id())),
            "{refused}"
        );

        let path = first.path().to_owned();
        drop(first);
        DataFolder::open(&path).unwrap();
    }
}

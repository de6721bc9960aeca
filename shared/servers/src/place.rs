//! Owns the rule of where files lie that an account without privileges must reach.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::account::{self, Account};
use crate::error::{ServerError, file};

/// Where files go whose own place cannot be reached; one folder per data folder below it.
const ELSEWHERE: &str = "/var/lib/assay";
/// Longest path of a unix socket that every system takes, in bytes (macOS: 104 with its end).
const SOCKET_PATH_BYTES_MAX: usize = 103;
/// Hexadecimal digits of a folder's hash: enough that two folders of one machine differ.
const HASH_DIGITS: usize = 12;

/// The folder that stands for `folder` for children without privileges: `folder` itself where the
/// account can get there (always, when this process is not root), else
/// `/var/lib/assay/<hash of folder>`. It need not exist, and is not made.
pub fn reachable(folder: &Path) -> PathBuf {
    reachable_as(folder, "")
}

/// The same for a folder with an identity: another folder at the same path stands elsewhere.
pub(crate) fn reachable_as(folder: &Path, identity: &str) -> PathBuf {
    match account::unprivileged() {
        Some(account) if !can_reach(folder, account) => {
            Path::new(ELSEWHERE).join(hash(folder, identity))
        }
        _ => folder.to_owned(),
    }
}

/// Makes `folder` and its missing parents so that others may pass through, but not look around.
pub(crate) fn make(folder: &Path) -> Result<(), ServerError> {
    let mut builder = fs::DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o711)
        .create(folder)
        .map_err(file("make folder", folder))
}

/// A folder for the sockets of the server whose files are in `folder`: inside it, or in `/tmp`
/// where the path would be longer than a socket's may be.
pub(crate) fn socket_folder(folder: &Path, socket: &str) -> PathBuf {
    let inside = folder.join("socket");
    if inside.as_os_str().len() + 1 + socket.len() <= SOCKET_PATH_BYTES_MAX {
        return inside;
    }
    Path::new("/tmp").join(format!("assay-{}", hash(folder, "")))
}

/// Whether `account` may pass through every existing folder on the way to `folder`.
fn can_reach(folder: &Path, account: Account) -> bool {
    folder
        .ancestors()
        .all(|ancestor| match fs::metadata(ancestor) {
            Ok(meta) => may_pass((meta.mode(), meta.uid(), meta.gid()), account),
            // It does not exist yet; `make` lets others through.
            Err(_) => true,
        })
}

fn may_pass((mode, owner, group): (u32, u32, u32), account: Account) -> bool {
    let bit = match () {
        () if owner == account.user => 0o100,
        () if group == account.group => 0o010,
        () => 0o001,
    };
    mode & bit != 0
}

fn hash(folder: &Path, identity: &str) -> String {
    let state = Sha256::new_with_prefix(folder.as_os_str().as_encoded_bytes());
    let mut digits = hex::encode(state.chain_update([0]).chain_update(identity).finalize());
    digits.truncate(HASH_DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: Account = Account {
        user: 101,
        group: 104,
    };

    #[test]
    fn a_folder_is_passed_by_the_bit_that_counts_for_the_account() {
        for (mode, owner, group, passes) in [
            (0o755, 0, 0, true),
            (0o711, 0, 0, true),
            (0o700, 0, 0, false),
            (0o750, 0, 104, true),
            (0o700, 101, 0, true),
            (0o077, 101, 0, false),
            (0o701, 0, 104, false),
        ] {
            assert_eq!(
                may_pass((mode, owner, group), ACCOUNT),
                passes,
                "{mode:o} {owner}:{group}"
            );
        }
    }

    #[test]
    fn a_socket_moves_to_tmp_only_when_its_path_would_be_too_long() {
        let socket = ".s.PGSQL.5432";
        let fits = "x".repeat(SOCKET_PATH_BYTES_MAX - "//socket/".len() - socket.len());
        let fits = PathBuf::from(format!("/{fits}"));
        assert_eq!(socket_folder(&fits, socket), fits.join("socket"));

        let long = PathBuf::from(format!("{}y", fits.display()));
        let moved = socket_folder(&long, socket);
        assert!(moved.starts_with("/tmp"), "{}", moved.display());
        assert_eq!(moved, socket_folder(&long, socket));
    }
}

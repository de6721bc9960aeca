//! Owns what a tool folder is: its digest, over every path, mode and byte, and its fingerprint,
//! which changes with whatever may have changed them.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use contract::digest::Digest;
use objects::path::escape;
use sha2::{Digest as _, Sha256};

/// First line of the text whose digest is a tool folder's.
const HEADER: &str = "assay-tools/1\n";
/// Most files, folders and links of a tool folder.
pub const ENTRIES_MAX: usize = 200_000;
/// Bytes that are read at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// What a tool folder is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Content {
    /// The digest of it all.
    pub digest: Digest,
    /// How many files and links.
    pub files: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// How a tool folder looks without its bytes: places, sizes, and times that only the kernel sets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fingerprint(Digest);

/// Reads a whole folder. The digest is that of a text with one line for each file, link and folder,
/// sorted by path: `file|exec <bytes> <sha-256> <path>`, `link <target> <path>`, `folder <path>`,
/// paths escaped.
///
/// # Errors
/// Those of the file system; what is neither file, link nor folder, and what runs as somebody else.
pub fn digest(folder: &Path) -> io::Result<Content> {
    let mut content = Content {
        digest: Digest::of(b""),
        files: 0,
        bytes: 0,
    };
    let mut text = Sha256::new_with_prefix(HEADER);
    for (path, data) in walk(folder)? {
        let place = escape(relative(folder, &path));
        let line = if data.is_dir() {
            format!("folder {place}\n")
        } else if data.is_symlink() {
            content.files += 1;
            let target = fs::read_link(&path)?;
            format!("link {} {place}\n", escape(target.as_os_str().as_bytes()))
        } else if data.is_file() && data.mode() & 0o6000 == 0 {
            let (digest, bytes) = read(&path)?;
            content.files += 1;
            content.bytes += bytes;
            let kind = if data.mode() & 0o111 == 0 {
                "file"
            } else {
                "exec"
            };
            format!("{kind} {bytes} {digest} {place}\n")
        } else {
            let what = "is neither file, link nor folder, or runs as somebody else";
            return Err(io::Error::other(format!("{} {what}", path.display())));
        };
        text.update(line.as_bytes());
    }
    content.digest = Digest::from_bytes(text.finalize().into());
    Ok(content)
}

/// Looks at a whole folder without reading a file.
///
/// # Errors
/// Those of the file system.
pub fn fingerprint(folder: &Path) -> io::Result<Fingerprint> {
    let mut text = Sha256::new();
    for (path, data) in walk(folder)? {
        let times = [
            data.mtime(),
            data.mtime_nsec(),
            data.ctime(),
            data.ctime_nsec(),
        ];
        text.update(relative(folder, &path));
        text.update([0]);
        for number in [data.dev(), data.ino(), data.size(), data.mode().into()] {
            text.update(number.to_be_bytes());
        }
        for time in times {
            text.update(time.to_be_bytes());
        }
    }
    Ok(Fingerprint(Digest::from_bytes(text.finalize().into())))
}

/// Everything below a folder, sorted by the bytes of its path; no link is followed.
fn walk(folder: &Path) -> io::Result<Vec<(PathBuf, Metadata)>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let data = entry.metadata()?;
            if data.is_dir() {
                open.push(entry.path());
            }
            found.push((entry.path(), data));
            if found.len() > ENTRIES_MAX {
                let what = format!("it has more than {ENTRIES_MAX} entries");
                return Err(io::Error::other(what));
            }
        }
    }
    found.sort_by(|(a, _), (b, _)| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    Ok(found)
}

fn relative<'a>(folder: &Path, path: &'a Path) -> &'a [u8] {
    let inside = path.strip_prefix(folder).unwrap_or(path);
    inside.as_os_str().as_bytes()
}

fn read(path: &Path) -> io::Result<(Digest, u64)> {
    let mut file = File::open(path)?;
    let (mut sum, mut bytes) = (Sha256::new(), 0);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = file.read(&mut chunk)?;
        if length == 0 {
            return Ok((Digest::from_bytes(sum.finalize().into()), bytes));
        }
        sum.update(&chunk[..length]);
        bytes += length as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        fs::write(folder.path().join("bin/tool"), "#!/bin/sh\n").unwrap();
        fs::write(folder.path().join("data"), "1").unwrap();
        symlink("data", folder.path().join("link")).unwrap();
        folder
    }

    #[test]
    fn the_same_content_has_the_same_digest_and_any_change_another() {
        let (one, two) = (folder(), folder());
        let of = |folder: &tempfile::TempDir| digest(folder.path()).unwrap();
        assert_eq!(of(&one), of(&two));
        assert_eq!((of(&one).files, of(&one).bytes), (3, 11));
        let before = of(&one);
        let path = |name: &str| two.path().join(name);
        let mut seen = vec![before.digest];
        let mut differs = |what: &str| {
            let digest = of(&two).digest;
            assert!(!seen.contains(&digest), "{what}");
            seen.push(digest);
        };
        fs::write(path("data"), "2").unwrap();
        differs("a byte");
        fs::set_permissions(path("bin/tool"), Permissions::from_mode(0o755)).unwrap();
        differs("that it can be run");
        fs::rename(path("data"), path("date")).unwrap();
        differs("a name");
        fs::remove_file(path("link")).unwrap();
        symlink("elsewhere", path("link")).unwrap();
        differs("where a link leads");
        fs::create_dir(path("empty")).unwrap();
        differs("an empty folder");
        fs::set_permissions(path("date"), Permissions::from_mode(0o4755)).unwrap();
        let refused = digest(two.path()).unwrap_err().to_string();
        assert!(refused.contains("runs as somebody else"), "{refused}");
    }

    #[test]
    fn a_fingerprint_changes_with_content_that_keeps_its_size_and_its_time() {
        let folder = folder();
        let path = folder.path().join("data");
        let before = fingerprint(folder.path()).unwrap();
        assert_eq!(fingerprint(folder.path()).unwrap(), before);
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        // Renamed into its place, so that no clock's grain can hide it.
        fs::write(folder.path().join("new"), "2").unwrap();
        fs::rename(folder.path().join("new"), &path).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(modified).unwrap();
        assert_ne!(fingerprint(folder.path()).unwrap(), before);
    }
}

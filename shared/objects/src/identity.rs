//! Owns by what a folder of objects is known again: a file in it with a name that nobody else has.
//! An empty folder in its place, as a mount point whose file system is away, does not have it.

use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use uuid::Uuid;

/// The file.
pub(crate) const IDENTITY: &str = "identity";

/// The folder's identity; a folder without one is given one. Of several who give it one at a
/// time, the first decides.
///
/// # Errors
/// What the file system answers.
pub(crate) fn of_folder(folder: &Path) -> io::Result<String> {
    let place = folder.join(IDENTITY);
    match std::fs::read_to_string(&place) {
        Err(err) if err.kind() == ErrorKind::NotFound => {}
        read => return read,
    }
    let identity = Uuid::now_v7().to_string();
    let draft = folder.join(format!("{IDENTITY}.{identity}"));
    let mut file = File::create_new(&draft)?;
    file.write_all(identity.as_bytes())?;
    file.sync_all()?;
    // Whole, or not there; and never in the place of one that is there.
    let linked = std::fs::hard_link(&draft, &place);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(err) if err.kind() != ErrorKind::AlreadyExists => return Err(err),
        _ => File::open(folder)?.sync_all()?,
    }
    std::fs::read_to_string(&place)
}

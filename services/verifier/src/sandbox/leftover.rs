//! Owns the end of boxes whose verifier was killed while it made them. bubblewrap dies with its
//! parent, but its child asks for that only after it has heard from it: killed in between, the
//! parent leaves a child that waits for ever. It runs nothing, and nobody else would end it.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Kills every bubblewrap that was started for a box in this folder. The caller holds the folder's
/// lock, so whoever is left there is nobody's.
pub(super) fn end(folder: &Path) {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes {
        let name = process.file_name();
        let id = name.to_str().and_then(|name| name.parse().ok());
        let Some(id) = id.and_then(Pid::from_raw) else {
            continue;
        };
        // Held before it is looked at: its id could be another's by the time of the signal.
        let Ok(held) = pidfd_open(id, PidfdFlags::empty()) else {
            continue;
        };
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        if is_box_in(&line, folder) {
            tracing::info!(pid = id.as_raw_nonzero().get(), "ending a leftover box");
            // One that ended meanwhile is what we want.
            let _ = pidfd_send_signal(&held, Signal::KILL);
        }
    }
}

/// Whether a command line, its words ended by zeros, is bubblewrap's, with a path in the folder
/// among its words.
fn is_box_in(line: &[u8], folder: &Path) -> bool {
    let mut words = line.split(|byte| *byte == 0);
    let program = words.next().unwrap_or_default();
    let inside = |word: &[u8]| {
        let rest = word.strip_prefix(folder.as_os_str().as_bytes());
        rest.is_some_and(|rest| rest.starts_with(b"/"))
    };
    program.ends_with(b"/bwrap") && words.any(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_known_by_its_program_and_a_path_in_the_folder() {
        let folder = Path::new("/data/scratch");
        for (line, is) in [
            (
                "/usr/bin/bwrap\0--bind\0/data/scratch/slot-0/work\0/work\0",
                true,
            ),
            (
                "/usr/bin/bwrap\0--bind\0/data/scratch-2/slot-0\0/work\0",
                false,
            ),
            ("/usr/bin/bwrap\0--bind\0/data/scratch\0/work\0", false),
            ("/usr/bin/less\0/data/scratch/slot-0/work\0", false),
            ("/usr/bin/bwrap\0", false),
            ("", false),
        ] {
            assert_eq!(is_box_in(line.as_bytes(), folder), is, "{line:?}");
        }
    }
}

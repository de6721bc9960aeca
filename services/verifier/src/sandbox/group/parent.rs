//! Owns the readiness of the group that boxes' groups are made in, where version two asks for it:
//! controllers are enabled for the groups within, and then it must have no processes of its own.

use std::fs;
use std::io;
use std::path::Path;

use rustix::io::Errno;

use crate::sandbox::group::layout::ASIDE;

/// What bounds and counts a box.
pub(super) const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];

/// Whose group it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Whose {
    /// The one that this process is in.
    Own,
    /// One that the settings name.
    Configured,
}

/// Enables the controllers for the groups within. Where our own group refuses because it has
/// processes, this one steps aside into a group within it; others are never moved.
///
/// # Errors
/// What could not be enabled, why, and what to do.
pub(super) fn enable(parent: &Path, controllers: &[&str], whose: Whose) -> Result<(), String> {
    let control = parent.join("cgroup.subtree_control");
    let enabled = fs::read_to_string(&control).unwrap_or_default();
    let lacks = |name: &&&str| !enabled.split_whitespace().any(|enabled| enabled == **name);
    let wanted: Vec<_> = controllers
        .iter()
        .filter(lacks)
        .map(|name| format!("+{name}"))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let wanted = wanted.join(" ");
    let mut written = fs::write(&control, &wanted);
    let is_busy = |error: &io::Error| Errno::from_io_error(error) == Some(Errno::BUSY);
    if whose == Whose::Own && written.as_ref().is_err_and(is_busy) {
        written = step_aside(parent).and_then(|()| fs::write(&control, &wanted));
    }
    written.map_err(|error| {
        format!(
            "{wanted} cannot be enabled in {}: {error}; give verifier.control_group a delegated \
             group without processes of its own",
            parent.display()
        )
    })
}

/// Moves this process, and with it whatever it starts from now on, into a group within its own.
fn step_aside(parent: &Path) -> io::Result<()> {
    let aside = parent.join(ASIDE);
    match fs::create_dir(&aside) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    fs::write(aside.join("cgroup.procs"), "0")
}

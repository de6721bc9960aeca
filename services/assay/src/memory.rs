//! Owns what glibc is told of the memory of a process that runs for long.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// From how many bytes on memory is asked of the kernel by itself, and goes back to it when it is given
/// back. By itself glibc takes the largest that was ever given back, up to 32 MiB: after the first large
/// body all others lie among small things, and where they lay is kept (docs/PERFORMANCE.md).
const TOLD: (&str, &str) = ("MALLOC_MMAP_THRESHOLD_", "1048576");

/// Has glibc told. It reads its environment before anything of ours runs, so the program starts itself
/// anew, in this same process; where that cannot be done, it goes on with more memory. What an operator
/// has told it stays; another libc does not know the name.
pub(crate) fn tell() {
    if !cfg!(target_env = "gnu") || std::env::var_os(TOLD.0).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    let mut arguments = std::env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    // It comes back only where it failed.
    let _ = command.args(arguments).env(TOLD.0, TOLD.1).exec();
}

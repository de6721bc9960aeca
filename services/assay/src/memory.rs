//! Owns what glibc is told of the memory of a process that runs for long.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// From how many bytes on memory is asked of the kernel by itself, and goes back to it when it is given
/// back. By itself glibc takes the largest that was ever given back, up to 32 MiB: after the first large
/// body all others lie among small things, and where they lay is kept (docs/PERFORMANCE.md).
const TOLD: (&str, &str) = ("MALLOC_MMAP_THRESHOLD_", "1048576");

/// Has glibc told. It reads its environment before anything of ours runs, so the program starts itself
/// anew, in this same process; where that cannot be done, it says so and goes on. What an operator
/// has told it stays; another libc does not know the name.
pub(crate) fn tell() {
    if !cfg!(target_env = "gnu") || std::env::var_os(TOLD.0).is_some() {
        return;
    }
    let error = match std::env::current_exe() {
        Ok(program) => start_anew(&program),
        Err(error) => error,
    };
    // Nothing else can tell of it yet.
    eprintln!("assay: go on without giving large memory back: start anew: {error}");
}

/// Comes back only where it failed.
fn start_anew(program: &Path) -> io::Error {
    let mut arguments = std::env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    command.args(arguments).env(TOLD.0, TOLD.1).exec()
}

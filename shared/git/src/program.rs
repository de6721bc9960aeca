//! Owns the hardened environment in which the `git` program runs: nothing of the user's or the
//! machine's configuration, no prompt, no hook, no filter, no protocol but the origin's own.
//! Each line answers an attack on those who fetch strangers' repositories.

use std::ffi::OsStr;
use std::path::Path;

use tokio::process::Command;

/// Largest file that git may write, in bytes: a pack beyond it is refused while it arrives.
pub const PACK_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// The unit of `ulimit -f`.
const ULIMIT_BLOCK_BYTES: u64 = 512;

/// Options of every command. An empty value takes away what a default would run.
const HARDENED: [&str; 19] = [
    "core.hooksPath=/dev/null",
    "core.symlinks=false",
    "core.fsmonitor=false",
    "core.askPass=",
    "credential.helper=",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "fetch.fsckObjects=true",
    "fetch.writeCommitGraph=false",
    "filter.lfs.smudge=",
    "filter.lfs.process=",
    "filter.lfs.required=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.version=2",
    "http.followRedirects=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
    "i18n.logOutputEncoding=UTF-8",
];

/// Which protocols a command may use.
#[derive(Clone, Copy, Debug)]
pub enum Reach<'a> {
    /// None: it works on what is in the cache.
    Cache,
    /// The one of this scheme.
    Scheme(&'static str),
    /// A folder of this machine, whoever owns it, by way of this file of configuration.
    Folder {
        /// Says that any folder is safe: the operator named it.
        configuration: &'a Path,
    },
}

/// What a file of configuration for [`Reach::Folder`] holds.
pub const FOLDER_CONFIGURATION: &str = "[safe]\n\tdirectory = *\n";

/// A git command on the bare repository in `repository`.
pub fn git(repository: &Path, reach: Reach<'_>) -> Command {
    let mut command = outside(reach);
    command.arg("--git-dir").arg(repository);
    command
}

/// A git command that works on no repository here: git's options may follow, then its command.
pub fn outside(reach: Reach<'_>) -> Command {
    // The shell sets the limit that git and its children inherit. If there is a lower one already,
    // that one holds.
    let mut command = Command::new("sh");
    let blocks = PACK_BYTES_MAX / ULIMIT_BLOCK_BYTES;
    command
        .arg("-c")
        .arg("ulimit -f \"$0\" 2>/dev/null; exec git \"$@\"");
    command.arg(blocks.to_string());
    harden(&mut command, reach);
    command
}

fn harden(command: &mut Command, reach: Reach<'_>) {
    command.env_clear();
    command.envs(std::env::vars_os().filter(|(name, _)| name == "PATH"));
    let configuration = match reach {
        Reach::Folder { configuration } => configuration.as_os_str(),
        Reach::Cache | Reach::Scheme(_) => OsStr::new("/dev/null"),
    };
    command
        // Without a home there is neither a .netrc nor a key.
        .env("HOME", "/dev/null")
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", configuration)
        .env("GIT_ATTR_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
    for option in HARDENED {
        command.args(["-c", option]);
    }
    command.args(["-c", "protocol.allow=never"]);
    let protocol = match reach {
        Reach::Cache => return,
        Reach::Scheme(scheme) => scheme,
        Reach::Folder { .. } => "file",
    };
    command
        .arg("-c")
        .arg(format!("protocol.{protocol}.allow=always"));
}

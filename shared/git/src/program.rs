//! Owns the hardened environment in which the `git` program runs: nothing of the user's or the
//! machine's configuration, no prompt, no hook, no filter, no protocol but the origin's own, bounds
//! on what it takes. Each line answers an attack on those who fetch strangers' repositories.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use tokio::process::Command;

use crate::access::Login;
use crate::route::Route;

/// The unit of `ulimit -f`.
const FILE_BLOCK_BYTES: u64 = 512;
/// The unit of `ulimit -v`.
const MEMORY_BLOCK_BYTES: u64 = 1024;

/// What each process of a git command may take at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Largest file that it may write, in bytes: a larger pack is refused while it arrives.
    pub file_bytes_max: u64,
    /// Memory, in bytes. A large blob goes through; a large commit or tree must fit.
    pub memory_bytes_max: u64,
    /// Processor time, in seconds: a small pack may unpack to terabytes.
    pub cpu_seconds_max: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            file_bytes_max: 512 * 1024 * 1024,
            memory_bytes_max: 1024 * 1024 * 1024,
            cpu_seconds_max: 60,
        }
    }
}

/// Runs git under the limits that its first three arguments are. A file that would be too large is
/// then an error that git names, and no signal that nobody sees. Where there is a lower one
/// already, that one holds.
const BOUNDED: &str = "trap '' XFSZ
    for limit in f v t; do ulimit -$limit \"$1\" 2>/dev/null; shift; done; exec git \"$@\"";
/// The same, but git is begun once its input is at an end: what takes a shell its time is over by then.
const BOUNDED_AT_A_GATE: &str = "trap '' XFSZ
    for limit in f v t; do ulimit -$limit \"$1\" 2>/dev/null; shift; done; read -r _; exec git \"$@\"";
/// As the first, with what comes in by standard input handed on as descriptor three: a login, for the
/// one program of git's that asks for it.
const BOUNDED_WITH_LOGIN: &str = "exec 3<&0 0</dev/null; trap '' XFSZ
    for limit in f v t; do ulimit -$limit \"$1\" 2>/dev/null; shift; done; exec git \"$@\"";
/// How git asks for the login: the pipe gives it once, and whoever asks again gets nothing.
const HELPER: &str = "!f() { test \"$1\" = get && cat <&3; }; f";

/// Options of every command. An empty value takes away what a default would run.
const HARDENED: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.symlinks=false",
    "core.fsmonitor=false",
    "core.askPass=",
    "core.gitProxy=",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    // What is larger is streamed, and never held in memory as a whole.
    "core.bigFileThreshold=1m",
    "core.packedGitWindowSize=32m",
    "core.packedGitLimit=256m",
    "pack.threads=1",
    "index.threads=1",
    "credential.helper=",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "fetch.fsckObjects=true",
    // Always a pack: then what was fetched can be counted, and is checked as a whole.
    "fetch.unpackLimit=1",
    "fetch.uriProtocols=",
    "transfer.bundleURI=false",
    "transfer.advertiseSID=false",
    "safe.bareRepository=explicit",
    "fetch.writeCommitGraph=false",
    // A cache is lost without harm: what a power cut leaves of it is made anew where it does not read.
    "core.fsync=none",
    "pack.writeReverseIndex=false",
    "filter.lfs.smudge=",
    "filter.lfs.process=",
    "filter.lfs.required=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.version=2",
    // Nor the alternates of a dumb server, which would lead elsewhere as well.
    "http.followRedirects=false",
    "http.proxy=",
    "http.cookieFile=",
    "http.saveCookies=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
    "i18n.logOutputEncoding=UTF-8",
];

/// Which protocols a command may use.
#[derive(Clone, Copy, Debug)]
pub enum Reach<'a> {
    /// None: it works on what is in the cache.
    Cache,
    /// The one of this way, to its end.
    Forge(&'a Route),
    /// A folder of this machine, whoever owns it, by way of this file of configuration.
    Folder {
        /// Says that any folder is safe: the operator named it.
        configuration: &'a Path,
    },
}

/// What a file of configuration for [`Reach::Folder`] holds.
pub const FOLDER_CONFIGURATION: &str = "[safe]\n\tdirectory = *\n";

/// A git command on the bare repository in `repository`.
pub fn git(repository: &Path, reach: Reach<'_>, bounds: Bounds) -> Command {
    let mut command = outside(reach, bounds);
    command.arg("--git-dir").arg(repository);
    command
}

/// A git command on the cache in `repository` that is begun once its input is [closed](crate::running::Running::tell).
pub fn git_at_a_gate(repository: &Path, bounds: Bounds) -> Command {
    let mut command = bounded(BOUNDED_AT_A_GATE, Reach::Cache, bounds);
    command.arg("--git-dir").arg(repository);
    command
}

/// A git command that works on no repository here: git's options may follow, then its command.
pub fn outside(reach: Reach<'_>, bounds: Bounds) -> Command {
    let with_login = reach.said_to_git().is_some();
    let script = if with_login {
        BOUNDED_WITH_LOGIN
    } else {
        BOUNDED
    };
    bounded(script, reach, bounds)
}

fn bounded(script: &str, reach: Reach<'_>, bounds: Bounds) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "git"]);
    for limit in [
        bounds.file_bytes_max / FILE_BLOCK_BYTES,
        bounds.memory_bytes_max / MEMORY_BLOCK_BYTES,
        bounds.cpu_seconds_max,
    ] {
        command.arg(limit.to_string());
    }
    harden(&mut command, reach);
    command
}

impl Reach<'_> {
    /// What has to come in by the command's standard input: the login, if git is to show one.
    pub(crate) fn said_to_git(self) -> Option<String> {
        match self {
            Self::Forge(route) => route.login.as_ref()?.said_to_git(),
            Self::Cache | Self::Folder { .. } => None,
        }
    }
}

fn harden(command: &mut Command, reach: Reach<'_>) {
    command.env_clear();
    command.envs(std::env::vars_os().filter(|(name, _)| name == "PATH"));
    let configuration = match reach {
        Reach::Folder { configuration } => configuration.as_os_str(),
        Reach::Cache | Reach::Forge(_) => OsStr::new("/dev/null"),
    };
    let login = match reach {
        Reach::Forge(route) => route.login.as_ref(),
        Reach::Cache | Reach::Folder { .. } => None,
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
        .env("GIT_GRAFT_FILE", "/dev/null")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_SSH_VARIANT", "ssh")
        .env("GIT_SSH_COMMAND", ssh(login));
    for option in HARDENED {
        command.args(["-c", option]);
    }
    command.args(["-c", "protocol.allow=never"]);
    let protocol = match reach {
        Reach::Cache => return,
        Reach::Forge(route) => route.scheme,
        Reach::Folder { .. } => "file",
    };
    command
        .arg("-c")
        .arg(format!("protocol.{protocol}.allow=always"));
    let Reach::Forge(route) = reach else { return };
    if let Some(pinned) = &route.pinned {
        command
            .arg("-c")
            .arg(format!("http.curloptResolve={pinned}"));
    }
    if reach.said_to_git().is_some() {
        let base = &route.base;
        command
            .arg("-c")
            .arg(format!("credential.{base}.helper={HELPER}"));
    }
}

/// How ssh is run: nothing of the user's or the machine's configuration, no agent, no other key,
/// no host key but those that are known.
fn ssh(login: Option<&Login>) -> OsString {
    const OPTIONS: [&str; 13] = [
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "UpdateHostKeys=no",
        "GlobalKnownHostsFile=/dev/null",
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        "PasswordAuthentication=no",
        "ForwardAgent=no",
        "ClearAllForwardings=yes",
        "PermitLocalCommand=no",
        "ProxyCommand=none",
        "ConnectTimeout=30",
        "ServerAliveInterval=15",
    ];
    let mut line = OsString::from("ssh -F none");
    for option in OPTIONS {
        line.push(" -o ");
        line.push(option);
    }
    let (key, known_hosts) = match login {
        Some(Login::Key { key, known_hosts }) => (Some(key), known_hosts.as_path()),
        Some(Login::Token { .. }) | None => (None, Path::new("/dev/null")),
    };
    line.push(" -o ");
    // ssh splits this one at blanks, unless it is quoted.
    let mut files = OsString::from("UserKnownHostsFile=\"");
    files.push(known_hosts);
    files.push("\"");
    line.push(quoted(&files));
    if let Some(key) = key {
        line.push(" -i ");
        line.push(quoted(key.as_os_str()));
    }
    line
}

/// A word as the shell takes it, whatever it holds.
fn quoted(word: &OsStr) -> OsString {
    let mut quoted = b"'".to_vec();
    for &byte in word.as_bytes() {
        match byte {
            b'\'' => quoted.extend(b"'\\''"),
            byte => quoted.push(byte),
        }
    }
    quoted.push(b'\'');
    OsStr::from_bytes(&quoted).to_owned()
}

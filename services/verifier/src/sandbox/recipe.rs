//! Owns the command line of a box: every namespace, mount, variable and rlimit, spelled out.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use lab::spec::Limits;

use crate::sandbox::account::Account;
use crate::sandbox::programs::{PRLIMIT, Programs};
use crate::tools::{self, Mounted};

/// Where the step finds its tree.
pub(super) const WORK: &str = "/work";
/// Where a judge finds what it may read of the learner's.
pub(super) const LEARNER: &str = "/learner";
/// The user that the step sees itself as, on every machine.
const USER_INSIDE: &str = "1000";
/// Where the system's own commands are.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// Most open descriptors of a process.
const DESCRIPTORS_MAX: u64 = 1_024;
/// Largest stack of a process, in bytes.
const STACK_BYTES: u64 = 8 * MIB;
/// Most memory that a process may lock, in bytes.
const LOCKED_BYTES: u64 = 64 * KIB;
/// What `ulimit -f` counts in, in bytes.
const FILE_UNIT_BYTES: u64 = 512;
/// The shell, outside as inside.
const SHELL: &str = "/bin/sh";
/// Size of `/tmp` and of `/dev/shm`, each, in bytes, where the run has no file system of its own.
/// They are memory.
const TMPFS_BYTES: u64 = 64 * MIB;
/// Size of the file system that only holds the mount points, in bytes.
const ROOT_BYTES: u64 = MIB;
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Runs outside the box, before bubblewrap: enters the control groups, so that all that follows
/// is bounded and counted; turns standard input, the one descriptor that can be handed over without
/// racing with other starts, into the status pipe; closes whatever this process itself inherited;
/// opens the filter; and offers the box first when the machine runs out of memory.
/// Takes bash, the filter, the groups' doors, `--` and the command line.
///
/// A plain shell, which starts a millisecond sooner than bash, closes descriptors of one digit
/// only; those of more are rare, and bash's to close.
const ENTER: &str = "exec 3>&0 0</dev/null
bash=$1 filter=$2; shift 2
while [ \"$1\" != -- ]; do echo 0 >\"$1\" || exit 125; shift; done; shift
echo 1000 >/proc/self/oom_score_adj
for fd in /proc/self/fd/*; do
    case ${fd##*/} in
    [0-3]) ;;
    [4-9]) eval \"exec ${fd##*/}>&-\" ;;
    *) set -- \"$bash\" -c '
        for fd in /proc/self/fd/*; do
            fd=${fd##*/}
            if [ \"$fd\" -gt 4 ]; then eval \"exec $fd>&-\"; fi
        done
        exec \"$@\"' bash \"$@\"; break ;;
    esac
done
exec 4<\"$filter\" || exit 125
exec \"$@\"";

/// The box's first process. It stays, and does not become the step: when it exits the kernel kills
/// the rest, and bubblewrap has waited for all of them. It takes the rlimits, as `ulimit` does, and
/// the command line.
const FIRST_PROCESS: &str =
    "(while [ \"$1\" != -- ]; do ulimit \"$1\" \"$2\" || exit 125; shift 2; done
shift; exec \"$@\"); exit $?";

/// What a box is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recipe<'a> {
    pub(super) programs: &'a Programs,
    pub(super) etc: &'a Path,
    pub(super) filter: &'a Path,
    /// The files through which a process enters the box's control groups; none without groups.
    pub(super) doors: &'a [PathBuf],
    pub(super) system: &'a [PathBuf],
    /// What the line goes on with among the mounts that the run's folders are in; empty where they
    /// are in ours.
    pub(super) mounts: &'a [OsString],
    /// What the lab names beside the system.
    pub(super) tools: &'a [Mounted],
    /// The folder that the step works in.
    pub(super) work: &'a Path,
    /// What a judge may read of the learner's.
    pub(super) sealed: Option<&'a Path>,
    /// What becomes `/tmp` and `/dev/shm`, where the run has a file system of its own.
    pub(super) private: Option<[&'a Path; 2]>,
    pub(super) account: Option<Account>,
    pub(super) limits: &'a Limits,
    pub(super) command: &'a str,
}

impl Recipe<'_> {
    /// The command line, its program first.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let mut line = Line::default();
        line.all(&[SHELL, "-c", ENTER, "sh"]);
        line.add(&self.programs.bash);
        line.add(self.filter);
        for door in self.doors {
            line.add(door);
        }
        line.all(&["--"]);
        if let Some(account) = self.account {
            let id = account.id.to_string();
            line.add(&self.programs.setpriv);
            line.all(&["--reuid", &id, "--regid", &id, "--clear-groups"]);
            line.all(&["--inh-caps=-all", "--"]);
        }
        for word in self.mounts {
            line.add(word);
        }
        line.add(&self.programs.bwrap);
        isolate(&mut line);
        line.all(&["--setenv", "PATH"]);
        line.add(self.path());
        self.mount(&mut line);
        line.all(&["--chdir", WORK, "--"]);
        line.all(&[SHELL, "-c", FIRST_PROCESS, "sh"]);
        bound(&mut line, self.limits);
        if self.doors.is_empty() {
            bound_alone(&mut line, self.limits);
        }
        line.all(&[SHELL, "-c", self.command]);
        line.0
    }

    /// Where commands are looked for: among the lab's tools first, in the order that it names them.
    fn path(&self) -> OsString {
        let mut path = OsString::new();
        for tool in self.tools.iter().filter(|tool| tool.has_bin) {
            path.push(tools::inside(&tool.name).join("bin"));
            path.push(":");
        }
        path.push(PATH);
        path
    }

    fn mount(&self, line: &mut Line) {
        line.all(&["--size", &ROOT_BYTES.to_string(), "--tmpfs", "/"]);
        line.all(&["--ro-bind", "/usr", "/usr"]);
        for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
            let path = Path::new("/").join(name);
            if let Ok(target) = std::fs::read_link(&path) {
                line.all(&["--symlink"]);
                line.add(&target);
                line.add(&path);
            } else if path.is_dir() {
                line.bind("--ro-bind", &path, &path);
            }
        }
        // Never the machine's own /etc: a box of root's could read what only root may.
        for name in super::scratch::ETC_FILES {
            let inside = Path::new("/etc").join(name);
            line.bind("--ro-bind", &self.etc.join(name), &inside);
        }
        for shared in ["/etc/ld.so.cache", "/etc/alternatives"] {
            line.bind("--ro-bind-try", Path::new(shared), Path::new(shared));
        }
        for folder in self.system {
            line.bind("--ro-bind", folder, folder);
        }
        for tool in self.tools {
            line.bind("--ro-bind", &tool.folder, &tools::inside(&tool.name));
        }
        let size = TMPFS_BYTES.to_string();
        line.all(&["--proc", "/proc", "--dev", "/dev"]);
        for (place, inside) in ["/tmp", "/dev/shm"].into_iter().enumerate() {
            match self.private {
                Some(folders) => line.bind("--bind", folders[place], Path::new(inside)),
                None => line.all(&["--size", &size, "--perms", "1777", "--tmpfs", inside]),
            }
        }
        line.bind("--bind", self.work, Path::new(WORK));
        if let Some(sealed) = self.sealed {
            line.bind("--ro-bind", sealed, Path::new(LEARNER));
        }
        line.all(&["--remount-ro", "/dev", "--remount-ro", "/"]);
    }
}

fn isolate(line: &mut Line) {
    line.all(&["--json-status-fd", "3", "--seccomp", "4", "--as-pid-1"]);
    line.all(&["--unshare-all", "--unshare-user", "--disable-userns"]);
    line.all(&["--uid", USER_INSIDE, "--gid", USER_INSIDE]);
    line.all(&["--hostname", "box", "--die-with-parent", "--new-session"]);
    line.all(&["--cap-drop", "ALL", "--clearenv"]);
    for (name, value) in [("HOME", WORK), ("LANG", "C.UTF-8"), ("TZ", "UTC")] {
        line.all(&["--setenv", name, value]);
    }
}

/// The rlimits of every process, set inside the box by its first process: to do it by a program
/// would start one more.
fn bound(line: &mut Line, limits: &Limits) {
    let cpu = limits.cpu_seconds;
    let file = u64::from(limits.disk_mib) * MIB / FILE_UNIT_BYTES;
    for (option, limit) in [
        // The soft limit is a signal with a name; the hard one ends who ignores it.
        ("-St", u64::from(cpu)),
        ("-Ht", u64::from(cpu) + 1),
        ("-f", file),
        ("-n", DESCRIPTORS_MAX),
        ("-s", STACK_BYTES / KIB),
        ("-l", LOCKED_BYTES / KIB),
        ("-c", 0),
    ] {
        line.all(&[option, &limit.to_string()]);
    }
    line.all(&["--"]);
}

/// What control groups bound for all processes together, and say so, where there are none: for
/// each process alone. The count of processes is the box's own, inside.
fn bound_alone(line: &mut Line, limits: &Limits) {
    let memory = u64::from(limits.memory_mib) * MIB;
    // The box's first process is none of the step's.
    let processes = limits.processes + 1;
    line.all(&[PRLIMIT]);
    line.all(&[&format!("--data={memory}:{memory}")]);
    line.all(&[&format!("--nproc={processes}:{processes}")]);
    line.all(&["--"]);
}

#[derive(Default)]
struct Line(Vec<OsString>);

impl Line {
    fn add(&mut self, argument: impl AsRef<OsStr>) {
        self.0.push(argument.as_ref().to_owned());
    }

    fn all(&mut self, arguments: &[&str]) {
        self.0.extend(arguments.iter().map(OsString::from));
    }

    fn bind(&mut self, how: &str, outside: &Path, inside: &Path) {
        self.add(how);
        self.add(outside);
        self.add(inside);
    }
}

#[cfg(test)]
mod tests;

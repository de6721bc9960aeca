//! Owns the control groups of boxes: one for each, made below our own group or a configured one,
//! bounded before anything enters it, read before it is removed. Touches no group that it did not
//! make, but for the one that it makes its own in: see `parent`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

mod layout;
mod name;
mod parent;
pub(super) mod reading;

use layout::{Layout, Version};
use parent::{CONTROLLERS, Whose};
use reading::Reading;

/// How long the processes of a killed group may take to be gone, in milliseconds.
const EMPTY_WAIT_MS: u64 = 10_000;
/// How long between two looks at a group that is being emptied, in milliseconds.
const EMPTY_LOOK_MS: u64 = 2;
/// What the trial group is bounded to, in bytes and processes.
const TRIAL: Bounds = Bounds {
    memory_bytes: 64 * 1024 * 1024,
    processes: 8,
};

/// How many groups this process has made: their names tell them apart by it.
static MADE: AtomicU64 = AtomicU64::new(0);

/// Makes groups.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    parent: Layout,
}

/// What a group may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Bounds {
    /// All of its memory, files of tmpfs included.
    pub(super) memory_bytes: u64,
    /// Processes and threads.
    pub(super) processes: u64,
}

/// Limits that cannot be enforced, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Lacking {
    pub(super) limits: Vec<&'static str>,
    pub(super) why: String,
}

impl Groups {
    /// Finds where groups can be made, and makes one as a trial. What dead verifiers left there is
    /// ended and removed.
    pub(super) fn open(configured: Option<&Path>) -> Result<Self, Lacking> {
        let all = || vec!["memory", "processes", "cpu"];
        let lacking = |why: String| Lacking { limits: all(), why };
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let (mounts, own) = (read("/proc/self/mountinfo"), read("/proc/self/cgroup"));
        let parent = Layout::find(&mounts, &own, configured).map_err(|limits| Lacking {
            limits,
            why: "the machine has no control groups for that".into(),
        })?;
        if parent.version == Version::Two {
            // A configured group is the operator's to arrange.
            let whose = if configured.is_some() {
                Whose::Configured
            } else {
                Whose::Own
            };
            parent::enable(&parent.memory, &CONTROLLERS, whose).map_err(lacking)?;
        }
        let groups = Self { parent };
        groups.sweep();
        let at = groups.parent.memory.display().to_string();
        let trial = groups.make(TRIAL);
        let trial =
            trial.map_err(|error| lacking(format!("no group can be made in {at}: {error}")));
        trial?.end().map_err(|error| {
            lacking(format!("a group in {at} cannot be removed again: {error}"))
        })?;
        Ok(groups)
    }

    /// Which of the two interfaces it is.
    pub(super) fn identification(&self) -> &'static str {
        match self.parent.version {
            Version::One => "cgroup v1",
            Version::Two => "cgroup v2",
        }
    }

    /// Makes an empty, bounded group.
    pub(super) fn make(&self, bounds: Bounds) -> io::Result<Group> {
        let count = MADE.fetch_add(1, Ordering::Relaxed);
        let layout = self.parent.child(&name::own(count)?);
        // From here on its drop removes what was made of it.
        let group = Group::of(layout);
        for folder in group.layout.folders() {
            fs::create_dir(folder)?;
        }
        group.bound(bounds)?;
        Ok(group)
    }

    /// Ends and removes the groups of verifiers that are dead.
    fn sweep(&self) {
        let entries = fs::read_dir(&self.parent.memory).into_iter().flatten();
        let pids = fs::read_dir(&self.parent.pids).into_iter().flatten();
        for entry in entries.chain(pids).flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| name::is_of_the_dead(name)) else {
                continue;
            };
            tracing::info!(group = name, "removing a dead verifier's group");
            let layout = self.parent.child(name);
            if let Err(error) = Group::of(layout).end() {
                tracing::warn!(group = name, "left a dead verifier's group: {error}");
            }
        }
    }
}

/// One box's group. Whatever is left in it is killed, and it is removed, when it is dropped.
#[derive(Debug)]
pub(super) struct Group {
    layout: Layout,
    ended: bool,
}

impl Group {
    fn of(layout: Layout) -> Self {
        let ended = false;
        Self { layout, ended }
    }

    fn bound(&self, bounds: Bounds) -> io::Result<()> {
        let Layout { memory, pids, .. } = &self.layout;
        let bytes = bounds.memory_bytes.to_string();
        match self.layout.version {
            Version::One => {
                fs::write(memory.join("memory.limit_in_bytes"), &bytes)?;
                // With swap counted in, none is left to use.
                if_there(&memory.join("memory.memsw.limit_in_bytes"), &bytes)?;
                if_there(&memory.join("memory.swappiness"), "0")?;
            }
            Version::Two => {
                fs::write(memory.join("memory.max"), &bytes)?;
                if_there(&memory.join("memory.swap.max"), "0")?;
                if_there(&memory.join("memory.oom.group"), "1")?;
            }
        }
        fs::write(pids.join("pids.max"), bounds.processes.to_string())
    }

    /// The files through which a process of one thread enters by writing 0.
    pub(super) fn doors(&self) -> Vec<PathBuf> {
        let door = match self.layout.version {
            // A thread that moves itself is not waited for: for a whole process the kernel first
            // lets all others come to rest, which takes some 8 ms.
            Version::One => "tasks",
            Version::Two => "cgroup.procs",
        };
        let folders = self.layout.folders().into_iter();
        folders.map(|folder| folder.join(door)).collect()
    }

    /// What it used so far.
    pub(super) fn read(&self) -> Reading {
        reading::read(&self.layout)
    }

    /// Kills what is left in it and removes it.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.ended = true;
        self.empty_and_remove()
    }

    fn empty_and_remove(&self) -> io::Result<()> {
        let begun = Instant::now();
        let mut removed = self.remove();
        while removed.is_err() && begun.elapsed() < Duration::from_millis(EMPTY_WAIT_MS) {
            self.kill();
            std::thread::park_timeout(Duration::from_millis(EMPTY_LOOK_MS));
            removed = self.remove();
        }
        removed
    }

    /// Kills what is in it, so that nothing can be born meanwhile.
    fn kill(&self) {
        let _ = fs::write(self.layout.pids.join("pids.max"), "0");
        if self.layout.version == Version::Two
            && fs::write(self.layout.pids.join("cgroup.kill"), "1").is_ok()
        {
            return;
        }
        for folder in self.layout.folders() {
            let held = members(folder).into_iter().filter_map(|id| {
                let held = pidfd_open(id, PidfdFlags::empty()).ok()?;
                Some((id, held))
            });
            let held: Vec<_> = held.collect();
            // Looked at again while they are held: an id could be another's by now.
            let still = members(folder);
            for (id, held) in held {
                if still.contains(&id) {
                    let _ = pidfd_send_signal(held, Signal::KILL);
                }
            }
        }
    }

    fn remove(&self) -> io::Result<()> {
        for folder in self.layout.folders() {
            match fs::remove_dir(folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if let Err(error) = self.empty_and_remove() {
            let group = self.layout.memory.display();
            tracing::warn!(%group, "left a control group behind: {error}");
        }
    }
}

fn members(folder: &Path) -> Vec<Pid> {
    let text = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    let ids = text.lines().filter_map(|line| line.parse().ok());
    ids.filter_map(Pid::from_raw).collect()
}

/// Writes to a file that not every kernel has.
fn if_there(path: &Path, text: &str) -> io::Result<()> {
    match fs::write(path, text) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Command;

    use super::*;

    /// Where version two is mounted, with or without controllers.
    fn unified() -> Option<PathBuf> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let mount = mounts.lines().find(|line| line.contains(" - cgroup2 "))?;
        Some(PathBuf::from(mount.split(' ').nth(4)?))
    }

    #[test]
    fn version_two_kills_a_group_with_all_that_left_their_parents() {
        let group = unified().map(|folder| folder.join(name::own(u64::MAX).unwrap()));
        let Some(group) = group.filter(|group| fs::create_dir(group).is_ok()) else {
            eprintln!("skipped: no control groups of version two that this user may make");
            return;
        };
        let enter = format!(
            "echo 0 >{}/cgroup.procs; setsid -f sleep 7100; exec sleep 7100",
            group.display()
        );
        let mut child = Command::new("sh").args(["-c", &enter]).spawn().unwrap();
        let begun = Instant::now();
        while members(&group).len() < 2 && begun.elapsed() < Duration::from_secs(60) {
            std::thread::park_timeout(Duration::from_millis(EMPTY_LOOK_MS));
        }
        assert!(members(&group).len() >= 2);
        Group::of(Layout::two(group.clone())).end().unwrap();
        assert!(!group.exists());
        assert_eq!(child.wait().unwrap().signal(), Some(9));
    }
}

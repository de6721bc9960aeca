//! Owns the reading of what a control group says of itself.

use std::fs;
use std::path::Path;

use crate::sandbox::group::layout::{Layout, Version};

/// What a group used, and what it was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::sandbox) struct Reading {
    /// Processor time in user mode, in microseconds.
    pub(in crate::sandbox) user_us: u64,
    /// Processor time in the kernel, in microseconds.
    pub(in crate::sandbox) system_us: u64,
    /// Memory that belongs to no file, in bytes, now.
    pub(in crate::sandbox) anonymous_bytes: u64,
    /// Shared memory and files of tmpfs, in bytes, now.
    pub(in crate::sandbox) shared_bytes: u64,
    /// The most that the kernel ever counted for the group, files and caches included.
    pub(in crate::sandbox) peak_bytes: u64,
    /// Processes and threads, now.
    pub(in crate::sandbox) processes: u64,
    /// The most processes and threads at once, where the kernel counts them.
    pub(in crate::sandbox) processes_peak: Option<u64>,
    /// Forks that the group's limit refused.
    pub(in crate::sandbox) forks_refused: u64,
    /// Processes that were killed because memory ran out.
    pub(in crate::sandbox) out_of_memory: u64,
}

/// Reads a group; what does not read counts as nothing.
pub(super) fn read(group: &Layout) -> Reading {
    let text = |folder: &Path, name: &str| fs::read_to_string(folder.join(name));
    let text = |folder: &Path, name: &str| text(folder, name).unwrap_or_default();
    let memory = text(&group.memory, "memory.stat");
    let refused = text(&group.pids, "pids.events");
    let mut reading = Reading {
        shared_bytes: field(&memory, "shmem"),
        processes: number(&text(&group.pids, "pids.current")),
        processes_peak: text(&group.pids, "pids.peak").trim().parse().ok(),
        forks_refused: field(&refused, "max"),
        ..Reading::default()
    };
    match group.version {
        Version::One => {
            let oom = text(&group.memory, "memory.oom_control");
            let cpu = |name| number(&text(&group.cpuacct, name)) / 1_000;
            reading.user_us = cpu("cpuacct.usage_user");
            reading.system_us = cpu("cpuacct.usage_sys");
            reading.anonymous_bytes = field(&memory, "rss");
            reading.peak_bytes = number(&text(&group.memory, "memory.max_usage_in_bytes"));
            reading.out_of_memory = field(&oom, "oom_kill");
        }
        Version::Two => {
            let cpu = text(&group.cpuacct, "cpu.stat");
            let events = text(&group.memory, "memory.events");
            let current = number(&text(&group.memory, "memory.current"));
            let peak = number(&text(&group.memory, "memory.peak"));
            reading.user_us = field(&cpu, "user_usec");
            reading.system_us = field(&cpu, "system_usec");
            reading.anonymous_bytes = field(&memory, "anon");
            reading.peak_bytes = peak.max(current);
            reading.out_of_memory = field(&events, "oom_kill");
        }
    }
    reading
}

/// The number after a name, each pair on a line of its own.
fn field(text: &str, name: &str) -> u64 {
    let value = text.lines().find_map(|line| {
        let (key, value) = line.split_once(' ')?;
        (key == name).then(|| number(value))
    });
    value.unwrap_or_default()
}

fn number(text: &str) -> u64 {
    text.trim().parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn both_versions_say_the_same_in_different_words() {
        let expected = Reading {
            user_us: 1_500,
            system_us: 700,
            anonymous_bytes: 4_096,
            shared_bytes: 8_192,
            peak_bytes: 65_536,
            processes: 3,
            processes_peak: Some(9),
            forks_refused: 2,
            out_of_memory: 1,
        };
        let pids = [
            ("pids.current", "3\n"),
            ("pids.peak", "9\n"),
            ("pids.events", "max 2\n"),
        ];
        let one = folder(
            &[
                &pids[..],
                &[
                    ("memory.stat", "cache 1\nrss 4096\nrss_huge 7\nshmem 8192\n"),
                    ("memory.max_usage_in_bytes", "65536\n"),
                    (
                        "memory.oom_control",
                        "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
                    ),
                    ("cpuacct.usage_user", "1500000\n"),
                    ("cpuacct.usage_sys", "700999\n"),
                ],
            ]
            .concat(),
        );
        let two = folder(
            &[
                &pids[..],
                &[
                    ("memory.stat", "anon 4096\nfile 7\nshmem 8192\n"),
                    ("memory.current", "100\n"),
                    ("memory.peak", "65536\n"),
                    ("memory.events", "max 9\noom 3\noom_kill 1\n"),
                    (
                        "cpu.stat",
                        "usage_usec 2200\nuser_usec 1500\nsystem_usec 700\n",
                    ),
                ],
            ]
            .concat(),
        );
        let two_layout = Layout::two(two.path().to_owned());
        let one_layout = Layout {
            version: Version::One,
            ..Layout::two(one.path().to_owned())
        };
        assert_eq!(read(&one_layout), expected);
        assert_eq!(read(&two_layout), expected);
        assert_eq!(read(&Layout::two("/nowhere".into())), Reading::default());
    }
}

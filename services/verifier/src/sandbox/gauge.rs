//! Owns the watch over what a box uses: read while it runs, held against its limits, and summed up
//! when it is gone.

use std::sync::Arc;
use std::time::Duration;

use lab::spec::Limits;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

use crate::limit::Limit;
use crate::sandbox::group::Group;
use crate::sandbox::group::reading::Reading;
use crate::sandbox::quota::{Allowance, MIB};
use crate::sandbox::scratch::RunFolder;

/// How long between two looks, in milliseconds.
const LOOK_MS: u64 = 20;
/// What the box itself takes of memory beside the step, in bytes: its first processes, and what
/// the kernel keeps for its namespaces.
pub(super) const BOX_BYTES: u64 = 12 * MIB;
/// Processes of the box that are none of the step's: bubblewrap outside, a shell inside.
pub(super) const BOX_PROCESSES: u64 = 2;
/// Part of a group's memory limit that must have been reached for its end to be its own doing:
/// below, it was killed because the machine, or what holds us all, had none left.
const OWN_DOING_PERCENT: u64 = 80;

/// What a step used at most, where it was measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Peaks {
    /// Wall time in milliseconds.
    pub wall_ms: u64,
    /// Processor time of all processes, in user mode and in the kernel, in milliseconds.
    pub cpu_ms: u64,
    /// Of it, in user mode.
    pub user_ms: u64,
    /// Of it, in the kernel.
    pub system_ms: u64,
    /// Memory of all processes together, as the kernel counts it, its files in tmpfs and its caches
    /// included, in bytes.
    pub memory_bytes: Option<u64>,
    /// Processes and threads at once.
    pub processes: Option<u64>,
    /// Disk of all files together, beyond the trees, in bytes.
    pub disk_bytes: Option<u64>,
    /// Bytes printed that were kept.
    pub output_bytes: u64,
}

/// Watches one box.
#[derive(Debug)]
pub(super) struct Gauge {
    pub(super) group: Option<Group>,
    /// The run's folder, with what the step may add to it.
    pub(super) disk: Option<(Arc<RunFolder>, Allowance)>,
    pub(super) memory_bytes_max: u64,
    pub(super) limits: Limits,
    /// What making the box took.
    begun: Reading,
    peaks: Level,
}

/// What is used now, or was at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Level {
    cpu_us: u64,
    /// Without files and caches.
    memory_bytes: u64,
    processes: u64,
    disk_bytes: u64,
    is_disk_exceeded: bool,
    forks_refused: u64,
    out_of_memory: u64,
}

/// What is known when the box is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Measured {
    pub(super) peaks: Peaks,
    /// The limit that it ran into, even if it ended by itself.
    pub(super) limit: Option<Limit>,
    /// The machine had no memory left, though the box took no more than it may.
    pub(super) is_host_short: bool,
}

impl Gauge {
    pub(super) fn new(
        group: Option<Group>,
        disk: Option<(Arc<RunFolder>, Allowance)>,
        memory_bytes_max: u64,
        limits: Limits,
    ) -> Self {
        Self {
            group,
            disk,
            memory_bytes_max,
            limits,
            begun: Reading::default(),
            peaks: Level::default(),
        }
    }

    /// The box is made: what was used until now is not the step's.
    pub(super) fn begin(&mut self) {
        self.begun = self.group.as_ref().map(Group::read).unwrap_or_default();
    }

    /// Looks again and again, until a limit is exceeded. May be dropped at any time.
    pub(super) async fn until_exceeded(&mut self) -> Limit {
        let mut looks = interval(Duration::from_millis(LOOK_MS));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let reading = self.group.as_ref().map(Group::read).unwrap_or_default();
            let level = self.level(&reading);
            if let Some(limit) = exceeded(&level, &self.limits) {
                return limit;
            }
        }
    }

    /// Sums up, when nothing of the box runs any more. Removes the group.
    pub(super) fn finish(mut self) -> Measured {
        let reading = self.group.as_ref().map(Group::read).unwrap_or_default();
        self.level(&reading);
        let (peaks, is_grouped) = (self.peaks, self.group.is_some());
        if let Some(group) = self.group.take()
            && let Err(error) = group.end()
        {
            tracing::warn!("left a control group behind: {error}");
        }
        let enough = self.memory_bytes_max / 100 * OWN_DOING_PERCENT;
        let processes = reading.processes_peak.unwrap_or(peaks.processes);
        let since = |now: u64, begun: u64| now.saturating_sub(begun) / 1_000;
        Measured {
            peaks: Peaks {
                cpu_ms: peaks.cpu_us / 1_000,
                user_ms: since(reading.user_us, self.begun.user_us),
                system_ms: since(reading.system_us, self.begun.system_us),
                memory_bytes: is_grouped.then_some(reading.peak_bytes),
                processes: is_grouped.then_some(processes.saturating_sub(BOX_PROCESSES)),
                disk_bytes: self.disk.as_ref().map(|_| peaks.disk_bytes),
                ..Peaks::default()
            },
            limit: exceeded(&peaks, &self.limits),
            is_host_short: reading.out_of_memory > 0 && reading.peak_bytes < enough,
        }
    }

    /// What is used now; what was used at most is kept.
    fn level(&mut self, reading: &Reading) -> Level {
        let used = self.disk.as_ref().and_then(|(folder, allowance)| {
            let used = folder.used()?;
            Some((used, *allowance))
        });
        let (files, disk_bytes, is_disk_exceeded) = match used {
            Some((used, allowance)) => {
                let exceeded = allowance.is_exceeded(used);
                (used.bytes, allowance.taken(used), exceeded)
            }
            None => (0, 0, false),
        };
        let cpu = |reading: &Reading| reading.user_us + reading.system_us;
        // What is shared and in no file of the run's lies in memory alone.
        let hidden = reading.shared_bytes.saturating_sub(files);
        let level = Level {
            cpu_us: cpu(reading).saturating_sub(cpu(&self.begun)),
            memory_bytes: reading.anonymous_bytes + hidden,
            processes: reading.processes,
            disk_bytes,
            is_disk_exceeded,
            forks_refused: reading.forks_refused,
            out_of_memory: reading.out_of_memory,
        };
        self.peaks = self.peaks.max(level);
        level
    }
}

impl Level {
    fn max(self, other: Self) -> Self {
        Self {
            cpu_us: self.cpu_us.max(other.cpu_us),
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            processes: self.processes.max(other.processes),
            disk_bytes: self.disk_bytes.max(other.disk_bytes),
            is_disk_exceeded: self.is_disk_exceeded || other.is_disk_exceeded,
            forks_refused: self.forks_refused.max(other.forks_refused),
            out_of_memory: self.out_of_memory.max(other.out_of_memory),
        }
    }
}

/// The limit that is exceeded. Files are held against their own limit first, because they are
/// memory too.
fn exceeded(level: &Level, limits: &Limits) -> Option<Limit> {
    let memory_bytes_max = u64::from(limits.memory_mib) * MIB + BOX_BYTES;
    [
        (level.is_disk_exceeded, Limit::Disk),
        (
            level.out_of_memory > 0 || level.memory_bytes > memory_bytes_max,
            Limit::Memory,
        ),
        (level.forks_refused > 0, Limit::Processes),
        (
            level.cpu_us > u64::from(limits.cpu_seconds) * 1_000_000,
            Limit::Cpu,
        ),
    ]
    .into_iter()
    .find_map(|(is, limit)| is.then_some(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_holds_to_its_last_unit() {
        let limits = Limits {
            cpu_seconds: 2,
            memory_mib: 32,
            ..Limits::default()
        };
        let memory = 32 * MIB + BOX_BYTES;
        let none = Level::default();
        for (level, limit) in [
            (none, None),
            (
                Level {
                    cpu_us: 2_000_000,
                    ..none
                },
                None,
            ),
            (
                Level {
                    cpu_us: 2_000_001,
                    ..none
                },
                Some(Limit::Cpu),
            ),
            (
                Level {
                    memory_bytes: memory,
                    ..none
                },
                None,
            ),
            (
                Level {
                    memory_bytes: memory + 1,
                    ..none
                },
                Some(Limit::Memory),
            ),
            (
                Level {
                    out_of_memory: 1,
                    ..none
                },
                Some(Limit::Memory),
            ),
            (
                Level {
                    forks_refused: 1,
                    ..none
                },
                Some(Limit::Processes),
            ),
            (
                Level {
                    is_disk_exceeded: true,
                    out_of_memory: 1,
                    ..none
                },
                Some(Limit::Disk),
            ),
        ] {
            assert_eq!(exceeded(&level, &limits), limit, "{level:?}");
        }
    }
}

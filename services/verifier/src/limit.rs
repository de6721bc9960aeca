//! Owns the names of the limits that stop a step.

use std::fmt;

use lab::spec::Limits;

/// A limit that stopped a step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Limit {
    /// Time from begin to end.
    Wall,
    /// Processor time of all processes together.
    Cpu,
    /// Memory of all processes together.
    Memory,
    /// Processes and threads at once.
    Processes,
    /// Bytes of all files together, or their number.
    Disk,
    /// Bytes printed.
    Output,
}

impl Limit {
    /// The word in the result.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wall => "wall",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Processes => "processes",
            Self::Disk => "disk",
            Self::Output => "output",
        }
    }

    /// What a learner reads.
    pub fn sentence(self, limits: &Limits) -> String {
        match self {
            Self::Wall => format!("stopped at the limit of {} s", limits.wall_seconds),
            Self::Cpu => format!(
                "stopped at the limit of {} s of processor time",
                limits.cpu_seconds
            ),
            Self::Output => format!(
                "stopped at the limit of {} KiB of output",
                limits.output_kib
            ),
            Self::Memory => format!(
                "stopped at the limit of {} MiB of memory",
                limits.memory_mib
            ),
            Self::Processes => format!(
                "stopped at the limit of {} processes and threads",
                limits.processes
            ),
            Self::Disk => format!("stopped at the limit of {} MiB of disk", limits.disk_mib),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

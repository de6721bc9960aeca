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
    /// Bytes printed.
    Output,
    /// Bytes of one file.
    FileSize,
}

impl Limit {
    /// The word in the result.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wall => "wall",
            Self::Cpu => "cpu",
            Self::Output => "output",
            Self::FileSize => "file-size",
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
            Self::FileSize => format!("stopped at the limit of {} MiB a file", limits.disk_mib),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

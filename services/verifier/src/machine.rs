//! Owns how much the machine has for runs: its cores and its memory, as far as this process may use
//! them.

use std::fs;

use process::settings::work;

use crate::slots::Capacity;

/// Memory of one run that a slot is counted for where the settings say nothing, in MiB: what a lab
/// allows that says nothing either, memory and disk together, and room for what is around it.
const RUN_MIB: u64 = 1_024;
/// Part of the memory that runs together may take.
const RUNS_PERCENT: u64 = 80;
/// Most slots that are counted.
const SLOTS_MAX: usize = 64;
/// Memory that is taken for granted where nothing says how much there is, in MiB.
const UNKNOWN_MIB: u64 = 4_096;
/// Where a control group says how much may be used: one of version 2, or one of version 1 as a
/// container sees its own.
const LIMITS: [&str; 2] = [
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
];
/// Bytes of a MiB.
const MIB: u64 = 1_024 * 1_024;

/// What the settings give to runs; what they leave open is counted from the machine.
pub(crate) fn capacity(settings: &work::Verifier) -> Capacity {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let texts = LIMITS.map(|path| fs::read_to_string(path).unwrap_or_default());
    let total = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory_mib = settings
        .memory_mib
        .unwrap_or_else(|| for_runs_mib(&total, &texts));
    let slots = settings.slots.unwrap_or_else(|| slots(cores, memory_mib));
    Capacity { slots, memory_mib }
}

/// As many as there are cores, and no more than have memory.
fn slots(cores: usize, memory_mib: u64) -> usize {
    let by_memory = usize::try_from(memory_mib / RUN_MIB).unwrap_or(usize::MAX);
    cores.min(by_memory).clamp(1, SLOTS_MAX)
}

/// What runs together may take of the least that is said: the machine's total, or a limit.
fn for_runs_mib(meminfo: &str, limits: &[String]) -> u64 {
    let total = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|kib| kib.trim().parse::<u64>().ok())
        .map(|kib| kib / 1_024);
    // "max", and what version 1 has for it, are no limit below the total.
    let limits = limits
        .iter()
        .filter_map(|text| text.trim().parse::<u64>().ok());
    let least = limits.map(|bytes| bytes / MIB).chain(total).min();
    least.unwrap_or(UNKNOWN_MIB) * RUNS_PERCENT / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_slots_as_cores_unless_memory_is_short() {
        for (cores, memory_mib, expected) in [
            (2, 20_000, 2),
            (8, 4_096, 4),
            (8, 4_095, 3),
            (4, 100, 1),
            (200, 1 << 20, SLOTS_MAX),
        ] {
            assert_eq!(slots(cores, memory_mib), expected, "{cores} {memory_mib}");
        }
    }

    #[test]
    fn the_least_that_is_said_of_memory_holds() {
        let meminfo = "MemTotal:       10240000 kB\nMemFree:        1 kB\n";
        let limits = |texts: [&str; 2]| texts.map(str::to_owned);
        for (text, said, expected) in [
            (meminfo, limits(["max\n", ""]), 8_000),
            (meminfo, limits(["1048576000\n", ""]), 800),
            (meminfo, limits(["", "9223372036854771712\n"]), 8_000),
            ("", limits(["", ""]), UNKNOWN_MIB * RUNS_PERCENT / 100),
        ] {
            assert_eq!(for_runs_mib(text, &said), expected, "{said:?}");
        }
    }
}

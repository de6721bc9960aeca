//! Owns the bounds of what a `lab.toml` may ask for: each with its unit.

/// A limit that a lab may set: its key, its bounds, and what it is when the lab says nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    pub(crate) key: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) default: u32,
}

const fn bound(key: &'static str, unit: &'static str, values: [u32; 3]) -> Bound {
    let [min, max, default] = values;
    Bound {
        key,
        unit,
        min,
        max,
        default,
    }
}

pub(crate) const WALL: Bound = bound("wall_seconds", "seconds", [1, 3_600, 60]);
pub(crate) const CPU: Bound = bound("cpu_seconds", "seconds", [1, 3_600, 30]);
// Less than 32 MiB or 8 processes, and the step's own shell could not do its work.
pub(crate) const MEMORY: Bound = bound("memory_mib", "MiB", [32, 16_384, 512]);
pub(crate) const PROCESSES: Bound = bound("processes", "processes", [8, 4_096, 64]);
pub(crate) const DISK: Bound = bound("disk_mib", "MiB", [1, 16_384, 256]);
pub(crate) const OUTPUT: Bound = bound("output_kib", "KiB", [1, 16_384, 1_024]);

/// Least and most days that something is kept: a hundred years.
pub(crate) const RETENTION_DAYS: std::ops::RangeInclusive<u32> = 1..=36_500;
/// Most points of a step.
pub(crate) const POINTS_MAX: u32 = 10_000;
/// Points of a step that does not say.
pub(crate) const POINTS_DEFAULT: u32 = 1;
/// Most steps.
pub(crate) const STEPS_MAX: usize = 64;
/// Most expected tests, over all lists.
pub(crate) const TESTS_MAX: usize = 5_000;
/// Most patterns in a list.
pub(crate) const PATTERNS_MAX: usize = 64;
/// Most folders of tools of a lab.
pub(crate) const TOOLS_MAX: usize = 16;
/// Most commits that a lab names as its templates.
pub(crate) const TEMPLATE_COMMITS_MAX: usize = 64;
/// Longest title or name of a step, in characters.
pub(crate) const NAME_CHARS_MAX: usize = 120;
/// Longest name of an expected test, in characters.
pub(crate) const TEST_NAME_CHARS_MAX: usize = 400;
/// Longest command, in bytes.
pub(crate) const RUN_BYTES_MAX: usize = 8 * 1024;
/// Longest pattern or path, in bytes.
pub(crate) const PATTERN_BYTES_MAX: usize = 512;
/// Longest `lab.toml`, in bytes.
pub(crate) const FILE_BYTES_MAX: usize = 1024 * 1024;

//! Mistakes in limits and in steps.

use super::Mistake;

/// See [`Mistake`].
pub(super) const MISTAKES: &[Mistake] = &[
    // Limits.
    (
        "wall_seconds = 20",
        "wall_seconds = 0",
        16,
        "out of bounds",
        "1 to 3600 seconds",
    ),
    (
        "wall_seconds = 20",
        "wall_seconds = -1",
        16,
        "out of bounds",
        "1 to 3600 seconds",
    ),
    (
        "wall_seconds = 20",
        "cpu_seconds = 3601",
        16,
        "out of bounds",
        "1 to 3600 seconds",
    ),
    (
        "wall_seconds = 20",
        "memory_mib = 31",
        16,
        "out of bounds",
        "32 to 16384 MiB",
    ),
    (
        "wall_seconds = 20",
        "processes = 4097",
        16,
        "out of bounds",
        "8 to 4096 processes",
    ),
    (
        "wall_seconds = 20",
        "disk_mib = 0",
        16,
        "out of bounds",
        "1 to 16384 MiB",
    ),
    (
        "wall_seconds = 20",
        "output_kib = 99999999999",
        16,
        "out of bounds",
        "1 to 16384 KiB",
    ),
    // Steps.
    (
        "sh tests/run.sh",
        "  ",
        20,
        "run is empty",
        "sh tests/run.sh",
    ),
    (
        "junit:report.xml",
        "xunit:report.xml",
        21,
        "no report form",
        "junit:<path>",
    ),
    (
        "junit:report.xml",
        "junit",
        21,
        "no report form",
        "junit:<path>",
    ),
    (
        "junit:report.xml",
        "junit:",
        21,
        "is empty",
        "inside the tree",
    ),
    (
        "junit:report.xml",
        "junit:/tmp/report.xml",
        21,
        "absolute path",
        "inside the tree",
    ),
    (
        "junit:report.xml",
        "junit:../report.xml",
        21,
        "leaves the tree",
        "inside the tree",
    ),
    (
        "junit:report.xml",
        "junit:*.xml",
        21,
        "wildcards",
        "inside the tree",
    ),
    (
        "points = 10",
        "points = -1",
        22,
        "out of bounds",
        "0 to 10000 points",
    ),
    (
        "points = 10",
        "points = 10001",
        22,
        "out of bounds",
        "0 to 10000 points",
    ),
    (
        "protected = [",
        "tools = [\"../x\"]\nprotected = [",
        11,
        "tool \"../x\" is refused",
        "settings call it",
    ),
    (
        "protected = [",
        "tools = [\"node\", \"node\"]\nprotected = [",
        11,
        "node is named twice",
        "once",
    ),
    (
        "name = \"style\"",
        "name = \"unit tests\"",
        25,
        "two steps are called",
        "of its own",
    ),
    (
        "name = \"style\"",
        "name = \"\"",
        25,
        "name is empty",
        "1 to 120",
    ),
];

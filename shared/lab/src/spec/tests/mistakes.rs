//! Each mistake that a lab file can have, and what is told of it.

use super::*;

mod amounts;

/// Replaces a text of the good file; says the line, a part of the reason, a part of the advice.
type Mistake = (
    &'static str,
    &'static str,
    usize,
    &'static str,
    &'static str,
);

/// Keys, names, places and rules.
const PLACES: &[Mistake] = &[
    // Keys and types.
    (
        "slug =",
        "slog =",
        2,
        "unknown key `slog`",
        "one of those that exist",
    ),
    (
        "[limits]",
        "[limit]",
        15,
        "unknown key `limit`",
        "one of those",
    ),
    (
        "wall_seconds",
        "wall_second",
        16,
        "unknown key `wall_second`",
        "one of those",
    ),
    (
        "points = 10",
        "pionts = 10",
        22,
        "unknown key `pionts`",
        "one of those",
    ),
    (
        "wall_seconds = 20",
        "wall_seconds = \"20\"",
        16,
        "expected a whole number",
        "type",
    ),
    (
        "wall_seconds = 20",
        "wall_seconds = 2.5",
        16,
        "expected a whole number",
        "type",
    ),
    (
        "[\"tests/**\"]",
        "\"tests/**\"",
        11,
        "expected a list",
        "type",
    ),
    (
        "slug = \"intro-to-git\"",
        "slug = 7",
        2,
        "expected a string",
        "type",
    ),
    (
        "slug = \"intro-to-git\"",
        "",
        1,
        "missing key `slug`",
        "add the key",
    ),
    (
        "run = \"sh tests/run.sh\"",
        "",
        19,
        "the step has no command",
        "run =",
    ),
    (
        "[lab]\nslug = \"intro-to-git\"\ntitle = \"Intro to git\"\n",
        "",
        1,
        "no table [lab]",
        "slug =",
    ),
    ("[limits]", "[lab]", 15, "duplicate key", "keep one"),
    ("[limits]", "[limits", 15, "", "correct the TOML"),
    // Identity.
    (
        "intro-to-git",
        "intro to git",
        2,
        "slug \"intro to git\"",
        "a-z",
    ),
    ("\"intro-to-git\"", "\"\"", 2, "slug \"\"", "1 to 64"),
    ("\"Intro to git\"", "\" \"", 3, "title is empty", "1 to 120"),
    // Session.
    (
        "github:course/intro-*",
        "course/intro-*",
        6,
        "no source",
        "source:owner/name",
    ),
    (
        "github:course/intro-*",
        "github:course/[",
        6,
        "not a pattern",
        "close",
    ),
    ("23:59:00+01:00", "23:59:00", 7, "is not a moment", "offset"),
    (
        "2026-12-18T23:59:00+01:00",
        "2026-12-18",
        7,
        "is not a moment",
        "offset",
    ),
    (
        "2026-12-18T23:59:00+01:00",
        "2026-02-30T00:00:00Z",
        7,
        "",
        "",
    ),
    (
        "2026-12-18T23:59:00+01:00",
        "\"tomorrow\"",
        7,
        "wrong type",
        "type",
    ),
    (
        "\"latest\"",
        "\"newest\"",
        8,
        "counts = \"newest\"",
        "\"best\" or \"latest\"",
    ),
    // What is verified.
    (
        "\"all\"",
        "\"some\"",
        10,
        "commits = \"some\"",
        "\"head\" or \"all\"",
    ),
    (
        "tests/**",
        "/etc/**",
        11,
        "absolute path",
        "relative to the root",
    ),
    (
        "tests/**",
        "../other/**",
        11,
        "leaves the tree",
        "without \"..\"",
    ),
    (
        "tests/**",
        "a/../../b",
        11,
        "leaves the tree",
        "without \"..\"",
    ),
    ("tests/**", "tests/", 11, "empty part", "tests/**"),
    ("tests/**", "tests/[", 11, "not a pattern", "close"),
    ("tests/**", "", 11, "is empty", "1 to 512"),
    (
        "\"subtracts\"",
        "\"adds\"",
        12,
        "\"adds\" is expected twice",
        "once",
    ),
    (
        "\"subtracts\"",
        "\"\"",
        12,
        "expected test is empty",
        "1 to 400",
    ),
    (
        "\"subtracts\"",
        "\"a\\u0000\"",
        12,
        "expected test is empty",
        "1 to 400",
    ),
    (
        "\"junit:report.xml\"",
        "\"exit-code\"",
        12,
        "exit-code reports none",
        "junit",
    ),
];

#[test]
fn each_mistake_is_told_with_its_line_its_reason_and_what_to_do() {
    for (from, to, line, reason, advice) in PLACES.iter().chain(amounts::MISTAKES) {
        let mistake = parse("lab.toml", &with(from, to)).expect_err(to);
        let told = mistake.to_string();
        assert_eq!(mistake.line, *line, "{to}: {told}");
        assert!(mistake.reason.contains(reason), "{to}: {told}");
        assert!(mistake.advice.contains(advice), "{to}: {told}");
        assert!(told.starts_with(&format!("lab.toml:{line}:")), "{told}");
        assert!(!mistake.reason.is_empty() && !told.contains('\n'), "{told}");
    }
}

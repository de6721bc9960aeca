use super::*;

mod judging;

const GOOD: &str = include_str!("../../tests/lab.toml");

fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    GOOD.replacen(from, to, 1)
}

#[test]
fn a_full_lab_reads_as_written_and_back_from_its_json() {
    let spec = parse(FILE_NAME, GOOD).unwrap();
    assert_eq!(spec.slug.as_str(), "intro-to-git");
    assert_eq!(spec.title, "Intro to git");
    assert_eq!(spec.session.counts, Counts::Latest);
    assert_eq!(spec.session.enrol[0].as_str(), "github:course/intro-*");
    let closes_at = contract::time::to_text(spec.session.closes_at.unwrap());
    assert_eq!(closes_at, "2026-12-18T22:59:00.000000Z");
    assert_eq!(spec.verify.commits, Commits::All);
    assert_eq!(
        spec.expected_tests().collect::<Vec<_>>(),
        ["adds", "subtracts"]
    );
    assert_eq!(spec.limits.wall_seconds, 20);
    assert_eq!(spec.limits.memory_mib, 512);
    assert_eq!(spec.steps[0].report.to_string(), "junit:report.xml");
    assert_eq!(spec.steps[1].report, ReportForm::ExitCode);
    assert_eq!(spec.points_max(), 11);

    let json = serde_json::to_value(&spec).unwrap();
    assert_eq!(json["session"]["counts"], "latest");
    assert_eq!(serde_json::from_value::<LabSpec>(json).unwrap(), spec);
}

#[test]
fn a_lab_that_says_little_gets_the_defaults() {
    let text = "[lab]\nslug = \"a\"\n[[step]]\nname = \"s\"\nrun = \"true\"\n";
    let spec = parse(FILE_NAME, text).unwrap();
    assert_eq!(spec.title, "a");
    assert_eq!(spec.limits, Limits::default());
    assert_eq!(spec.session, SessionRules::default());
    assert_eq!(spec.verify, VerifyRules::default());
    assert_eq!(spec.steps[0].points, 1);
    assert_eq!(spec.steps[0].report, ReportForm::ExitCode);
}

/// Replaces a text of the good file; says the line, a part of the reason, a part of the advice.
const MISTAKES: &[(&str, &str, usize, &str, &str)] = &[
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

#[test]
fn each_mistake_is_told_with_its_line_its_reason_and_what_to_do() {
    for (from, to, line, reason, advice) in MISTAKES {
        let mistake = parse("lab.toml", &with(from, to)).expect_err(to);
        let told = mistake.to_string();
        assert_eq!(mistake.line, *line, "{to}: {told}");
        assert!(mistake.reason.contains(reason), "{to}: {told}");
        assert!(mistake.advice.contains(advice), "{to}: {told}");
        assert!(told.starts_with(&format!("lab.toml:{line}:")), "{told}");
        assert!(!mistake.reason.is_empty() && !told.contains('\n'), "{told}");
    }
}

#[test]
fn a_lab_without_steps_is_refused() {
    let steps_at = GOOD.find("[[step]]").unwrap();
    let mistake = parse("lab.toml", &GOOD[..steps_at]).unwrap_err();
    assert_eq!(mistake.reason, "there is no [[step]]");
    let text = "step = []\n[lab]\nslug = \"a\"\n";
    assert!(
        parse("lab.toml", text)
            .unwrap_err()
            .advice
            .contains("[[step]]")
    );
}

#[test]
fn the_column_points_at_the_value() {
    let mistake = parse("lab.toml", &with("wall_seconds = 20", "wall_seconds = 0")).unwrap_err();
    assert_eq!((mistake.line, mistake.column), (16, 16));
}

#[test]
fn a_protected_script_that_the_lab_lacks_is_found_before_anybody_runs_it() {
    let spec = |run: &str| {
        let text = with("sh tests/run.sh", run);
        parse("lab.toml", &text).unwrap()
    };
    let lacking = |run: &str, files: &[&str]| -> Vec<String> {
        let spec = spec(run);
        let missing = spec.missing_files(|path| files.contains(&path));
        missing.into_iter().map(|(_, path)| path).collect()
    };
    assert_eq!(lacking("sh tests/run.sh", &[]), ["tests/run.sh"]);
    assert_eq!(lacking("./tests/run.sh; true", &[]), ["tests/run.sh"]);
    assert!(lacking("sh tests/run.sh", &["tests/run.sh"]).is_empty());
    for unclear in [
        "ls tests/",
        "pytest tests",
        "sh $D/run.sh",
        "sh tests/*.sh",
        "sh src/a.sh",
    ] {
        assert!(lacking(unclear, &[]).is_empty(), "{unclear}");
    }
}

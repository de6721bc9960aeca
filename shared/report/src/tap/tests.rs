use super::*;

fn outcomes(report: &Report) -> Vec<(&str, TestOutcome)> {
    report.tests.iter().map(|t| (&*t.name, t.outcome)).collect()
}

#[test]
fn a_report_of_either_version_is_read() {
    use TestOutcome::{Failed, Passed, Skipped};
    let text = "noise before\nTAP version 14\n1..7\nok 1 - adds\nnot ok 2 - subtracts\n  ---\n  \
        message: 'expected 1'\n  at: calc.sh\n  ...\n# a comment\nok 3 multiplies # SKIP no time\n\
        not ok 4 - divides # TODO later\nok - rounds \\# up\n    ok 1 - of a subtest\n    1..1\n\
        ok 6\nokay 9\nok 7 - #7 is a name # todo now\n";
    let report = read(text.as_bytes());
    let expected = [
        ("adds", Passed),
        ("subtracts", Failed),
        ("multiplies", Skipped),
        ("divides", Skipped),
        ("rounds # up", Passed),
        ("test 6", Passed),
        ("#7 is a name", Passed),
    ];
    assert_eq!(outcomes(&report), expected);
    assert_eq!(report.problem, None);
    assert_eq!(report.planned, Some(7));
    let said = report.tests[1].message.as_deref();
    assert_eq!(said, Some("message: 'expected 1'\nat: calc.sh"));
    assert_eq!(report.tests[2].message.as_deref(), Some("no time"));
}

#[test]
fn a_report_that_is_not_the_whole_story_says_so() {
    for (text, problem) in [
        ("", "printed no TAP"),
        ("hello\n", "printed no TAP"),
        ("ok 1 - a\n", "without a plan"),
        ("1..2\nok 1 - a\n", "planned 2 tests and reported 1"),
        (
            "1..1\nok 1 - a\nok 2 - b\n",
            "planned 1 tests and reported 2",
        ),
        ("1..1\n1..1\nok 1 - a\n", "two plans"),
        ("1..x\nok 1\n", "plan that does not read"),
        (
            "1..99999999999999999999999\nok 1\n",
            "plan that does not read",
        ),
        ("1..2\nok 1 - a\nok 1 - b\n", "the number 1"),
        ("1..2\nok 1 - a\nok 3 - b\n", "outside 1..2"),
        ("1..1\nok 99999999999999999999999 - a\n", "outside 1..1"),
        (
            "1..2\nok 1 - a\nBail out! \u{1b}[31mno disk\nok 2 - b\n",
            "bailed out: no disk",
        ),
    ] {
        let report = read(text.as_bytes());
        let told = report.problem.unwrap_or_default();
        assert!(told.contains(problem), "{text:?}: {told}");
    }
    let many = format!("{}1..1\n", "ok\n".repeat(TESTS_MAX + 1));
    let report = read(many.as_bytes());
    assert_eq!(report.tests.len(), TESTS_MAX);
    assert!(report.problem.unwrap().contains("more than"));
}

#[test]
fn a_plan_at_the_end_and_a_skipped_plan_are_plans() {
    let report = read(b"ok\nok\n1..2\n");
    assert_eq!(report.problem, None);
    let report = read(b"1..0 # SKIP not on this machine\n");
    assert_eq!((report.planned, report.tests.len()), (Some(0), 0));
    let problem = report.problem.unwrap();
    assert_eq!(problem, "skipped all its tests: not on this machine");
}

#[test]
fn what_did_not_pass_in_a_subtest_is_its_parents_message() {
    let report = read(
        b"TAP version 14\n1..3\n# Subtest: first\n    1..2\n    ok 1 - a\n    not ok 2 - b\n\
          not ok 1 - first\n    not ok 1 - c # TODO later\n    not ok 2 - \x1b[31md\n\
          ok 2 - second\n        not ok 1 - deep\nnot ok 3 - third\n",
    );
    assert_eq!(report.problem, None);
    let said: Vec<_> = report.tests.iter().map(|t| t.message.as_deref()).collect();
    let expected = [Some("did not pass: b"), None, Some("did not pass: deep")];
    assert_eq!(said, expected);
}

#[test]
fn a_subtest_that_bails_out_ends_the_whole() {
    let report = read(b"1..2\nok 1 - a\n    Bail out! no disk\nok 2 - b\n");
    assert_eq!(report.tests.len(), 1);
    assert_eq!(report.problem.as_deref(), Some("bailed out: no disk"));
}

#[test]
fn a_block_that_never_ends_belongs_to_its_test() {
    let report = read(b"1..1\nnot ok 1 - a\n  ---\n  cut");
    assert_eq!(report.tests[0].message.as_deref(), Some("cut"));
    let report = read(b"1..2\nnot ok 1 - a\n  ---\n  cut\nok 2 - b\n");
    assert_eq!(report.tests.len(), 2, "the next test is not swallowed");
}

#[test]
fn bytes_that_are_no_text_do_no_harm() {
    let report = read(b"1..1\nok 1 - a\x1b[31m\0\xffb\r\n");
    assert_eq!(report.tests[0].name, "a\u{fffd}b");
}

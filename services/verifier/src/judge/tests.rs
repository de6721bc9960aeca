use contract::result::TestOutcome::{Failed, Passed, Skipped};

use super::*;
use report::reported::ReportedTest;

const CLEAN: Ending = Ending {
    exit_code: Some(0),
    signal: None,
    limit: None,
};

fn spec(verify: &str, steps: &str) -> LabSpec {
    let text = format!("[lab]\nslug = \"a\"\n[verify]\n{verify}\n{steps}");
    lab::spec::parse("lab.toml", &text).unwrap()
}

fn step(name: &str, report: &str, points: u32, tests: &str) -> String {
    format!(
        "[[step]]\nname = \"{name}\"\nrun = \"x\"\nreport = \"{report}\"\npoints = {points}\n\
         expected_tests = [{tests}]\n"
    )
}

fn tests(tests: &[(&str, TestOutcome)]) -> Reported {
    let test = |(name, outcome): &(&str, TestOutcome)| {
        let classed = name.rsplit_once('.');
        ReportedTest {
            name: classed.map_or(*name, |(_, name)| name).to_owned(),
            qualified: classed.map(|_| (*name).to_owned()),
            outcome: *outcome,
            duration_ms: Some(1),
            message: Some("said".into()),
        }
    };
    Reported::Tests(Report {
        tests: tests.iter().map(test).collect(),
        ..Report::default()
    })
}

fn ended(ending: Ending, reported: Reported) -> Evidence {
    Evidence {
        ending,
        wall_ms: 5,
        reported,
    }
}

fn exit(code: i32) -> Ending {
    Ending {
        exit_code: Some(code),
        ..Ending::default()
    }
}

/// A lab of one step with two expected tests and ten points.
fn judged(ending: Ending, reported: Reported) -> Judgement {
    let spec = spec(
        "expected_tests = [\"a\", \"b\"]",
        &step("unit", "tap", 10, ""),
    );
    judge(&spec, &[ended(ending, reported)])
}

fn whole() -> Reported {
    tests(&[("a", Passed), ("b", Passed)])
}

/// Judges a run of that lab; `reason` is a part of what is told, or empty for a pass.
#[track_caller]
fn check(ending: Ending, reported: Reported, points: u32, reason: &str) {
    let judgement = judged(ending, reported);
    let step = &judgement.steps[0];
    let told = step.reason.clone().unwrap_or_default();
    assert_eq!(step.passed, reason.is_empty(), "{told}");
    assert_eq!(judgement.verdict == Verdict::Pass, step.passed, "{told}");
    assert_eq!(
        (judgement.points, judgement.points_max),
        (points, 10),
        "{told}"
    );
    assert!(told.contains(reason), "{told}");
    assert_eq!(judgement.detail.is_some(), !reason.is_empty(), "{told}");
}

#[test]
fn every_expected_test_must_be_there_once_and_have_passed() {
    check(CLEAN, whole(), 10, "");
    check(CLEAN, tests(&[("b", Passed), ("a", Passed)]), 10, "");
    let b = "1 of 2 tests did not pass: b";
    check(CLEAN, tests(&[("a", Passed), ("b", Failed)]), 5, b);
    check(CLEAN, tests(&[("a", Passed), ("b", Skipped)]), 5, b);
    check(CLEAN, tests(&[("a", Passed)]), 5, b);
    check(exit(1), tests(&[("a", Passed), ("b", Failed)]), 5, b);
    check(CLEAN, tests(&[]), 0, "its report has no tests");
    let three = [("a", Passed), ("b", Passed), ("c", Passed)];
    check(CLEAN, tests(&three), 0, "not expected: c");
    for first in [Passed, Failed] {
        let twice = [("a", first), ("b", Passed), ("a", Passed)];
        check(CLEAN, tests(&twice), 0, "twice: a");
    }
    let of_two_classes = [("x.a", Passed), ("y.a", Passed), ("b", Passed)];
    check(CLEAN, tests(&of_two_classes), 0, "twice: a");
}

#[test]
fn a_step_must_end_by_itself_with_0_and_leave_a_report_that_reads() {
    let unreadable = || Reported::Unreadable("report.xml is missing".into());
    let limit = Ending {
        limit: Some(Limit::Wall),
        ..Ending::default()
    };
    let signal = Ending {
        signal: Some(11),
        ..Ending::default()
    };
    let empty = Reported::Tests(Report::default());
    check(exit(1), whole(), 10, "exit code 1");
    check(exit(127), empty, 0, "its report has no tests");
    check(CLEAN, unreadable(), 0, "report.xml is missing");
    check(limit, whole(), 10, "stopped at the limit of 60 s");
    check(limit, unreadable(), 0, "stopped at the limit of 60 s");
    check(signal, tests(&[("a", Passed)]), 5, "ended by signal 11");
    check(Ending::default(), whole(), 10, "ended without an exit code");
}

#[test]
fn a_missing_test_is_listed_as_failed() {
    let judgement = judged(CLEAN, tests(&[("a", Passed)]));
    let listed = &judgement.steps[0].tests;
    assert_eq!((listed[1].name.as_str(), listed[1].outcome), ("b", Failed));
    assert_eq!(
        listed[1].message.as_deref(),
        Some("expected, but not reported")
    );
    assert_eq!(
        judgement.detail.as_deref(),
        Some("unit: 1 of 2 tests did not pass: b")
    );
    assert_eq!(
        listed[0].message, None,
        "what a passing test says is not kept"
    );
}

#[test]
fn a_report_with_a_problem_does_not_pass_but_keeps_its_points() {
    let report = Report {
        problem: Some("planned 2 tests and reported 1".into()),
        ..match tests(&[("a", Passed)]) {
            Reported::Tests(report) => report,
            _ => unreachable!(),
        }
    };
    let judgement = judged(CLEAN, Reported::Tests(report));
    assert_eq!((judgement.verdict, judgement.points), (Verdict::Fail, 5));
    assert!(judgement.detail.unwrap().contains("planned 2"));
}

#[test]
fn a_test_may_be_expected_with_its_class() {
    let spec = spec(
        "expected_tests = [\"x.a\", \"y.a\"]",
        &step("u", "junit:r", 4, ""),
    );
    let reported = tests(&[("x.a", Passed), ("y.a", Failed)]);
    let judgement = judge(&spec, &[ended(exit(1), reported)]);
    let names: Vec<_> = judgement.steps[0]
        .tests
        .iter()
        .map(|t| t.name.as_str())
        .collect();
    assert_eq!(names, ["x.a", "y.a"]);
    assert_eq!(judgement.points, 2);
}

#[test]
fn without_a_list_the_report_says_what_there_is() {
    let spec = spec("", &step("u", "tap", 9, ""));
    let judged = |ending, reported| judge(&spec, &[ended(ending, reported)]);
    let two_of_three = || tests(&[("a", Passed), ("b", Passed), ("c", Failed)]);
    for (ending, reported, verdict, points) in [
        (
            CLEAN,
            tests(&[("a", Passed), ("a", Passed)]),
            Verdict::Pass,
            9,
        ),
        (CLEAN, two_of_three(), Verdict::Fail, 6),
        (exit(1), two_of_three(), Verdict::Fail, 6),
        (exit(1), tests(&[("a", Passed)]), Verdict::Fail, 0),
        (Ending::default(), two_of_three(), Verdict::Fail, 0),
        (CLEAN, tests(&[]), Verdict::Fail, 0),
        (CLEAN, tests(&[("a", Skipped)]), Verdict::Fail, 0),
    ] {
        let case = format!("{ending:?} {reported:?}");
        let judgement = judged(ending, reported);
        assert_eq!(
            (judgement.verdict, judgement.points),
            (verdict, points),
            "{case}"
        );
    }
}

#[test]
fn an_exit_code_step_is_all_or_nothing() {
    let spec = spec("", &step("build", "exit-code", 3, ""));
    for (ending, points) in [
        (CLEAN, 3),
        (exit(1), 0),
        (exit(127), 0),
        (Ending::default(), 0),
    ] {
        let judgement = judge(&spec, &[ended(ending, Reported::Nothing)]);
        assert_eq!(judgement.points, points, "{ending:?}");
        assert_eq!(
            judgement.verdict == Verdict::Pass,
            points == 3,
            "{ending:?}"
        );
    }
}

#[test]
fn points_are_rounded_down() {
    let steps = step("u", "tap", 10, "");
    let spec = spec("expected_tests = [\"a\", \"b\", \"c\"]", &steps);
    for (reported, points) in [
        (tests(&[("a", Passed)]), 3),
        (tests(&[("a", Passed), ("b", Passed)]), 6),
        (tests(&[("a", Passed), ("b", Passed), ("c", Passed)]), 10),
    ] {
        assert_eq!(judge(&spec, &[ended(CLEAN, reported)]).points, points);
    }
}

#[test]
fn a_step_answers_for_the_tests_of_its_own_list_alone() {
    let steps = step("one", "tap", 10, "'a', 'b'") + &step("two", "tap", 10, "'c', 'd'");
    let spec = spec("", &steps);
    let one = || ended(CLEAN, tests(&[("a", Passed), ("b", Passed)]));
    let crashed = ended(exit(1), Reported::Unreadable("no report".into()));
    let judgement = judge(&spec, &[one(), crashed]);
    assert_eq!((judgement.points, judgement.points_max), (10, 20));
    assert!(judgement.steps[0].passed && !judgement.steps[1].passed);
    assert_eq!(judgement.steps[1].tests.len(), 2);

    let strays = ended(CLEAN, tests(&[("c", Passed), ("a", Passed)]));
    let judgement = judge(&spec, &[one(), strays]);
    assert_eq!(judgement.points, 10);
    assert!(
        judgement
            .detail
            .unwrap()
            .contains("another step answers for: a")
    );
}

#[test]
fn a_shared_test_that_never_came_counts_against_every_step_that_could_have_reported_it() {
    let steps = step("one", "tap", 10, "") + &step("two", "tap", 10, "");
    let spec = spec("expected_tests = ['a', 'b']", &steps);
    let one = ended(CLEAN, tests(&[("a", Passed)]));
    let crashed = ended(exit(1), Reported::Unreadable("no report".into()));
    let judgement = judge(&spec, &[one.clone(), crashed]);
    assert_eq!(judgement.points, 5);
    assert!(!judgement.steps[0].passed);
    assert!(judgement.steps[1].tests.iter().any(|test| test.name == "b"));

    let two = ended(CLEAN, tests(&[("b", Passed)]));
    assert_eq!(judge(&spec, &[one, two]).verdict, Verdict::Pass);
}

#[test]
fn messages_and_names_in_reasons_are_capped() {
    let names: Vec<String> = (0..200).map(|n| format!("t{n}")).collect();
    let reported: Vec<_> = names.iter().map(|name| (name.as_str(), Failed)).collect();
    let spec = spec("", &step("u", "tap", 1, ""));
    let judgement = judge(&spec, &[ended(exit(1), tests(&reported))]);
    let kept = judgement.steps[0]
        .tests
        .iter()
        .filter(|test| test.message.is_some());
    assert_eq!(kept.count(), MESSAGES_MAX);
    let reason = judgement.steps[0].reason.as_deref();
    assert_eq!(
        reason,
        Some("200 of 200 tests did not pass: t0, t1, t2, t3, t4, …")
    );
}

#[test]
fn a_run_of_which_a_step_is_missing_is_no_pass() {
    let spec = spec(
        "",
        &(step("a", "exit-code", 1, "") + &step("b", "exit-code", 1, "")),
    );
    let judgement = judge(&spec, &[ended(CLEAN, Reported::Nothing)]);
    assert_eq!(judgement.verdict, Verdict::Fail);
}

#[test]
fn a_row_has_what_we_said_of_a_test_and_not_what_its_report_said() {
    let test = |said: &str| TestResult {
        name: "adds".to_owned(),
        outcome: TestOutcome::Failed,
        duration_ms: None,
        message: Some(said.to_owned()),
    };
    let step = |tests| StepResult {
        name: "unit".to_owned(),
        strength: None,
        passed: false,
        exit_code: Some(1),
        signal: None,
        limit: None,
        wall_ms: 1,
        points: 0,
        points_max: 1,
        reason: None,
        tests,
    };
    let kept = without_quotes(vec![step(vec![test("gives a name"), test(NOT_REPORTED)])]);
    let said: Vec<_> = kept[0]
        .tests
        .iter()
        .map(|test| test.message.as_deref())
        .collect();
    assert_eq!(said, [None, Some(NOT_REPORTED)]);
}

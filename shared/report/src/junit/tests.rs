use super::*;

fn tests(xml: &str) -> Vec<(String, TestOutcome)> {
    let report = read(xml.as_bytes()).unwrap();
    report
        .tests
        .into_iter()
        .map(|t| (t.name, t.outcome))
        .collect()
}

#[test]
fn outcomes_come_from_the_children_of_a_test() {
    let xml = r#"<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="s" tests="5">
  <properties><property name="failure" value="x"/></properties>
  <testcase classname="calc" name="adds" time="0.0421"/>
  <testcase name="subtracts"><failure message="1 &lt; 2">expected &amp; got <![CDATA[<3>]]></failure>
    <system-out>noise</system-out></testcase>
  <testcase name="divides"><error>boom</error></testcase>
  <testcase name="waits"><skipped message="later"/></testcase>
  <testcase name="idles" status="notrun"/>
</testsuite></testsuites>"#;
    let report = read(xml.as_bytes()).unwrap();
    let outcomes: Vec<_> = report.tests.iter().map(|t| (&*t.name, t.outcome)).collect();
    use TestOutcome::{Failed, Passed, Skipped};
    let expected = [
        ("adds", Passed),
        ("subtracts", Failed),
        ("divides", Failed),
        ("waits", Skipped),
        ("idles", Skipped),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(report.tests[0].qualified.as_deref(), Some("calc.adds"));
    assert_eq!(report.tests[0].duration_ms, Some(42));
    let said = report.tests[1].message.as_deref();
    assert_eq!(said, Some("1 < 2\nexpected & got <3>"));
    assert_eq!(report.tests[2].message.as_deref(), Some("boom"));
    assert_eq!(report.tests[3].message.as_deref(), Some("later"));
    assert_eq!(report.problem, None);
}

#[test]
fn a_failure_is_not_undone_by_a_skip_and_is_not_hidden_deeper() {
    let both = "<testsuite><testcase name='a'><failure/><skipped/></testcase></testsuite>";
    assert_eq!(tests(both), [("a".into(), TestOutcome::Failed)]);
    let other_way = "<testsuite><testcase name='a'><skipped/><failure/></testcase></testsuite>";
    assert_eq!(tests(other_way), [("a".into(), TestOutcome::Failed)]);
    let within = "<testsuite><testcase name='a'><testcase name='b'/></testcase></testsuite>";
    assert_eq!(tests(within).len(), 1, "a test within a test is none");
}

#[test]
fn an_error_of_the_suite_is_a_problem_of_the_report() {
    let xml = "<testsuite><testcase name='a'/><error message='cannot import'/></testsuite>";
    let problem = read(xml.as_bytes()).unwrap().problem.unwrap();
    assert!(problem.contains("cannot import"), "{problem}");
}

#[test]
fn what_a_program_prints_into_its_report_is_made_harmless() {
    let xml = b"<testsuite><testcase name='a\x1b[31m&#x0;&#10;b'>\
        <failure>x\0\x1b[2J\xff</failure></testcase></testsuite>";
    match read(xml) {
        Ok(report) => {
            assert_eq!(report.tests[0].name, "a b");
            assert_eq!(report.tests[0].message.as_deref(), Some("x\u{fffd}"));
        }
        // The reader may refuse the reference to NUL, which XML does not allow.
        Err(bad) => assert!(matches!(bad, BadJunit::Xml(_)), "{bad}"),
    }
    let xml = b"<testsuite><testcase name='a\x1b[31m&#10;b'>\
        <failure>x\0\x1b[2J\xff</failure></testcase></testsuite>";
    let report = read(xml).unwrap();
    assert_eq!(report.tests[0].name, "a b");
    assert_eq!(report.tests[0].message.as_deref(), Some("x\u{fffd}"));
}

#[test]
fn what_is_no_report_is_refused_with_its_reason() {
    let deep = format!("<testsuite>{}", "<a>".repeat(DEPTH_MAX));
    let wide = format!(
        "<testsuite><testcase {}/>",
        "a='' ".repeat(ATTRIBUTES_MAX + 1)
    );
    let many = format!(
        "<testsuite>{}",
        "<testcase name='a'/>".repeat(TESTS_MAX + 1)
    );
    for (xml, reason) in [
        ("", "no testsuites"),
        ("hello", "no testsuites"),
        ("<html/>", "no testsuites"),
        ("<testcase name='a'/>", "no testsuites"),
        ("<testsuite/><testsuite/>", "no testsuites"),
        ("<testsuite><testcase name='a'/>", "too early"),
        (
            "<testsuite><testcase name='a'></testsuite>",
            "not well-formed",
        ),
        ("<testsuite><testcase name='a", "not well-formed"),
        ("<testsuite><testcase/></testsuite>", "without a name"),
        (
            "<testsuite><testcase name=' \u{1b}[1m'/></testsuite>",
            "without a name",
        ),
        (
            "<!DOCTYPE x [<!ENTITY a 'b'>]><testsuite/>",
            "document type",
        ),
        (
            "<testsuite><testcase name='a'><failure>&xxe;</failure></testcase></testsuite>",
            "xxe",
        ),
        ("<testsuite><testcase name='&xxe;'/></testsuite>", ""),
        (&*deep, "elements within each other"),
        (&*wide, "attributes"),
        (&*many, "tests"),
    ] {
        let bad = read(xml.as_bytes()).expect_err(xml).to_string();
        assert!(bad.contains(reason), "{xml}: {bad}");
    }
}

#[test]
fn an_empty_suite_is_a_report_without_tests() {
    for xml in [
        "<testsuite/>",
        "<testsuites></testsuites>",
        "\u{feff}<testsuites> </testsuites>",
    ] {
        assert_eq!(read(xml.as_bytes()).unwrap(), Report::default(), "{xml}");
    }
}

#[test]
fn times_that_are_none_are_left_out() {
    for (text, time) in [
        ("1.5", Some(1_500)),
        ("1,234.5", Some(1_234_500)),
        ("-1", None),
        ("NaN", None),
        ("inf", None),
        ("1e300", None),
        ("soon", None),
    ] {
        assert_eq!(milliseconds(text), time, "{text}");
    }
}

//! What a learner can do to a lab that runs his code beside its own tests: what is refused all the
//! same, and what no such lab can refuse.

use contract::result::{ErrorCause, Strength, TestOutcome, Verdict};
use tempfile::TempDir;
use verifier::local::LocalResult;

use crate::author::{folder, verified};

const JUNIT: &str = "junit:report.xml";
/// A check that works: runs the program, and reports two tests.
const CHECK: &str = "say() { if [ \"$(sh ./calc.sh $2)\" = $3 ]; then echo \"ok - $1\"; \
    else echo \"not ok - $1\"; fi; }\nsay adds 'add 2 3' 5\nsay subtracts 'subtract 7 3' 4\n\
    echo 1..2\n";
const FORGED: &str =
    "<testsuite><testcase name=\"adds\"/><testcase name=\"subtracts\"/></testsuite>";

fn toml(steps: &[(&str, &str)], tests: &str) -> String {
    let mut text = format!(
        "[lab]\nslug = \"a\"\n[verify]\nprotected = [\"tests/**\", \"caf\u{e9}/**\"]\n\
         expected_tests = [{tests}]\n[limits]\nwall_seconds = 20\n"
    );
    for (index, (run, report)) in steps.iter().enumerate() {
        let step = format!(
            "[[step]]\nname = \"step {index}\"\nrun = {run:?}\nreport = \"{report}\"\npoints = 4\n"
        );
        text.push_str(&step);
    }
    text
}

const BOTH: &str = "\"adds\", \"subtracts\"";

/// A lab of one step, which runs this script.
fn lab(script: &str, report: &str) -> TempDir {
    let toml = toml(&[("sh tests/run.sh", report)], BOTH);
    folder(&[("lab.toml", &toml), ("tests/run.sh", script)])
}

fn reason(result: &LocalResult) -> &str {
    result.steps[0].reason.as_deref().unwrap_or_default()
}

#[tokio::test]
async fn the_labs_files_win_whatever_the_learner_puts_in_their_place() {
    let lab = lab(CHECK, "tap");
    let cheat = "printf 'ok - adds\nok - subtracts\n1..2\n'";
    let wrong = ("calc.sh", "echo 0\n");
    for (trick, files) in [
        ("a file", vec![("tests/run.sh", cheat)]),
        (
            "a link to a file",
            vec![("tests/run.sh@", "../mine"), ("mine", cheat)],
        ),
        (
            "a link to a folder",
            vec![("tests@", "mine"), ("mine/run.sh", cheat)],
        ),
        ("a file for the folder", vec![("tests", cheat)]),
        (
            "a folder for the file",
            vec![("tests/run.sh/run.sh", cheat)],
        ),
        (
            "other letters",
            vec![("Tests/run.sh", cheat), ("tests/RUN.SH", cheat)],
        ),
        (
            "letters of other scripts",
            vec![
                ("te\u{455}ts/run.sh", cheat),
                ("tests\u{200b}/run.sh", cheat),
            ],
        ),
        (
            "more tests",
            vec![("tests/more.sh", cheat), ("tests/conftest.py", cheat)],
        ),
    ] {
        let files: Vec<_> = files.into_iter().chain([wrong]).collect();
        let result = verified(lab.path(), &files).await;
        assert_eq!(result.result, Verdict::Fail, "{trick}: {result:#?}");
        assert_eq!(
            reason(&result),
            "2 of 2 tests did not pass: adds, subtracts",
            "{trick}"
        );
    }
    let right = ("calc.sh", "case $1 in add) echo 5;; *) echo 4;; esac\n");
    assert_eq!(verified(lab.path(), &[right]).await.result, Verdict::Pass);
}

#[tokio::test]
async fn a_name_in_another_normal_form_is_another_file() {
    let toml = toml(&[("cat caf\u{e9}/word", "exit-code")], "");
    let lab = folder(&[("lab.toml", &toml), ("caf\u{e9}/word", "of the lab\n")]);
    let files = [
        ("cafe\u{301}/word", "of the learner\n"),
        ("caf\u{e9}/word", "his too\n"),
    ];
    let result = verified(lab.path(), &files).await;
    assert!(result.log.contains("\nof the lab\n"), "{}", result.log);
    assert!(!result.log.contains("his too\n"), "{}", result.log);
}

#[tokio::test]
async fn what_one_step_does_to_the_labs_files_is_undone_before_the_next() {
    let steps = [("sh calc.sh", "exit-code"), ("sh tests/run.sh", "tap")];
    let lab = folder(&[("lab.toml", &toml(&steps, BOTH)), ("tests/run.sh", CHECK)]);
    let cheat = "printf 'printf \"ok - adds\\\\nok - subtracts\\\\n1..2\\\\n\"' ";
    for (trick, command) in [
        ("written over", format!("{cheat} >tests/run.sh")),
        (
            "through a hard link",
            format!("ln tests/run.sh x; {cheat} >x"),
        ),
        (
            "moved away",
            format!("mv tests t; mkdir tests; {cheat} >tests/run.sh"),
        ),
        (
            "a link",
            format!("mv tests t; mkdir m; {cheat} >m/run.sh; ln -s m tests"),
        ),
        (
            "shut",
            format!("{cheat} >tests/run.sh; chmod 0 tests/run.sh; chmod 0 tests"),
        ),
        ("a pipe", "rm tests/run.sh; mkfifo tests/run.sh".to_owned()),
    ] {
        let result = verified(lab.path(), &[("calc.sh", &command)]).await;
        assert_eq!(result.result, Verdict::Fail, "{trick}: {}", result.log);
        let judged = &result.steps[1];
        let failed = judged
            .tests
            .iter()
            .all(|test| test.outcome == TestOutcome::Failed);
        assert!(failed && judged.tests.len() == 2, "{trick}: {judged:#?}");
    }
}

#[tokio::test]
async fn an_early_end_a_crash_and_code_that_does_not_compile_are_fails_with_their_reason() {
    // The tests run in one process with the program, as they often do.
    let within = lab(
        ". ./calc.sh\necho 'ok - adds'\necho 'ok - subtracts'\necho 1..2\n",
        "tap",
    );
    for (program, told) in [
        ("exit 0", "printed no TAP"),
        ("echo 'ok - adds'; exit 0", "without a plan"),
        ("echo 1..0; exit 0", "no tests"),
        ("echo 'Bail out! enough'; exit 0", "bailed out: enough"),
        ("kill -SEGV $$", "ended by signal 11"),
        ("if then fi", "printed no TAP"),
        (
            "echo 'ok - adds'; echo 'ok - mine'; echo 1..4",
            "that is not expected: mine",
        ),
        ("echo 'ok - adds'; echo 1..3", "a test twice: adds"),
    ] {
        let result = verified(within.path(), &[("calc.sh", program)]).await;
        assert_eq!(result.result, Verdict::Fail, "{program}: {result:#?}");
        assert!(
            reason(&result).contains(told),
            "{program}: {}",
            reason(&result)
        );
        assert_eq!(result.cause, None::<ErrorCause>);
    }
    // The same for a report that is a file.
    let within = lab(". ./calc.sh\n", JUNIT);
    for (program, told) in [
        ("exit 0", "report.xml is missing"),
        (": >report.xml", "no testsuites"),
        ("echo '<testsuite/>' >report.xml", "no tests"),
        ("ln -s /etc/passwd report.xml", "symbolic link"),
        ("mkfifo report.xml", "not a regular file"),
        ("truncate -s 5M report.xml", "larger than"),
        (
            "echo '<!DOCTYPE a><testsuite/>' >report.xml",
            "document type",
        ),
        (
            "echo '<testsuite><testcase name=\"&x;\"/></testsuite>' >report.xml",
            "well-formed|attribute|entity",
        ),
        (
            "yes '<testsuite>' | head -n 50 >report.xml",
            "within each other",
        ),
    ] {
        let result = verified(within.path(), &[("calc.sh", program)]).await;
        assert_eq!(result.result, Verdict::Fail, "{program}: {result:#?}");
        let fits = told.split('|').any(|told| reason(&result).contains(told));
        assert!(fits, "{program}: {}", reason(&result));
    }
}

#[tokio::test]
async fn what_a_program_prints_or_leaves_is_not_taken_for_a_report() {
    // The lab's own report is written last, from what the program answered.
    let check = "sh ./calc.sh >said 2>&1 </dev/null\n\
        printf '<testsuite><testcase name=\"adds\"><failure/></testcase>\
        <testcase name=\"subtracts\"><failure/></testcase></testsuite>' >report.xml\n";
    let lab = lab(check, JUNIT);
    let write = format!("printf '%s' '{FORGED}' >report.xml");
    let prints = format!("printf '%s' '{FORGED}'; printf 'ok - adds\nok - subtracts\n1..2\n'");
    for (trick, files) in [
        (
            "it is there before",
            vec![("report.xml", FORGED), ("calc.sh", "true")],
        ),
        (
            "it is a link",
            vec![
                ("report.xml@", "mine.xml"),
                ("mine.xml", FORGED),
                ("calc.sh", "true"),
            ],
        ),
        ("it is printed", vec![("calc.sh", prints.as_str())]),
        ("it is written too early", vec![("calc.sh", write.as_str())]),
        (
            "what loads itself",
            vec![
                ("calc.sh", "true"),
                (".profile", write.as_str()),
                (".bashrc", write.as_str()),
                (".shinit", write.as_str()),
                ("sitecustomize.py", "raise SystemExit(0)"),
                ("+sh", write.as_str()),
                ("+printf", write.as_str()),
                (".gitattributes", "* filter=x"),
            ],
        ),
    ] {
        let result = verified(lab.path(), &files).await;
        assert_eq!(result.result, Verdict::Fail, "{trick}: {}", result.log);
        assert_eq!(
            reason(&result),
            "2 of 2 tests did not pass: adds, subtracts",
            "{trick}"
        );
    }
}

#[tokio::test]
async fn text_of_a_report_is_harmless_before_it_is_kept() {
    let program = "printf 'not ok - adds\\033[31m\\000\\377 # a\\n  ---\\n  \\033]0;x\\007said\\n  \
        ...\\nok - subtracts\\n1..2\\n'; exit 1";
    let result = verified(lab(". ./calc.sh\n", "tap").path(), &[("calc.sh", program)]).await;
    let text = serde_json::to_string(&result.steps).unwrap() + &result.log;
    assert!(
        !text.contains(['\u{1b}', '\0']) && !text.contains("\\u001b"),
        "{text}"
    );
    assert!(text.contains("said"), "{text}");
}

/// The known hole, stated as it is: whoever runs in the box that reports can report.
#[tokio::test]
async fn a_report_from_the_learners_own_box_can_be_forged_and_is_marked_as_shared() {
    let lab = lab(". ./calc.sh\necho 'not ok - adds'\necho 1..1\n", "tap");
    let forger = "printf 'ok - adds\nok - subtracts\n1..2\n'; exit 0";
    let result = verified(lab.path(), &[("calc.sh", forger)]).await;
    assert_eq!(result.result, Verdict::Pass);
    assert_eq!(result.strength, Strength::Shared);
    assert_eq!(result.steps[0].strength, Some(Strength::Shared));
}

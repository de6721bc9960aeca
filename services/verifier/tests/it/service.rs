//! The service from message to row.

use contract::job::PreservedTree;
use contract::result::ErrorCause;
use objects::manifest::BlobKind::{Executable, Regular, Symlink};
use objects::owner::Owner;
use sample::lab::LAB_TOML;
use serde_json::{Value, json};

use crate::overload::{release, until_it_waits};
use crate::workshop::{TreeEntry, Workshop};

const CALC_RIGHT: &str = "case $1 in add) echo $(($2 + $3));; *) echo $(($2 - $3));; esac\n";
const CALC_WRONG: &str = "echo 5\n";

/// The script that checks the sample lab.
fn run_sh() -> &'static str {
    let file = sample::lab::LAB.iter().find_map(|change| match change {
        sample::repository::Change::File(b"tests/run.sh", bytes) => Some(*bytes),
        _ => None,
    });
    std::str::from_utf8(file.unwrap()).unwrap()
}

fn lab() -> Vec<TreeEntry<'static>> {
    vec![
        ("calc.sh", Executable, "exit 1\n"),
        ("lab.toml", Regular, LAB_TOML),
        ("tests/run.sh", Regular, run_sh()),
    ]
}

/// A lab of one step without protected files.
fn lab_toml(run: &str, report: &str, more: &str) -> String {
    format!(
        "[lab]\nslug = \"a\"\n[limits]\n{more}\n\
         [[step]]\nname = \"step\"\nrun = {run:?}\nreport = \"{report}\"\npoints = 4\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_judged_by_the_labs_tests_and_recorded_once() {
    let mut workshop = Workshop::open().await;
    let session = workshop.session(&lab()).await;
    let tree = [
        ("calc.sh", Regular, CALC_RIGHT),
        ("tests/run.sh", Regular, run_sh()),
    ];
    let digest = workshop.keep(Owner::Session(session.id), &tree).await;
    let job = workshop
        .request(&session, PreservedTree::Kept { digest })
        .await;
    workshop.bus.publish(&job).await.unwrap();
    let row = workshop.result(&job).await;
    assert_eq!(row["result"], "pass", "{row:#}");
    assert_eq!(
        (&row["points"], &row["points_max"]),
        (&json!(10), &json!(10))
    );
    assert_eq!(row["snapshot_digest"], digest.to_string());
    assert_eq!(row["limits"]["wall_seconds"], 20);
    assert_eq!(row["peaks"][0]["step"], "unit tests");
    let tests = row["steps"][0]["tests"].as_array().unwrap();
    let names: Vec<_> = tests
        .iter()
        .map(|test| (&test["name"], &test["outcome"]))
        .collect();
    assert_eq!(
        names,
        [
            (&json!("adds"), &json!("passed")),
            (&json!("subtracts"), &json!("passed"))
        ]
    );
    let runner = row["runner"].as_str().unwrap();
    assert!(
        runner.starts_with("assay-verifier/") && runner.contains("bubblewrap"),
        "{runner}"
    );

    let log = row["log_digest"].as_str().unwrap().parse().unwrap();
    let log = workshop
        .objects
        .get(Owner::Session(session.id), log, 4096)
        .await
        .unwrap();
    let log = String::from_utf8(log.to_vec()).unwrap();
    assert!(log.contains("== unit tests ==\nok    adds\n"), "{log}");

    // The same again: nothing is run, nothing is written.
    workshop.say_again(&job).await;
    workshop.unacked("verifier-live", 0).await;
    workshop.close().await;
    for (query, count) in [
        ("SELECT count(*) FROM verification_attempt", 1),
        ("SELECT count(*) FROM verification_claim", 1),
        (
            "SELECT count(*) FROM audit_entry WHERE action = 'verification-recorded'",
            1,
        ),
        ("SELECT count(*) FROM ledger_pending", 1),
    ] {
        assert_eq!(workshop.house.number(query).await, count, "{query}");
    }
    workshop.house.entries_are_by_the_schema().await;
    let entry = &workshop.house.rows("SELECT entry FROM audit_entry").await[0];
    let entry: Value = serde_json::from_str(entry).unwrap();
    let entry: Value = serde_json::from_str(entry["entry"].as_str().unwrap()).unwrap();
    assert_eq!(
        entry["trace.id"],
        json!(job.push.delivery.trace_id().to_string())
    );
    assert_eq!(entry["assay.rows"][0]["table"], "verification_attempt");
    assert_eq!(entry["assay.rows"][1]["table"], "verification_claim");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learner_cannot_bring_tests_reports_or_links_of_his_own() {
    let workshop = Workshop::open().await;
    let session = workshop.session(&lab()).await;
    let cheat = "echo '<testsuite><testcase name=\"adds\"/><testcase name=\"subtracts\"/>\
        </testsuite>' > report.xml\n";
    let forged = "<testsuite><testcase name=\"adds\"/><testcase name=\"subtracts\"/></testsuite>";
    for tree in [
        vec![
            ("calc.sh", Regular, CALC_WRONG),
            ("tests/run.sh", Regular, cheat),
        ],
        vec![
            ("calc.sh", Regular, CALC_WRONG),
            ("other/run.sh", Regular, cheat),
            ("tests", Symlink, "other"),
        ],
        vec![
            ("calc.sh", Regular, CALC_WRONG),
            ("other", Regular, cheat),
            ("tests/run.sh", Symlink, "../other"),
        ],
        vec![("calc.sh", Regular, CALC_WRONG), ("tests", Regular, cheat)],
        vec![
            ("calc.sh", Regular, CALC_WRONG),
            ("report.xml", Regular, forged),
        ],
    ] {
        let row = workshop.verify(&session, &tree).await;
        let told = format!("{tree:?}: {row:#}");
        assert_eq!(
            (&row["result"], &row["points"]),
            (&json!("fail"), &json!(5)),
            "{told}"
        );
        assert_eq!(
            row["detail"], "unit tests: 1 of 2 tests did not pass: subtracts",
            "{told}"
        );
    }
    // A report that the step itself is made to write elsewhere is not read.
    let tree = [
        ("calc.sh", Regular, CALC_RIGHT),
        ("report.xml", Symlink, "elsewhere.xml"),
    ];
    assert_eq!(workshop.verify(&session, &tree).await["result"], "pass");
    let tree = [(
        "calc.sh",
        Regular,
        "rm -f report.xml; ln -s /etc/passwd report.xml; exec sh -c 'echo 5'",
    )];
    let row = workshop.verify(&session, &tree).await;
    assert_eq!(row["result"], "fail", "{row:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_learners_code_does_to_itself_is_a_fail_with_its_reason() {
    let workshop = Workshop::open().await;
    for (run, report, more, reason) in [
        (
            "sleep 600",
            "exit-code",
            "wall_seconds = 1",
            "stopped at the limit of 1 s",
        ),
        (
            "while :; do :; done",
            "exit-code",
            "cpu_seconds = 1",
            "1 s of processor time",
        ),
        (
            "yes",
            "exit-code",
            "output_kib = 8",
            "stopped at the limit of 8 KiB of output",
        ),
        (
            "head -c 3000000 /dev/zero > big",
            "exit-code",
            "disk_mib = 1",
            "1 MiB of disk",
        ),
        ("kill -SEGV $$", "tap", "", "ended by signal 11"),
        ("exit 127", "exit-code", "", "exit code 127"),
        (
            // The lab's own files have no `a`: for them the report appears.
            "mkdir out; test -e a || echo '<testsuite><testcase name=\"t\"/></testsuite>' > out/r.xml",
            "junit:out/r.xml",
            "",
            "the report out/r.xml is missing",
        ),
        ("./brought.sh", "exit-code", "", "exit code 127"),
        (
            "ln -s /etc/passwd r.xml",
            "junit:r.xml",
            "",
            "symbolic link",
        ),
        (
            "echo '<testsuite>' > r.xml",
            "junit:r.xml",
            "",
            "ends too early",
        ),
        (
            "head -c 5000000 /dev/zero > r.xml",
            "junit:r.xml",
            "",
            "is larger than",
        ),
        ("mkfifo r.xml", "junit:r.xml", "", "not a regular file"),
        ("echo 1..0", "tap", "", "its report has no tests"),
        ("echo ok 1 - a", "tap", "", "without a plan"),
    ] {
        let toml = lab_toml(run, report, more);
        let session = workshop.session(&[("lab.toml", Regular, &toml)]).await;
        let row = workshop.verify(&session, &[("a", Regular, "")]).await;
        let told = format!("{run}: {row:#}");
        assert_eq!(
            (&row["result"], &row["points"]),
            (&json!("fail"), &json!(0)),
            "{told}"
        );
        assert_eq!(row["cause"], Value::Null, "{told}");
        assert!(row["detail"].as_str().unwrap().contains(reason), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_finds_what_the_step_before_left_but_for_the_labs_own_files() {
    let workshop = Workshop::open().await;
    let toml = "[lab]\nslug = \"a\"\n[verify]\nprotected = [\"tests/**\"]\n\
        [[step]]\nname = \"build\"\nrun = \"cat src > built; rm -rf tests; ln -s / tests\"\n\
        [[step]]\nname = \"again\"\nrun = \"rm -rf tests/data; echo bad > tests/check.sh; chmod 000 tests\"\n\
        [[step]]\nname = \"check\"\nrun = \"sh tests/check.sh && cat tests/data/given\"\n";
    let lab = [
        ("lab.toml", Regular, toml),
        (
            "tests/check.sh",
            Executable,
            "test \"$(cat built)\" = hello\n",
        ),
        ("tests/data/given", Regular, "given\n"),
    ];
    let session = workshop.session(&lab).await;
    let tree = [
        ("src", Regular, "hello"),
        ("out", Symlink, "../../etc"),
        ("in", Symlink, "src"),
        ("tests/mine", Regular, "x"),
    ];
    let row = workshop.verify(&session, &tree).await;
    assert_eq!(row["result"], "pass", "{row:#}");
    let log = row["log_digest"].as_str().unwrap().parse().unwrap();
    let log = workshop
        .objects
        .get(Owner::Session(session.id), log, 4096)
        .await
        .unwrap();
    let log = String::from_utf8(log.to_vec()).unwrap();
    assert!(
        log.contains("left out: out: it is a link that leads out of the tree"),
        "{log}"
    );
    assert!(log.contains("left out: tests/mine"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_that_is_missing_is_an_error_that_is_tried_again() {
    let mut workshop = Workshop::open().await;
    let session = workshop.session(&lab()).await;
    let tree = PreservedTree::Missing {
        cause: ErrorCause::SourceUnavailable,
        detail: "the forge has no such commit".into(),
    };
    let job = workshop.request(&session, tree).await;
    workshop.bus.publish(&job).await.unwrap();
    let row = workshop.result(&job).await;
    assert_eq!(
        (&row["result"], &row["cause"]),
        (&json!("error"), &json!("source-unavailable"))
    );
    assert_eq!(row["detail"], "the forge has no such commit");
    assert_eq!(
        (&row["points"], &row["points_max"]),
        (&json!(0), &json!(10))
    );

    let asked = workshop.snapshots_asked(1).await;
    assert_eq!(asked[0].try_number, 2);
    assert_eq!(asked[0].attempts[0].request, Some(job.request));
    assert_eq!(asked[0].attempts.len(), 1);
    let wait = (asked[0].not_before.unwrap() - contract::time::now()).num_seconds();
    assert!(wait <= 10, "{wait}");

    // A redelivery after a crash between commit and publish: the follower goes out again.
    workshop.say_again(&job).await;
    workshop.unacked("verifier-live", 0).await;
    workshop.close().await;
    let tries = "SELECT count(*) FROM verification_attempt";
    assert_eq!(workshop.house.number(tries).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_objects_are_nobodys_fault_and_preserved_anew() {
    let workshop = Workshop::open().await;
    let session = workshop.session(&lab()).await;
    let digest = contract::digest::Digest::of(b"never kept");
    let job = workshop
        .request(&session, PreservedTree::Kept { digest })
        .await;
    workshop.bus.publish(&job).await.unwrap();
    let row = workshop.result(&job).await;
    assert_eq!(row["cause"], "snapshot-unavailable", "{row:#}");
    assert_eq!(workshop.snapshots_asked(1).await[0].try_number, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lab_that_lacks_its_own_script_is_an_error_and_not_tried_again() {
    let mut workshop = Workshop::open().await;
    let lab = [("lab.toml", Regular, LAB_TOML), ("calc.sh", Regular, "")];
    let session = workshop.session(&lab).await;
    let tree = [
        ("calc.sh", Regular, CALC_RIGHT),
        ("tests/run.sh", Regular, "exit 127"),
    ];
    let row = workshop.verify(&session, &tree).await;
    assert_eq!(
        (&row["result"], &row["cause"]),
        (&json!("error"), &json!("lab-broken"))
    );
    assert!(
        row["detail"].as_str().unwrap().contains("tests/run.sh"),
        "{row:#}"
    );
    assert_eq!(row["retry_at"], Value::Null);
    workshop.unacked("verifier-live", 0).await;
    workshop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lab_that_works_for_nobody_is_an_error_even_where_its_script_is_there() {
    let mut workshop = Workshop::open().await;
    for (run, report, reason) in [
        (
            "true",
            "junit:out/r.xml",
            "the report out/r.xml does not appear even for the lab's own files",
        ),
        (
            "no-such-program --version",
            "exit-code",
            "the program no-such-program does not exist",
        ),
    ] {
        let toml = lab_toml(run, report, "");
        let session = workshop.session(&[("lab.toml", Regular, &toml)]).await;
        // Twice: the lab is tried once, and remembered.
        for text in ["1", "2"] {
            let row = workshop.verify(&session, &[("a", Regular, text)]).await;
            let told = format!("{run}: {row:#}");
            assert_eq!(row["cause"], "lab-broken", "{told}");
            assert!(row["detail"].as_str().unwrap().contains(reason), "{told}");
            assert_eq!(row["retry_at"], Value::Null, "{told}");
        }
    }
    workshop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_under_an_older_claim_is_refused() {
    let mut workshop = Workshop::open().await;
    let gate = format!("older-{}", std::process::id());
    let run = format!("mkfifo {gate}; cat {gate}");
    let toml = lab_toml(&run, "exit-code", "");
    let session = workshop.session(&[("lab.toml", Regular, &toml)]).await;
    let digest = workshop
        .keep(Owner::Session(session.id), &[("a", Regular, "")])
        .await;
    let job = workshop
        .request(&session, PreservedTree::Kept { digest })
        .await;
    workshop.bus.publish(&job).await.unwrap();
    testkit::wait::until("the try is claimed", async || {
        let claims = "SELECT count(*) FROM verification_claim";
        match workshop.house.number(claims).await {
            1 => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
    let request = job.request;
    let newer =
        format!("INSERT INTO verification_claim VALUES ('{request}', 1, 2, 'other', now())");
    workshop
        .house
        .sql_as("assay_verifier", &newer)
        .await
        .unwrap();
    release(&until_it_waits(&gate).await, &gate);
    workshop.close().await;
    let rows = "SELECT count(*) FROM verification_attempt";
    assert_eq!(workshop.house.number(rows).await, 0);
    let refused = "SELECT result, reason FROM verification_refused WHERE token = 1";
    let refused: Value = serde_json::from_str(&workshop.house.rows(refused).await[0]).unwrap();
    assert_eq!(refused["result"], "pass");
    assert_eq!(
        refused["reason"],
        "another worker has claimed the try since"
    );
    workshop.house.entries_are_by_the_schema().await;
    let entries = "SELECT count(*) FROM audit_entry WHERE action = 'verification-refused'";
    assert_eq!(workshop.house.number(entries).await, 1);
    workshop.unacked("verifier-live", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_before_its_time_waits_in_its_queue() {
    let mut workshop = Workshop::open().await;
    let session = workshop.session(&lab()).await;
    let digest = contract::digest::Digest::of(b"");
    let mut job = workshop
        .request(&session, PreservedTree::Kept { digest })
        .await;
    job.not_before = Some(contract::time::now() + std::time::Duration::from_secs(3_600));
    workshop.bus.publish(&job).await.unwrap();
    workshop.unacked("verifier-live", 1).await;
    workshop.close().await;
    let claims = "SELECT count(*) FROM verification_claim";
    assert_eq!(workshop.house.number(claims).await, 0);
}

//! The checker as it is run: the built program, an account in a file, and a real ledger.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected is"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use testkit::house::House;

/// The account of the unit tests, with digests and ids that a ledger takes.
const ACCOUNT: &str = include_str!("account.jsonl");
const D1: &str = "00000000-0000-8000-8000-000000000001";
const D2: &str = "00000000-0000-8000-8000-000000000002";
/// What the account asks for.
const ROWS: &str = include_str!("rows.sql");

struct Files {
    folder: TempDir,
}

impl Files {
    fn account(&self, text: &str) -> PathBuf {
        let file = self.folder.path().join("sent.jsonl");
        std::fs::write(&file, text.replace("\"d1\"", &format!("\"{D1}\""))).unwrap();
        file
    }
}

async fn house() -> (House, Files) {
    let house = House::with_postgres().await;
    house.sql(ROWS).await;
    (
        house,
        Files {
            folder: tempfile::tempdir().unwrap(),
        },
    )
}

fn check(account: &Path, ledger: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_assay-checker"));
    command
        .arg("--sent")
        .arg(account)
        .args(["--ledger", ledger])
        .args(more);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_has_everything_once_is_found_good_by_a_role_that_only_reads() {
    let (house, files) = house().await;
    let account = files.account(ACCOUNT);
    let reader = house.database_url("assay_reader");
    let output = check(&account, &reader, &["--expect-results"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let json = check(&account, &reader, &["--expect-results", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    for (name, number) in [
        ("sent", 7),
        ("recorded", 3),
        ("conflicts", 1),
        ("results", 2),
    ] {
        assert_eq!(json["counts"][name], number, "{json:#}");
    }
    assert_eq!(json["good"], true);
    assert_eq!(json["dead_letters"]["no JSON"], 1);
}

/// Faults that can be planted although the ledger only grows and its keys are unique.
const PLANTED: &[(&str, &str)] = &[
    (
        "wrong: receipt of a body that was never sent",
        "INSERT INTO delivery_receipt \
        SELECT '00000000-0000-8000-8000-000000000002', source, 'stranger', repeat('c', 64), \
        lane_id, 9, recorded_at FROM delivery_receipt",
    ),
    (
        "wrong: attempt of a commit that was never sent",
        "INSERT INTO lab_attempt \
        SELECT gen_random_uuid(), lab_session_id, push_id, delivery_id, repeat('9', 40), branch, \
        author_id, changed_files, committed_at, received_at, listed, trace_id, recorded_at \
        FROM lab_attempt LIMIT 1",
    ),
    (
        "doubled: delivery id with two receipts",
        "ALTER TABLE delivery_receipt DROP CONSTRAINT delivery_receipt_source_forge_delivery_key; \
        INSERT INTO delivery_receipt \
        SELECT '00000000-0000-8000-8000-000000000002', source, forge_delivery, body_digest, \
        lane_id, 9, recorded_at FROM delivery_receipt",
    ),
    (
        "doubled: attempt",
        "ALTER TABLE lab_attempt DROP CONSTRAINT lab_attempt_lab_session_id_commit_sha_key; \
        INSERT INTO lab_attempt \
        SELECT gen_random_uuid(), lab_session_id, push_id, delivery_id, commit_sha, branch, \
        author_id, changed_files, committed_at, received_at, listed, trace_id, recorded_at \
        FROM lab_attempt LIMIT 1",
    ),
    (
        "doubled: request for a head, without a push",
        "INSERT INTO verification_request \
        SELECT gen_random_uuid(), 'push:again', lab_attempt_id, lab_version_id, lane, trace_id, \
        recorded_at FROM verification_request LIMIT 1",
    ),
    (
        "doubled: try after a result, without a cause",
        "INSERT INTO verification_attempt \
        SELECT gen_random_uuid(), request_id, 9, token, result, cause, detail, points, points_max, \
        steps, limits, peaks, snapshot_digest, lab_version_digest, log_digest, log_bytes, runner, \
        worker, retry_at, started_at, finished_at, recorded_at FROM verification_attempt \
        WHERE result = 'fail'",
    ),
    (
        "lost: audit entry with neither leaf nor place in the queue",
        "INSERT INTO audit_entry \
        VALUES (gen_random_uuid(), 'odd', '{}', 'odd', NULL, now())",
    ),
    (
        "unaccounted: audit entry without a leaf",
        "INSERT INTO audit_entry \
        VALUES ('00000000-0000-8000-8000-0000000000ff', 'odd', '{}', 'odd', NULL, now()); \
        INSERT INTO ledger_pending VALUES ('00000000-0000-8000-8000-0000000000ff', NULL)",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planted_in_a_ledger_is_found_and_named() {
    for (finding, statements) in PLANTED {
        let (house, files) = house().await;
        house.sql(statements).await;
        let account = files.account(ACCOUNT);
        let output = check(
            &account,
            &house.database_url("assay_reader"),
            &["--expect-results"],
        );
        assert_eq!(
            output.status.code(),
            Some(1),
            "{finding}: {}",
            said(&output)
        );
        assert!(
            said(&output).contains(finding),
            "{finding}: {}",
            said(&output)
        );
    }
}

const SENT: &str = r#"{"kind":"sent","request":8,"source":"github","forge_delivery":"lost",
    "event":"push","body_sha256":"dd"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_and_is_not_in_the_ledger_is_lost() {
    let (house, files) = house().await;
    let lost = format!(
        "{ACCOUNT}{}\n{}\n",
        SENT.replace('\n', " "),
        r#"{"kind":"answered","request":8,"status":202,"delivery":"D2"}"#.replace("D2", D2),
    );
    let account = files.account(&lost);
    let reader = house.database_url("assay_reader");
    let output = check(&account, &reader, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("request 8: github lost"),
        "{}",
        said(&output)
    );
    // A dead letter accounts for it.
    let dead = format!(
        "INSERT INTO dead_letter (id, letter_id, message_id, stream, consumer, subject, action, actor, \
         reason, recorded_at) VALUES ('{D2}', '{D2}', '{D2}:dd', 'DELIVERIES', \
         'attempt-writer', 's', 'dead-lettered', 'a', 'it cannot be read', now())"
    );
    house.sql(&dead).await;
    let output = check(&account, &reader, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_or_a_ledger_that_cannot_be_read_is_no_verdict() {
    let (house, files) = house().await;
    let reader = house.database_url("assay_reader");
    let bad = files.account("not JSON\n");
    assert_eq!(check(&bad, &reader, &[]).status.code(), Some(2));
    let good = files.account(ACCOUNT);
    let nowhere = house.database_url("nobody_at_all");
    assert_eq!(check(&good, &nowhere, &[]).status.code(), Some(2));
    let missing = files.folder.path().join("missing");
    assert_eq!(check(&missing, &reader, &[]).status.code(), Some(2));
}

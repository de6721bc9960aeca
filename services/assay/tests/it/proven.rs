//! What the operator proves, others check without him; and whatever is altered in the ledger is
//! found, table by table.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use auditor::verify::verdict::{RowFault, Tampering, Verdict};
use auditor::verify::{Depth, verify};
use contract::time::now;
use sample::lab::PASSING;
use serde_json::Value;
use testkit::wait;
use tlog::key::VerifyingKey;

use crate::site::Site;

/// Fewest tables in which something is altered: those that one push fills.
const TABLES_MIN: usize = 10;

/// A site after a push that passed, its services stopped.
struct Past {
    site: Site,
    key: String,
    delivery: String,
    attempt: String,
    verification: String,
    /// What the check of the log that the auditor serves said.
    served: String,
}

impl Past {
    async fn make() -> Self {
        let mut site = Site::start().await;
        let (_lab, learner) = site.publish_lab().await;
        let posted = site.push(&learner, PASSING).await;
        let seen = site.until_judged(&posted).await;
        wait::until("all is signed and published", async || {
            let said = site.assay(&["verify-log", "--ledger"]).await;
            match said.out.contains(" 0 entries waiting") && said.code == Some(0) {
                true => Ok(()),
                false => Err(format!("{said:?}")),
            }
        })
        .await;
        let served = a_mirror_is_read_over_http(&site).await;
        site.stop_all().await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let key = fs::read_to_string(site.folder().join("log-verifier")).unwrap();
        Self {
            key: key.trim().to_owned(),
            delivery: text(&posted.receipt["delivery"]),
            attempt: text(&seen["attempts"][0]["id"]),
            verification: text(&seen["verifications"][0]["id"]),
            served,
            site,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.site.folder().join(name)
    }

    fn path(&self, name: &str) -> String {
        self.file(name).display().to_string()
    }

    /// Checks the ledger, in this process.
    async fn verdict(&self) -> Verdict {
        let reader = self.site.house.store("assay_reader", 1);
        let mut conn = reader.connection().await.unwrap();
        let key: VerifyingKey = self.key.parse().unwrap();
        let report = verify(&mut conn, &key, Depth::Rows, now()).await.unwrap();
        report.verdict
    }

    /// Alters a table as its owner can, past the triggers.
    async fn alter(&self, table: &str, statements: &str) {
        let all = format!(
            "ALTER TABLE {table} DISABLE TRIGGER ALL; {statements}; \
             ALTER TABLE {table} ENABLE TRIGGER ALL; \
             ALTER TABLE {table} ENABLE ALWAYS TRIGGER refuse_row_change; \
             ALTER TABLE {table} ENABLE ALWAYS TRIGGER refuse_truncate"
        );
        self.site.house.sql(&all).await;
    }
}

pub(crate) fn python(arguments: &[&str]) -> Option<i32> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/check");
    let mut command = Command::new("python3");
    command.arg(folder.join("assay_check.py")).args(arguments);
    let output = command.env("PYTHONDONTWRITEBYTECODE", "1").output();
    output.expect("python3 is installed").status.code()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_proves_others_check_and_what_is_altered_is_found() {
    let past = Past::make().await;
    proofs_are_checked(&past).await;
    a_mirror_is_checked(&past).await;
    every_table_is_held_to_its_entries(&past).await;
}

async fn proofs_are_checked(past: &Past) {
    let (proof, row) = (past.path("a.tlog-proof"), past.path("a.json"));
    // The beginning of an id does.
    let said = past
        .site
        .assay_ok(&["prove", &past.attempt[..30], "-o", &proof, "--row", &row])
        .await;
    assert!(said.contains("check-proof"), "{said}");
    let check = ["check-proof", &proof, "--key", &past.key, "--row", &row];
    let said = past.site.assay_ok(&check).await;
    let named = format!("the row {} of lab_attempt, as it was logged", past.attempt);
    assert!(said.contains(&named), "{said}");
    let by_python = ["proof", &proof, "--key", &past.key, "--row", &row];
    assert_eq!(python(&by_python), Some(0));

    let text = fs::read_to_string(&row).unwrap();
    fs::write(&row, text.replace("\"main\"", "\"next\"")).unwrap();
    let said = past.site.assay(&check).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!(python(&by_python), Some(1));
    let missing = ["check-proof", "no-such-file", "--key", &past.key];
    assert_eq!(past.site.assay(&missing).await.code, Some(2));
    let untrusted = ["check-proof", &proof, "--key", "no key"];
    assert_eq!(past.site.assay(&untrusted).await.code, Some(3));

    let delivery = past.path("delivery.tlog-proof");
    past.site
        .assay_ok(&["prove", &past.delivery, "-o", &delivery])
        .await;
    past.site
        .assay_ok(&["check-proof", &delivery, "--key", &past.key])
        .await;
    assert_eq!(python(&["proof", &delivery, "--key", &past.key]), Some(0));

    let story = past.path("story");
    let all = ["prove", &past.verification, "--all", "-o", &story];
    past.site.assay_ok(&all).await;
    let mut proven = 0;
    for file in fs::read_dir(&story).unwrap() {
        let file = file.unwrap().path().display().to_string();
        if file.ends_with(".tlog-proof") {
            past.site
                .assay_ok(&["check-proof", &file, "--key", &past.key])
                .await;
            proven += 1;
        }
    }
    assert!(proven >= 3, "recorded, preserved, judged: {proven}");
    let unknown = past.site.assay(&["prove", "00000000", "-o", &proof]).await;
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
}

/// Checks the log that the auditor serves, by the published files alone.
async fn a_mirror_is_read_over_http(site: &Site) -> String {
    let url = site.log_url();
    let key = fs::read_to_string(site.folder().join("log-verifier")).unwrap();
    let check = ["verify-log", "--mirror", &url, "--key", key.trim()];
    wait::until("the log is published", async || {
        let said = site.assay(&check).await;
        match said.code {
            Some(0) => Ok(said.out),
            _ => Err(format!("{said:?}")),
        }
    })
    .await
}

async fn a_mirror_is_checked(past: &Past) {
    let mirror = past.path("objects/log");
    let check = [
        "verify-log",
        "--mirror",
        &mirror,
        "--key",
        &past.key,
        "--ledger",
    ];
    let said = past.site.assay_ok(&check).await;
    assert!(said.contains("ok: "), "{said}");
    assert!(past.served.contains("ok: "), "{}", past.served);
    assert_eq!(python(&["mirror", &mirror, "--key", &past.key]), Some(0));
    // Entry, digest and leaf agree with each other, and with nobody else's copy.
    let forge = "ALTER TABLE audit_entry DISABLE TRIGGER ALL; \
        ALTER TABLE ledger_leaf DISABLE TRIGGER ALL; \
        CREATE TABLE kept_entry AS TABLE audit_entry; CREATE TABLE kept_leaf AS TABLE ledger_leaf; \
        UPDATE audit_entry SET entry = replace(entry, 'success', 'failure') \
            WHERE id = (SELECT audit_entry_id FROM ledger_leaf WHERE leaf_index = 1); \
        UPDATE audit_entry SET digest = encode(sha256(convert_to(entry, 'UTF8')), 'hex'); \
        UPDATE ledger_leaf SET leaf_hash = sha256('\\x00' || convert_to(entry, 'UTF8')) \
            FROM audit_entry WHERE audit_entry.id = audit_entry_id";
    past.site.house.sql(forge).await;
    let said = past.site.assay(&check).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.out.contains("leaf 1: the database has another"),
        "{said:?}"
    );
    let mend = "UPDATE audit_entry SET entry = kept.entry, digest = kept.digest \
            FROM kept_entry AS kept WHERE kept.id = audit_entry.id; \
        UPDATE ledger_leaf SET leaf_hash = kept.leaf_hash FROM kept_leaf AS kept \
            WHERE kept.epoch = ledger_leaf.epoch AND kept.leaf_index = ledger_leaf.leaf_index";
    past.site.house.sql(mend).await;
    let entries = past.file("objects/log/1/tile/entries");
    fs::rename(&entries, past.file("entries")).unwrap();
    assert_eq!(past.site.assay(&check).await.code, Some(2));
    fs::rename(past.file("entries"), &entries).unwrap();
}

/// In each table that a push fills: a row is altered, is taken away; and one is slipped in.
async fn every_table_is_held_to_its_entries(past: &Past) {
    assert_eq!(past.verdict().await, Verdict::Intact);
    let tables = past
        .site
        .house
        .rows(
            "SELECT DISTINCT covered ->> 'table' AS name FROM audit_entry, \
             jsonb_array_elements(entry::jsonb -> 'assay.rows') AS covered",
        )
        .await;
    assert!(tables.len() >= TABLES_MIN, "{tables:?}");
    for line in tables {
        let line: Value = serde_json::from_str(&line).unwrap();
        let table = line["name"].as_str().unwrap();
        let first = format!("ctid = (SELECT min(ctid) FROM {table})");
        let shift =
            |sign| format!("UPDATE {table} SET recorded_at = recorded_at {sign} interval '1 day'");
        past.alter(table, &shift("+")).await;
        names(past.verdict().await, table, RowFault::Altered);
        past.alter(table, &shift("-")).await;
        assert_eq!(past.verdict().await, Verdict::Intact, "{table}");
        let take = format!(
            "CREATE TABLE kept_row AS SELECT * FROM {table} WHERE {first}; \
             DELETE FROM {table} WHERE {first}"
        );
        past.alter(table, &take).await;
        names(past.verdict().await, table, RowFault::Gone);
        let back = format!("INSERT INTO {table} SELECT * FROM kept_row; DROP TABLE kept_row");
        past.alter(table, &back).await;
        assert_eq!(past.verdict().await, Verdict::Intact, "{table}");
    }
    let id = "00000000-0000-7000-8000-000000000001";
    let slip = format!("INSERT INTO lab (id, slug, recorded_at) VALUES ('{id}', 'mine', now())");
    past.site.house.sql(&slip).await;
    let uncovered = Tampering::Uncovered {
        table: "lab".to_owned(),
        key: id.to_owned(),
        total: 1,
    };
    assert_eq!(past.verdict().await, Verdict::Tampered(uncovered));
}

fn names(verdict: Verdict, altered: &str, how: RowFault) {
    match verdict {
        Verdict::Tampered(Tampering::Row { table, fault, .. }) => {
            assert_eq!((table.as_str(), fault), (altered, how));
        }
        other => panic!("{altered}: {other}"),
    }
}

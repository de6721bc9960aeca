//! A role a service: a stolen credential of one cannot write another's tables.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use testkit::house::House;

/// What each role may insert into: the design's column "written by".
pub(crate) const WRITERS: [(&str, &[&str]); 8] = [
    (
        "assay_attempt_writer",
        &[
            "audit_entry",
            "command",
            "dead_letter",
            "delivery",
            "delivery_conflict",
            "delivery_receipt",
            "erasure",
            "lab_attempt",
            "lab_session",
            "lane_hole_accepted",
            "lane_message",
            "ledger_pending",
            "legal_hold",
            "listing_due",
            "listing_part",
            "principal",
            "privacy.delivery_body",
            "privacy.named_in_body",
            "privacy.person",
            "privacy.person_key",
            "push",
            "removal",
            "verification_request",
            "work_remade",
        ],
    ),
    (
        "assay_snapshot_builder",
        &[
            "attempt_snapshot",
            "audit_entry",
            "command",
            "dead_letter",
            "lab",
            "lab_version",
            "ledger_pending",
            "snapshot",
        ],
    ),
    (
        "assay_verifier",
        &[
            "audit_entry",
            "command",
            "dead_letter",
            "ledger_pending",
            "verification_attempt",
            "verification_claim",
            "verification_origin",
            "verification_refused",
        ],
    ),
    (
        "assay_auditor",
        &[
            "audit_entry",
            "dead_letter",
            "lane_hole",
            "lane_manifest",
            "ledger_leaf",
            "ledger_pending",
            "log_checkpoint",
            "log_epoch",
            "log_head",
        ],
    ),
    (
        "assay_reconciler",
        &[
            "audit_entry",
            "command",
            "ledger_pending",
            "reconciliation",
            "reconciliation_gap",
        ],
    ),
    (
        "assay_status_reporter",
        &["audit_entry", "ledger_pending", "status_report"],
    ),
    ("assay_privacy", &[]),
    ("assay_reader", &[]),
];

/// Every table of ours, with the schema where that is not `public`.
pub(crate) async fn tables(house: &House) -> BTreeSet<String> {
    let query = "SELECT CASE nspname WHEN 'public' THEN '' ELSE nspname || '.' END || relname AS t \
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE relkind IN ('r', 'p') AND nspname IN ('public', 'privacy')";
    let names = house.rows(query).await.into_iter().map(|row| {
        let row: Value = serde_json::from_str(&row).unwrap();
        row["t"].as_str().unwrap().to_owned()
    });
    names.collect()
}

#[tokio::test]
async fn each_role_may_insert_into_its_own_tables_and_really_into_no_other() {
    let house = House::with_postgres().await;
    let mut allowed: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (role, _) in WRITERS {
        for table in tables(&house).await {
            let tried = house
                .sql_as(role, &format!("INSERT INTO {table} DEFAULT VALUES"))
                .await;
            // Nobody can insert a row without values: whoever may is stopped by a column.
            let refusal = tried.unwrap_err();
            if refusal.contains("permission denied") {
                continue;
            }
            assert!(refusal.contains("null value"), "{role} {table}: {refusal}");
            allowed.entry(role).or_default().push(table);
        }
    }
    for (role, tables) in WRITERS {
        let allowed = allowed.remove(role).unwrap_or_default();
        assert_eq!(allowed, tables, "{role}");
    }
}

#[tokio::test]
async fn who_a_pseudonym_is_can_be_read_by_nobody_but_its_writer() {
    let house = House::with_postgres().await;
    for (role, _) in WRITERS {
        for table in [
            "privacy.person",
            "privacy.person_key",
            "privacy.delivery_body",
            "privacy.named_in_body",
        ] {
            let read = house
                .sql_as(role, &format!("SELECT count(*) FROM {table}"))
                .await;
            assert_eq!(
                read.is_ok(),
                ["assay_attempt_writer", "assay_privacy"].contains(&role),
                "{role} {table}"
            );
        }
    }
}

#[tokio::test]
async fn no_role_can_make_tables_or_take_the_guards_down() {
    let house = House::with_postgres().await;
    for (role, _) in WRITERS {
        for statement in [
            "CREATE TABLE mine (id int)",
            "ALTER TABLE push DISABLE TRIGGER ALL",
            "DROP TRIGGER refuse_row_change ON push",
            "DROP TABLE ledger_pending",
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql \
             AS 'BEGIN RETURN NEW; END'",
            "SET session_replication_role = replica",
            "SET ROLE assay_owner",
        ] {
            let tried = house.sql_as(role, statement).await;
            assert!(tried.is_err(), "{role} did: {statement}");
        }
    }
}

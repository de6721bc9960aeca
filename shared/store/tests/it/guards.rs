//! The ledger only grows: every statement that would change it is really tried.

use diesel_async::SimpleAsyncConnection;
use servers::postgres::OWNER;
use testkit::house::House;

use crate::filled::Filled;
use crate::grants::tables;

const MAY_CHANGE: [&str; 2] = ["ledger_pending", "log_head"];
const ROLES: [&str; 8] = [
    "assay_attempt_writer",
    "assay_snapshot_builder",
    "assay_verifier",
    "assay_auditor",
    "assay_reconciler",
    "assay_status_reporter",
    "assay_privacy",
    "assay_reader",
];

/// The ledger's tables, each of which holds a row: a row's guard says nothing about no rows.
async fn ledger_tables(house: &House) -> Vec<String> {
    let mut ledger = Vec::new();
    for table in tables(house).await {
        let is_ledger = !table.contains('.')
            && !table.starts_with("__diesel")
            && !MAY_CHANGE.contains(&table.as_str());
        if is_ledger {
            let rows = house.number(&format!("SELECT count(*) FROM {table}")).await;
            assert!(rows > 0, "give {table} a row in tests/it/filled.rs");
            ledger.push(table);
        }
    }
    ledger
}

fn changes(table: &str) -> [String; 3] {
    [
        format!("UPDATE {table} SET recorded_at = now()"),
        format!("DELETE FROM {table}"),
        format!("TRUNCATE {table} CASCADE"),
    ]
}

#[tokio::test]
async fn no_service_can_update_delete_or_truncate_any_ledger_table() {
    let house = House::with_postgres().await;
    Filled::fill(&house).await;
    for table in ledger_tables(&house).await {
        for change in changes(&table) {
            for role in ROLES {
                let refusal = house.sql_as(role, &change).await.unwrap_err();
                assert!(
                    refusal.contains("permission denied"),
                    "{role}: {change}: {refusal}"
                );
            }
        }
    }
}

#[tokio::test]
async fn the_owners_ordinary_statement_is_refused_too_and_as_a_replica_as_well() {
    let house = House::with_postgres().await;
    Filled::fill(&house).await;
    for table in ledger_tables(&house).await {
        let count = format!("SELECT count(*) FROM {table}");
        let before = house.number(&count).await;
        for change in changes(&table) {
            for role in ["origin", "replica", "local"] {
                let as_role = format!("SET session_replication_role = {role}; {change}");
                let refusal = house.sql_as(OWNER, &as_role).await.unwrap_err();
                assert!(
                    refusal.contains("the ledger only grows"),
                    "{change}: {refusal}"
                );
            }
        }
        assert_eq!(house.number(&count).await, before, "{table}");
    }
}

#[tokio::test]
async fn a_row_cannot_be_replaced_by_an_upsert() {
    let house = House::with_postgres().await;
    Filled::fill(&house).await;
    let upsert = "INSERT INTO lab SELECT * FROM lab ON CONFLICT (id) DO UPDATE SET slug = 'other'";
    let refusal = house
        .sql_as("assay_snapshot_builder", upsert)
        .await
        .unwrap_err();
    assert!(refusal.contains("permission denied"), "{refusal}");
    let refusal = house.sql_as(OWNER, upsert).await.unwrap_err();
    assert!(refusal.contains("the ledger only grows"), "{refusal}");
}

#[tokio::test]
async fn the_auditor_alone_empties_the_outbox_and_moves_the_head() {
    let house = House::with_postgres().await;
    Filled::fill(&house).await;
    for role in ROLES {
        let auditor = role == "assay_auditor";
        for (statement, may) in [
            ("DELETE FROM ledger_pending", auditor),
            ("UPDATE ledger_pending SET traceparent = NULL", false),
            ("TRUNCATE ledger_pending", false),
            ("UPDATE log_head SET tree_size = tree_size", auditor),
            ("DELETE FROM log_head", false),
            ("TRUNCATE log_head", false),
        ] {
            let tried = house.sql_as(role, statement).await;
            assert_eq!(tried.is_ok(), may, "{role}: {statement}: {tried:?}");
        }
    }
}

#[tokio::test]
async fn a_refused_change_says_why_and_what_to_do_instead() {
    let house = House::with_postgres().await;
    Filled::fill(&house).await;
    let store = house.store(OWNER, 1);
    let mut conn = store.connection().await.unwrap();
    let refused = conn.batch_execute("DELETE FROM push").await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "DELETE on push is refused: the ledger only grows"
    );
    let error = store::error::StoreError::from(refused);
    assert!(!error.is_transient());
}

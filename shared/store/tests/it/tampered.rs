//! What the check of the log reads sees every change of every ledger table, column by column, though
//! whoever made it took the triggers down first.

use std::collections::{BTreeMap, BTreeSet};

use contract::audit::CoveredRow;
use diesel_async::SimpleAsyncConnection as _;
use serde_json::{Value, json};
use servers::postgres::OWNER;
use store::pool::Connection;
use store::{covered, uncovered};
use testkit::house::House;
use uuid::Uuid;

use crate::filled::Filled;
use crate::grants::tables;

/// The log itself, which its own hashes and signatures hold together, with its outbox; and what was
/// taken of a lane, which the receipts say too.
const OTHERWISE: [&str; 7] = [
    "audit_entry",
    "lane_message",
    "ledger_leaf",
    "ledger_pending",
    "log_checkpoint",
    "log_epoch",
    "log_head",
];
/// Tables whose rows come before the entry that covers them.
const LATER: [&str; 3] = ["verification_claim", "restore", "restore_step"];
/// Fewest columns in which something is altered.
const COLUMNS_MIN: usize = 200;

/// A column, and what it is made into.
fn other(kind: &str, column: &str) -> String {
    match kind {
        "timestamptz" => format!("coalesce({column}, now()) + interval '1 day'"),
        "bool" => format!("NOT coalesce({column}, false)"),
        // The largest has no next one.
        "int2" | "int4" | "int8" => {
            format!("CASE WHEN {column} > 0 THEN {column} - 1 ELSE coalesce({column}, 0) + 1 END")
        }
        "bytea" => format!("coalesce({column}, '') || sha256('')"),
        "uuid" => "gen_random_uuid()".to_owned(),
        "jsonb" => "'{\"forged\": true}'".to_owned(),
        "json" => "'{\"forged\": true}'::json".to_owned(),
        "text" => format!("coalesce({column}, '') || '~'"),
        other => panic!("{column} is of type {other}: say what else it could hold"),
    }
}

async fn columns(house: &House, table: &str) -> Vec<(String, String)> {
    let query = format!(
        "SELECT attname AS name, typname AS kind FROM pg_attribute \
         JOIN pg_type ON pg_type.oid = atttypid \
         WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped"
    );
    let rows = house.rows(&query).await.into_iter();
    let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
    rows.map(|row| serde_json::from_str(&row).unwrap())
        .map(|row: Value| (text(&row, "name"), text(&row, "kind")))
        .collect()
}

/// Whether the row is there as it was logged.
async fn is_as_logged(conn: &mut Connection, row: &CoveredRow) -> bool {
    let first: Uuid = row.key.split('/').next().unwrap().parse().unwrap();
    let now = covered::now(conn, row.table, &[first]).await.unwrap();
    now.unwrap().iter().any(|now| now == row)
}

/// Carries a change out and looks at the row; nothing of it stays. `None` where a rule of the table
/// refuses the change.
async fn looked_at(conn: &mut Connection, change: &str, row: &CoveredRow) -> Option<bool> {
    conn.batch_execute("BEGIN").await.unwrap();
    let seen = match conn.batch_execute(change).await {
        Ok(()) => Some(is_as_logged(conn, row).await),
        Err(_) => None,
    };
    conn.batch_execute("ROLLBACK").await.unwrap();
    seen
}

fn rows_of_the_ledger(filled: Filled) -> BTreeMap<&'static str, CoveredRow> {
    let rows = filled.covered.into_iter();
    let rows = rows.filter(|row| !row.table.starts_with("privacy."));
    rows.map(|row| (row.table, row)).collect()
}

#[tokio::test]
async fn a_row_of_any_ledger_table_is_not_as_logged_once_a_column_is_altered_or_it_is_gone() {
    let house = House::with_postgres().await;
    let rows = rows_of_the_ledger(Filled::fill(&house).await);
    let ledger = tables(&house).await.into_iter();
    let ledger: BTreeSet<String> = ledger
        .filter(|table| !table.contains('.') && !table.starts_with("__diesel"))
        .filter(|table| !OTHERWISE.contains(&table.as_str()))
        .collect();
    let filled: BTreeSet<String> = rows.keys().map(|table| (*table).to_owned()).collect();
    assert_eq!(filled, ledger, "each table has a row that an entry covers");
    let store = house.store(OWNER, 1);
    let conn = &mut store.connection().await.unwrap();
    let mut altered = 0;
    for (table, row) in &rows {
        // Whoever owns a table gets past its triggers.
        house
            .sql(&format!("ALTER TABLE {table} DISABLE TRIGGER ALL"))
            .await;
        assert!(is_as_logged(conn, row).await, "{table}");
        for (column, kind) in columns(&house, table).await {
            let change = format!("UPDATE {table} SET {column} = {}", other(&kind, &column));
            let seen = looked_at(conn, &change, row).await;
            assert_ne!(seen, Some(true), "{change}: nothing is seen of it");
            altered += usize::from(seen.is_some());
        }
        let gone = looked_at(conn, &format!("DELETE FROM {table}"), row).await;
        assert_eq!(gone, Some(false), "{table}");
    }
    assert!(
        altered >= COLUMNS_MIN,
        "{altered} columns of {} tables",
        rows.len()
    );
}

#[tokio::test]
async fn a_row_of_any_ledger_table_that_no_entry_covers_is_found() {
    let house = House::with_postgres().await;
    let rows = rows_of_the_ledger(Filled::fill(&house).await);
    let store = house.store(OWNER, 1);
    let conn = &mut store.connection().await.unwrap();
    let found = uncovered::find(conn, 1_000).await.unwrap();
    let found: BTreeSet<(String, String)> = found
        .into_iter()
        .map(|row| (row.table_name, row.key))
        .collect();
    let wanted = rows.values().filter(|row| !LATER.contains(&row.table));
    let wanted: BTreeSet<(String, String)> = wanted
        .map(|row| (row.table.to_owned(), row.key.clone()))
        .collect();
    assert_eq!(found, wanted);
    let entry = json!({ "assay.rows": rows.into_values().collect::<Vec<_>>() });
    let entry = entry.to_string().replace('\'', "''");
    let cover = format!(
        "INSERT INTO audit_entry (id, action, entry, digest, recorded_at) \
         VALUES (gen_random_uuid(), 'a', '{entry}', 'd', now())"
    );
    house.sql(&cover).await;
    assert_eq!(uncovered::find(conn, 1_000).await.unwrap(), []);
}

//! What an audit entry says of a row is what anybody finds in the database.

use std::collections::BTreeMap;

use contract::canonical::canonical_json;
use contract::digest::Digest;
use contract::time::Timestamp;
use diesel::sql_query;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use servers::postgres::OWNER;
use store::row::LedgerRow;
use testkit::house::House;

use crate::filled::Filled;

/// Every row of a table as its type reads it: key and digest.
macro_rules! read {
    ($conn:ident, $($module:ident :: $row:ident),+ $(,)?) => {{
        let mut found = BTreeMap::new();
        $(
            let table = store::$module::$row::TABLE;
            let query = sql_query(format!("SELECT * FROM {table}"));
            let rows: Vec<store::$module::$row> = query.load(&mut *$conn).await.unwrap();
            for row in rows {
                found.insert((table, row.key()), row.covered().digest);
            }
        )+
        found
    }};
}

#[tokio::test]
async fn a_row_read_back_has_the_digest_of_the_row_that_was_written() {
    let house = House::with_postgres().await;
    let filled = Filled::fill(&house).await;
    let store = house.store(OWNER, 1);
    let mut conn = store.connection().await.unwrap();
    let found = read!(
        conn,
        command::CommandRow,
        lab::LabRow,
        lab_version::LabVersionRow,
        lab_session::SessionRow,
        delivery::ReceiptRow,
        delivery::DeliveryRow,
        delivery::ConflictRow,
        delivery_body::BodyRow,
        delivery_body::NamedRow,
        erasure::ErasureRow,
        erasure::HoldRow,
        removal::RemovalRow,
        person_key::PersonKeyRow,
        principal::PrincipalRow,
        principal::PersonRow,
        lane::ManifestRow,
        lane_hole::HoleRow,
        lane_hole_accepted::AcceptedRow,
        push::PushRow,
        dead_letter::DeadLetterRow,
        reconciliation::ReconciliationRow,
        reconciliation::GapRow,
        restore::RestoreRow,
        restore::RestoreStepRow,
        attempt::AttemptRow,
        snapshot::SnapshotRow,
        status_report::StatusReportRow,
        attempt_snapshot::AttemptSnapshotRow,
        listing::ListingDueRow,
        listing::ListingPartRow,
        work_remade::RemadeRow,
        verification_request::RequestRow,
        verification_claim::ClaimRow,
        verification_attempt::VerificationRow,
        verification_origin::OriginRow,
        verification_refused::RefusedRow,
    );
    assert_eq!(found.len(), filled.covered.len());
    for row in filled.covered {
        let read = found.get(&(row.table, row.key.clone()));
        assert_eq!(read, Some(&row.digest), "{} {}", row.table, row.key);
    }
}

/// A row's digest as a stranger computes it, who has the database and none of our types: the
/// columns by their names, the times in UTC as RFC 3339.
fn digest_of(row: &str) -> Digest {
    let mut row: Value = serde_json::from_str(row).unwrap();
    for (column, value) in row.as_object_mut().unwrap() {
        if let (true, Some(text)) = (column.ends_with("_at"), value.as_str()) {
            let at: Timestamp = text.parse().unwrap();
            *value = serde_json::to_value(at).unwrap();
        }
    }
    Digest::of(canonical_json(&row).as_bytes())
}

#[tokio::test]
async fn a_rows_digest_can_be_computed_from_the_database_alone() {
    let house = House::with_postgres().await;
    let filled = Filled::fill(&house).await;
    for row in filled.covered {
        // Bytes are no matter of the ledger: nothing covers what can be erased.
        if row.table.starts_with("privacy.") {
            continue;
        }
        let rows = house.rows(&format!("SELECT * FROM {}", row.table)).await;
        assert_eq!(digest_of(&rows[0]), row.digest, "{} {}", row.table, rows[0]);
    }
}

#[tokio::test]
async fn a_row_that_is_there_is_passed_over_and_what_was_new_is_said() {
    let house = House::with_postgres().await;
    let store = house.store("assay_snapshot_builder", 1);
    let mut conn = store.connection().await.unwrap();
    let row = |slug: &str| store::lab::LabRow {
        id: uuid::Uuid::now_v7(),
        slug: slug.to_owned(),
        recorded_at: contract::time::now(),
    };
    let (one, two) = (row("one"), row("two"));
    let insert = store::lab::LabRow::insert;
    assert!(insert(&mut conn, &[]).await.unwrap().is_empty());
    let new = insert(&mut conn, &[one.clone(), row("one")]).await.unwrap();
    assert_eq!(new, [one.id].into());
    let new = insert(&mut conn, &[two.clone(), row("one")]).await.unwrap();
    assert_eq!(new, [two.id].into());
    assert_eq!(house.number("SELECT count(*) FROM lab").await, 2);
}

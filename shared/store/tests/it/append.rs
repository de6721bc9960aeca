//! The log's entries: written once, each with its place in the outbox.

use contract::audit::AuditEvent;
use contract::time;
use servers::postgres::OWNER;
use store::audit_entry::{self, PendingEntry};
use store::ledger_pending;
use store::principal::PrincipalRow;
use testkit::house::House;
use uuid::Uuid;

const ROLE: &str = "assay_verifier";

fn pending(subject: &str, traceparent: Option<&str>) -> PendingEntry {
    let event = AuditEvent {
        action: "attempt-verified",
        subject,
        service: "verifier",
        outcome: "success",
        trace_id: None,
        at: time::now(),
        fields: serde_json::Map::new(),
        rows: Vec::new(),
    };
    PendingEntry {
        entry: event.entry(),
        traceparent: traceparent.map(str::to_owned),
    }
}

async fn counts(house: &House) -> (i64, i64) {
    (
        house.number("SELECT count(*) FROM audit_entry").await,
        house.number("SELECT count(*) FROM ledger_pending").await,
    )
}

#[tokio::test]
async fn an_entry_is_added_once_with_its_pending_row_and_its_trace() {
    let house = House::with_postgres().await;
    let store = house.store(ROLE, 1);
    let mut conn = store.connection().await.unwrap();
    audit_entry::append(&mut conn, &[]).await.unwrap();
    let entries = [pending("one", Some("00-trace")), pending("two", None)];
    audit_entry::append(&mut conn, &entries).await.unwrap();
    assert_eq!(counts(&house).await, (2, 2));

    // Written again later: the text differs by its time, and the first one stays.
    let again = [pending("two", None), pending("one", Some("00-other"))];
    audit_entry::append(&mut conn, &again).await.unwrap();
    assert_eq!(counts(&house).await, (2, 2));
    let ids = [entries[0].entry.id.as_uuid()];
    let found = audit_entry::find(&mut conn, &ids).await.unwrap();
    assert_eq!(found[0].entry, entries[0].entry.text);
    let digest = contract::digest::Digest::of(found[0].entry.as_bytes());
    assert_eq!(found[0].digest, digest.to_string());

    let auditor = house.store("assay_auditor", 1);
    let mut conn = auditor.connection().await.unwrap();
    let waiting = ledger_pending::oldest(&mut conn, 10).await.unwrap();
    let one = waiting.iter().find(|row| row.audit_entry_id == ids[0]);
    assert_eq!(one.unwrap().traceparent.as_deref(), Some("00-trace"));
}

#[tokio::test]
async fn one_entry_given_twice_in_one_call_is_added_once() {
    let house = House::with_postgres().await;
    let store = house.store(ROLE, 1);
    let mut conn = store.connection().await.unwrap();
    let entries = [
        pending("one", None),
        pending("two", None),
        pending("one", None),
    ];
    audit_entry::append(&mut conn, &entries).await.unwrap();
    assert_eq!(counts(&house).await, (2, 2));
}

#[tokio::test]
async fn an_entry_that_has_its_leaf_does_not_come_back_into_the_outbox() {
    let house = House::with_postgres().await;
    let store = house.store(ROLE, 1);
    let mut conn = store.connection().await.unwrap();
    let entry = [pending("one", None)];
    audit_entry::append(&mut conn, &entry).await.unwrap();
    let owner = house.store(OWNER, 1);
    let mut owning = owner.connection().await.unwrap();
    let id = entry[0].entry.id.as_uuid();
    assert_eq!(ledger_pending::remove(&mut owning, &[id]).await.unwrap(), 1);
    audit_entry::append(&mut conn, &entry).await.unwrap();
    assert_eq!(counts(&house).await, (1, 0));
}

#[tokio::test]
async fn what_was_to_be_new_and_is_there_is_not_added_and_has_the_transaction_run_again() {
    let house = House::with_postgres().await;
    let store = house.store(ROLE, 1);
    let mut conn = store.connection().await.unwrap();
    let (one, two) = (pending("one", Some("00-trace")), pending("two", None));
    audit_entry::append_new(&mut conn, &[]).await.unwrap();
    audit_entry::append_new(&mut conn, std::slice::from_ref(&one))
        .await
        .unwrap();
    assert_eq!(counts(&house).await, (1, 1));
    let refused = audit_entry::append_new(&mut conn, &[one, two]).await;
    let refused = refused.unwrap_err();
    assert!(refused.is_serialization_failure(), "{refused:?}");
    assert_eq!(counts(&house).await, (1, 1));

    let writer = house.store("assay_attempt_writer", 1);
    let mut conn = writer.connection().await.unwrap();
    let row = |account: &str, number: u128| PrincipalRow {
        id: Uuid::from_u128(number),
        provider: "github".to_owned(),
        account: account.to_owned(),
        recorded_at: time::now(),
    };
    let rows = [row("a", 1), row("b", 2)];
    PrincipalRow::insert_new(&mut conn, &rows[..0])
        .await
        .unwrap();
    PrincipalRow::insert_new(&mut conn, &rows).await.unwrap();
    // By another key than the first of its row.
    for there in [row("c", 2), row("b", 3)] {
        let refused = PrincipalRow::insert_new(&mut conn, &[&there, &row("d", 4)]).await;
        let refused = refused.unwrap_err();
        assert!(refused.is_serialization_failure(), "{refused:?}");
    }
    assert_eq!(house.number("SELECT count(*) FROM principal").await, 2);
}

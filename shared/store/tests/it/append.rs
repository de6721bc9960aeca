//! The log's entries: written once, each with its place in the outbox.

use contract::audit::AuditEvent;
use contract::time;
use servers::postgres::OWNER;
use store::audit_entry::{self, PendingEntry};
use store::ledger_pending;
use testkit::house::House;

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

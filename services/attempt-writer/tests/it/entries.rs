//! The log covers what the ledger got: every row is in one entry, with the digest that anybody
//! computes from the database.

use std::collections::BTreeMap;

use contract::canonical::canonical_json;
use contract::digest::Digest;
use contract::time::Timestamp;
use serde_json::Value;

use crate::deliveries::{Delivery, Push};
use crate::world::{ENROLLED, OTHER, World};

/// The writer's tables, with the columns of their keys.
const TABLES: [(&str, &[&str]); 9] = [
    ("command", &["id"]),
    ("delivery_receipt", &["delivery_id"]),
    ("delivery", &["id"]),
    ("delivery_conflict", &["id"]),
    ("push", &["id"]),
    ("principal", &["id"]),
    ("lab_session", &["id"]),
    ("lab_attempt", &["id"]),
    ("verification_request", &["id"]),
];

/// A row's digest as a stranger computes it: the columns by their names, times as RFC 3339.
fn digest_of(row: &Value) -> Digest {
    let mut row = row.clone();
    for (column, value) in row.as_object_mut().unwrap() {
        if let (true, Some(text)) = (column.ends_with("_at"), value.as_str()) {
            let at: Timestamp = text.parse().unwrap();
            *value = serde_json::to_value(at).unwrap();
        }
    }
    Digest::of(canonical_json(&row).as_bytes())
}

/// Every row that some entry lists: how often, and its digest.
async fn listed(world: &World) -> BTreeMap<(String, String), Vec<String>> {
    let mut listed: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for entry in world.rows("SELECT entry FROM audit_entry").await {
        let entry: Value = serde_json::from_str(entry["entry"].as_str().unwrap()).unwrap();
        for row in entry["assay.rows"].as_array().into_iter().flatten() {
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            let of = listed.entry((text("table"), text("key"))).or_default();
            of.push(text("digest"));
        }
    }
    listed
}

/// A life with everything in it that the writer knows.
async fn live(world: &World) {
    let writer = world.writer();
    let push = |name: &str, repository: &str, before, listed: &[u32]| {
        Delivery::new(
            world,
            name,
            &Push::new(repository, before, listed).payload(),
        )
    };
    let unmatched = push("unmatched", OTHER, 1, &[2, 3]);
    let first = push("first", ENROLLED, 1, &[2, 3, 4]);
    world.deliver(&[unmatched, first.clone()]).await;
    world.settled().await;
    let conflict = push("first", ENROLLED, 4, &[5]);
    world.deliver(&[first.sent_again(world), conflict]).await;
    let conflict_elsewhere = push("first", OTHER, 3, &[4]);
    world
        .deliver(std::slice::from_ref(&conflict_elsewhere))
        .await;
    world.settled().await;
    let command = world.ask_for_session(OTHER, None).await;
    world.outcome(command).await;
    world.settled().await;
    // The contradiction was taken in with the session; it comes once more, and brings nothing.
    world.deliver(&[conflict_elsewhere.sent_again(world)]).await;
    let refused = world.ask_for_session(OTHER, None).await;
    world.outcome(refused).await;
    world.settled().await;
    writer.stop().await;
}

#[tokio::test]
async fn every_row_is_covered_by_one_entry_with_the_digest_that_the_database_gives() {
    let world = World::start().await;
    live(&world).await;
    let listed = listed(&world).await;
    let mut rows = 0;
    for (table, key) in TABLES {
        let found = world.rows(&format!("SELECT * FROM {table}")).await;
        assert!(!found.is_empty(), "{table}");
        for row in found {
            // The lab's publication is not the writer's.
            if row["kind"] == "lab-publish" {
                continue;
            }
            let key: Vec<_> = key
                .iter()
                .map(|column| row[*column].as_str().unwrap())
                .collect();
            let covering = listed.get(&(table.to_owned(), key.join("/")));
            assert_eq!(
                covering,
                Some(&vec![digest_of(&row).to_string()]),
                "{table} {row}"
            );
            rows += 1;
        }
    }
    assert_eq!(listed.len(), rows, "nothing is covered that is not there");
    assert_eq!(world.dead().await, 0);
    let unlogged = "audit_entry WHERE id NOT IN (SELECT audit_entry_id FROM ledger_pending)";
    assert_eq!(world.count(unlogged).await, 0);
}

#[tokio::test]
async fn an_entry_says_what_happened_in_the_words_of_the_design() {
    let world = World::start().await;
    live(&world).await;
    let actions = world
        .rows("SELECT action, count(*) FROM audit_entry GROUP BY 1 ORDER BY 1")
        .await;
    let said: Vec<_> = actions
        .iter()
        .map(|row| format!("{} {}", row["action"].as_str().unwrap(), row["count"]))
        .collect();
    assert_eq!(
        said,
        [
            "command-carried-out 2",
            "delivery-conflicted 3",
            "delivery-reconsidered 2",
            "delivery-recorded 2",
            "delivery-repeated 1",
            "session-opened 2",
        ]
    );
    let recorded = world
        .rows("SELECT entry FROM audit_entry WHERE action = 'delivery-recorded' LIMIT 1")
        .await;
    let entry: Value = serde_json::from_str(recorded[0]["entry"].as_str().unwrap()).unwrap();
    assert_eq!(entry["service.name"], "attempt-writer");
    assert_eq!(entry["event.outcome"], "success");
    assert_eq!(entry["assay.source"], "github");
    for name in [
        "@timestamp",
        "event.id",
        "trace.id",
        "assay.delivery.id",
        "assay.lane.number",
    ] {
        assert!(!entry[name].is_null(), "{name}");
    }
}

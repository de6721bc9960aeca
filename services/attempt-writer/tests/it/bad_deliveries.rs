//! Bad and odd deliveries, as far as they get to the ledger. The table of all of them is at the head
//! of webhook-ingest's tests of this name.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::ids::DeliveryId;
use contract::name::Repository;
use serde_json::{Value, json};

use crate::deliveries::{Delivery, Push, sha};
use crate::world::{ENROLLED, World};

#[tokio::test]
async fn a_redelivery_after_5_minutes_1_hour_and_3_days_has_no_effect_of_its_own() {
    let world = World::start().await;
    let writer = world.writer();
    let first = Delivery::new(&world, "d", &Push::new(ENROLLED, 1, &[2, 3]).payload());
    world.deliver(std::slice::from_ref(&first)).await;
    world.settled().await;
    // Each is a message of its own: the stream's window of two minutes has forgotten the first.
    for minutes in [5, 60, 3 * 24 * 60] {
        let later = Duration::from_secs(60 * minutes);
        let mut again = first.sent_again(&world);
        again.received.received_at = first.received.received_at + later;
        world.deliver(&[again]).await;
        world.settled().await;
    }
    writer.stop().await;
    for (table, count) in [
        ("delivery_receipt", 1),
        ("delivery", 1),
        ("push", 1),
        ("lab_attempt", 2),
        ("verification_request", 1),
        ("delivery_conflict", 0),
        ("audit_entry WHERE action = 'delivery-repeated'", 3),
    ] {
        assert_eq!(world.count(table).await, count, "{table}");
    }
    // Deadlines are judged by when it came first.
    let rows = world.rows("SELECT received_at FROM delivery").await;
    let recorded = rows[0]["received_at"].as_str().unwrap();
    let recorded: contract::time::Timestamp = recorded.parse().unwrap();
    assert_eq!(recorded, first.received.received_at);
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn a_form_encoded_push_is_read_as_the_push_that_is_in_it() {
    let world = World::start().await;
    let writer = world.writer();
    let json = Push::new(ENROLLED, 1, &[2, 3]).payload().to_string();
    let digits = json.bytes().map(|byte| format!("%{byte:02X}"));
    let form = format!("payload={}", digits.collect::<String>());
    let mut delivery = Delivery::of_body(&world, "d", "push", form);
    let content_type = "application/x-www-form-urlencoded; charset=utf-8";
    let headers = &mut delivery.received.headers;
    headers.insert("content-type".to_owned(), content_type.to_owned());
    world.deliver(&[delivery]).await;
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.count("lab_attempt").await, 2);
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn what_the_ledger_keeps_of_a_body_is_every_byte_of_it() {
    let world = World::start().await;
    let writer = world.writer();
    let push = Push::new(ENROLLED, 1, &[2]).payload().to_string();
    let odd =
        "{ \"id\": 9007199254740993, \"text\": \"\u{1f389}\\ud83c\\udf89\", \"ref\": \"x\",\n";
    let body = push.replacen('{', odd, 1);
    let delivery = Delivery::of_body(&world, "d", "push", body.clone());
    world.deliver(&[delivery]).await;
    world.settled().await;
    writer.stop().await;
    let bodies = world.bodies().await;
    let frame = bodies[0].1.clone().unwrap();
    let kept = zstd::bulk::decompress(&frame, body.len()).unwrap();
    assert_eq!(kept, body.into_bytes());
    // Of two equal keys the last holds.
    assert_eq!(
        world.count("push WHERE ref_name = 'refs/heads/main'").await,
        1
    );
    assert_eq!(world.count("lab_attempt").await, 1);
}

#[tokio::test]
async fn zeros_of_64_digits_are_no_commit_and_a_new_branch_may_be_forced() {
    let world = World::start().await;
    let writer = world.writer();
    let (zeros, tip) = ("0".repeat(64), "a".repeat(64));
    let with = |name: &str, change: &[(&str, Value)]| {
        let mut payload = Push::new(ENROLLED, 1, &[]).payload();
        for (field, value) in change {
            payload[*field] = value.clone();
        }
        Delivery::new(&world, name, &payload)
    };
    let created = with(
        "created",
        &[
            ("before", json!(zeros)),
            ("after", json!(tip)),
            ("created", json!(true)),
            ("deleted", json!(false)),
            ("forced", json!(true)),
        ],
    );
    let deleted = with(
        "deleted",
        &[("before", json!(tip)), ("after", json!(zeros))],
    );
    for delivery in [created, deleted] {
        world.deliver(&[delivery]).await;
        world.settled().await;
    }
    writer.stop().await;
    let rows = world
        .rows("SELECT before_sha AS before, after_sha AS after, forced FROM push ORDER BY received_at")
        .await;
    assert_eq!(
        rows,
        [
            json!({ "before": null, "after": tip, "forced": true }),
            json!({ "before": tip, "after": null, "forced": false }),
        ]
    );
    assert_eq!(world.count("lab_attempt").await, 1);
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn a_push_that_lists_2048_commits_is_as_many_attempts() {
    let world = World::start().await;
    let writer = world.writer();
    let listed: Vec<u32> = (2..2_050).collect();
    let payload = Push::new(ENROLLED, 1, &listed).payload();
    world.deliver(&[Delivery::new(&world, "d", &payload)]).await;
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.count("lab_attempt").await, 2_048);
    assert_eq!(world.count("push WHERE commits_listed = 2048").await, 1);
}

/// A delivery of Bitbucket's that changes three branches: two move, one goes.
fn three_refs(world: &World) -> Delivery {
    let at = |name: &str, number: u32| json!({ "type": "branch", "name": name, "target": { "hash": sha(number) } });
    let change = |old: Value, new: Value, listed: &[u32]| {
        let commits = listed.iter().map(|number| json!({ "hash": sha(*number) }));
        json!({ "old": old, "new": new, "commits": commits.collect::<Vec<_>>() })
    };
    let payload = json!({
        "actor": { "uuid": "{a}", "nickname": "ada" },
        "repository": { "full_name": ENROLLED },
        "push": { "changes": [
            change(at("one", 1), at("one", 3), &[3, 2]),
            change(Value::Null, at("two", 4), &[4]),
            change(at("three", 5), Value::Null, &[]),
        ]},
    });
    let mut delivery = Delivery::of_body(world, "b", "repo:push", payload.to_string());
    delivery.received.source = "bitbucket".parse().unwrap();
    delivery.received.delivery = DeliveryId::compute("bitbucket", "b");
    delivery.received.headers = BTreeMap::from(
        [
            ("content-type", "application/json"),
            ("x-request-uuid", "b"),
            ("x-event-key", "repo:push"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    delivery
}

#[tokio::test]
async fn a_delivery_of_three_refs_is_three_pushes_and_once() {
    let world = World::start().await;
    let writer = world.writer();
    let mut asked = world.asked(ENROLLED, None);
    let source = "bitbucket".parse().unwrap();
    asked.repository = Repository::new(&source, ENROLLED).unwrap();
    world.bus.publish(&asked).await.unwrap();
    assert_eq!(world.outcome(asked.command).await["outcome"], "accepted");
    let delivery = three_refs(&world);
    for copy in [
        delivery.clone(),
        delivery.clone(),
        delivery.sent_again(&world),
    ] {
        world.deliver(&[copy]).await;
        world.settled().await;
    }
    writer.stop().await;
    let rows = world
        .rows(
            "SELECT ref_name AS name, after_sha IS NULL AS gone, \
             (SELECT count(*) FROM lab_attempt a WHERE a.push_id = push.id) AS attempts \
             FROM push ORDER BY ref_name",
        )
        .await;
    let row = |name: &str, gone: bool, attempts: u32| json!({ "name": format!("refs/heads/{name}"), "gone": gone, "attempts": attempts });
    let expected = [
        row("one", false, 2),
        row("three", true, 0),
        row("two", false, 1),
    ];
    assert_eq!(rows, expected);
    assert_eq!(world.count("delivery").await, 1);
    assert_eq!(world.count("verification_request").await, 2);
    assert_eq!(world.dead().await, 0);
}

//! One bad message is its own affair.

use bus::outgoing::Outgoing;
use contract::delivery::{DELIVERY_HEADER, DELIVERY_RECEIVED};
use contract::digest::Digest;

use crate::deliveries::{Delivery, Push};
use crate::world::World;

/// Good deliveries, each of a repository of its own.
fn good(world: &World, count: u32) -> Vec<Delivery> {
    let delivery = |number: u32| {
        let push = Push::new(&format!("course-{number}/intro-1"), 1, &[number + 10]);
        Delivery::new(world, &format!("good-{number}"), &push.payload())
    };
    (0..count).map(delivery).collect()
}

#[tokio::test]
async fn a_row_that_the_ledger_cannot_take_is_a_dead_letter_and_its_neighbours_are_recorded() {
    let world = World::start().await;
    let mut batch = good(&world, 200);
    let push = Push::new("course-x/intro-1", 1, &[9]);
    let mut poison = Delivery::new(&world, "poison", &push.payload());
    // What no database takes into a column of text.
    poison.received.key = "a\0b".to_owned();
    batch.insert(77, poison);
    world.deliver(&batch).await;
    let writer = world.writer();
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.dead().await, 1);
    assert_eq!(world.count("delivery").await, 200);
    assert_eq!(world.count("lab_attempt").await, 200);
    let of_poison = "delivery_receipt WHERE forge_delivery = 'poison'";
    assert_eq!(world.count(of_poison).await, 0);
}

#[tokio::test]
async fn what_can_never_be_read_is_a_dead_letter_each() {
    let world = World::start().await;
    let push = Push::new("course-x/intro-1", 1, &[9]).payload();
    let delivery = |name: &str| Delivery::new(&world, name, &push);

    let not_json = Delivery::of_body(&world, "not-json", "push", "{");
    let mut no_repository = push.clone();
    no_repository["repository"] = serde_json::json!({ "full_name": "../.." });
    let no_repository = Delivery::new(&world, "no-repository", &no_repository);
    let mut other_digest = delivery("other-digest");
    other_digest.received.body_digest = Digest::of(b"another body");
    let mut longer = delivery("longer-than-it-says");
    longer.received.body_bytes = 3;
    let mut huge = delivery("says-it-is-huge");
    huge.received.body_bytes = u64::MAX;
    let mut no_source = delivery("no-source");
    no_source.received.source = "elsewhere".parse().unwrap();
    let mut bad = vec![
        not_json.message(),
        no_repository.message(),
        other_digest.message(),
        longer.message(),
        huge.message(),
        no_source.message(),
    ];
    let subject = delivery("x").received.subject();
    let raw = |kind: &str, id: &str| {
        Outgoing::raw("tests", kind, subject.clone(), id, "no frame".into()).unwrap()
    };
    bad.push(raw("some.other.kind", "kind"));
    bad.push(raw(DELIVERY_RECEIVED, "no header"));
    let mut unread = raw(DELIVERY_RECEIVED, "bad header");
    unread.set(DELIVERY_HEADER, "{}").unwrap();
    bad.push(unread);
    let mut no_frame = raw(DELIVERY_RECEIVED, "no frame");
    let header = serde_json::to_string(&delivery("no-frame").received).unwrap();
    no_frame.set(DELIVERY_HEADER, &header).unwrap();
    bad.push(no_frame);
    // Says another source than the subject that the broker's permissions are bound to.
    let mut misplaced = raw(DELIVERY_RECEIVED, "misplaced");
    let mut claims = delivery("misplaced").received;
    claims.source = "elsewhere".parse().unwrap();
    let header = serde_json::to_string(&claims).unwrap();
    misplaced.set(DELIVERY_HEADER, &header).unwrap();
    bad.push(misplaced);

    let count = bad.len() as u64;
    world.bus.publish_batch(&bad).await.unwrap();
    world.deliver(&good(&world, 3)).await;
    let writer = world.writer();
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.dead().await, count);
    assert_eq!(world.count("delivery").await, 3);
    assert_eq!(world.count("lab_attempt").await, 3);
}

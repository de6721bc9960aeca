//! A delivery takes effect once, however often it arrives (promise P2).

use crate::deliveries::{Delivery, Push};
use crate::jobs::Jobs;
use crate::world::{ENROLLED, World};

const TABLES: [&str; 7] = [
    "delivery_receipt",
    "delivery",
    "privacy.delivery_body",
    "push",
    "lab_attempt",
    "verification_request",
    "lab_session",
];

async fn counts(world: &World) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in TABLES {
        counts.push(world.count(table).await);
    }
    counts
}

async fn entries(world: &World, action: &str) -> i64 {
    let query = format!("audit_entry WHERE action = '{action}'");
    world.count(&query).await
}

#[tokio::test]
async fn a_redelivered_message_has_one_effect_and_its_followers_are_published_again() {
    let mut world = World::start().await;
    let delivery = Delivery::new(&world, "d", &Push::new(ENROLLED, 1, &[2, 3]).payload());
    // The server forgets ids whose messages are gone when it starts again: what is published
    // again is then seen.
    let mut seen = Vec::new();
    for _ in 0..2 {
        let jobs = Jobs::read(&world);
        let writer = world.writer();
        // The same message: lane and number are those of the first time.
        world.deliver(std::slice::from_ref(&delivery)).await;
        seen.extend(jobs.reach(1).await);
        world.settled().await;
        writer.stop().await;
        world.house.nats_mut().stop().await.unwrap();
        world.house.nats_mut().start_again().await.unwrap();
        testkit::wait::until("the bus answers", async || world.bus.ping().await).await;
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(counts(&world).await, [1, 1, 1, 1, 2, 1, 1]);
    assert_eq!(entries(&world, "delivery-recorded").await, 1);
    assert_eq!(entries(&world, "delivery-repeated").await, 0);
}

#[tokio::test]
async fn a_crash_between_commit_and_publish_loses_no_follower() {
    let world = World::start().await;
    let writer = world.writer();
    let issue = Delivery::of_body(&world, "issue", "issues", "{}");
    world.deliver(&[issue]).await;
    world.settled().await;
    // The followers have no queue now: the commit is made, and the publish is not.
    world.house.remove_stream("JOBS").await;
    let delivery = Delivery::new(&world, "d", &Push::new(ENROLLED, 1, &[2]).payload());
    world.deliver(&[delivery]).await;
    testkit::wait::until("the effect is committed", async || {
        match world.count("lab_attempt").await {
            1 => Ok(()),
            found => Err(format!("{found} attempts")),
        }
    })
    .await;
    drop(writer);
    world.bus.apply_topology(1).await.unwrap();

    let jobs = Jobs::read(&world);
    let writer = world.writer();
    let asked = jobs.reach(1).await;
    world.settled().await;
    writer.stop().await;
    assert_eq!(asked[0].attempts.len(), 1);
    assert_eq!(counts(&world).await, [2, 2, 2, 1, 1, 1, 1]);
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn what_the_forge_sends_again_is_audited_and_adds_nothing() {
    let world = World::start().await;
    let writer = world.writer();
    let delivery = Delivery::new(&world, "d", &Push::new(ENROLLED, 1, &[2, 3]).payload());
    world.deliver(std::slice::from_ref(&delivery)).await;
    world.settled().await;
    let before = counts(&world).await;

    let again = [delivery.sent_again(&world), delivery.sent_again(&world)];
    world.deliver(&again).await;
    world.settled().await;
    // The queue gives one of the repeats again: it is the same repeat.
    world.deliver(&again[..1]).await;
    world.settled().await;
    writer.stop().await;
    assert_eq!(counts(&world).await, before);
    assert_eq!(entries(&world, "delivery-recorded").await, 1);
    assert_eq!(entries(&world, "delivery-repeated").await, 2);
}

#[tokio::test]
async fn copies_that_come_in_one_batch_are_one_delivery_and_its_repeats() {
    let world = World::start().await;
    let delivery = Delivery::new(&world, "d", &Push::new(ENROLLED, 1, &[2, 3]).payload());
    // Another delivery of the same push, as when a hook is configured twice.
    let other = Delivery::new(&world, "other", &Push::new(ENROLLED, 1, &[2, 3]).payload());
    let copies = [
        delivery.clone(),
        delivery.sent_again(&world),
        delivery.clone(),
        other,
    ];
    world.deliver(&copies).await;
    let writer = world.writer();
    world.settled().await;
    writer.stop().await;
    // The second push names the same commits: no attempt more, and a request of its own.
    assert_eq!(counts(&world).await, [2, 2, 2, 2, 2, 2, 1]);
    assert_eq!(entries(&world, "delivery-recorded").await, 2);
    assert_eq!(entries(&world, "delivery-repeated").await, 1);
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn another_body_under_the_same_id_is_a_conflict_and_its_push_is_processed() {
    let world = World::start().await;
    let writer = world.writer();
    let first = Delivery::new(&world, "d", &Push::new(ENROLLED, 1, &[2]).payload());
    world.deliver(std::slice::from_ref(&first)).await;
    world.settled().await;
    let second = Delivery::new(&world, "d", &Push::new(ENROLLED, 2, &[3, 4]).payload());
    assert_eq!(first.id(), second.id());
    world.deliver(std::slice::from_ref(&second)).await;
    world.settled().await;
    // Twice more: by the forge and by the queue.
    world
        .deliver(&[second.sent_again(&world), second.clone()])
        .await;
    world.settled().await;
    writer.stop().await;

    let conflicts = world.rows("SELECT * FROM delivery_conflict").await;
    let [conflict] = conflicts.as_slice() else {
        panic!("{conflicts:?}")
    };
    assert_eq!(
        conflict["body_digest"],
        second.received.body_digest.to_string()
    );
    assert_eq!(
        conflict["first_body_digest"],
        first.received.body_digest.to_string()
    );
    assert_eq!(world.count("delivery").await, 1);
    assert_eq!(world.count("push").await, 2);
    assert_eq!(world.count("lab_attempt").await, 3);
    assert_eq!(world.count("privacy.delivery_body").await, 2);
    assert_eq!(entries(&world, "delivery-conflicted").await, 2);
}

#[tokio::test]
async fn two_conflicting_bodies_in_one_batch_are_both_kept() {
    let world = World::start().await;
    let body = |before, listed: &[u32]| {
        Delivery::new(&world, "d", &Push::new(ENROLLED, before, listed).payload())
    };
    let all = [body(1, &[2]), body(2, &[3]), body(3, &[4])];
    let copy = all[2].sent_again(&world);
    world.deliver(&[all.as_slice(), &[copy]].concat()).await;
    let writer = world.writer();
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.count("delivery_conflict").await, 2);
    assert_eq!(world.count("push").await, 3);
    assert_eq!(world.count("lab_attempt").await, 3);
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn a_repeat_on_the_other_side_of_midnight_is_the_same_delivery() {
    let world = World::start().await;
    let writer = world.writer();
    let at = |time: &str| time.parse().unwrap();
    let mut first = Delivery::new(&world, "d", &Push::new(ENROLLED, 1, &[2]).payload());
    first.received.received_at = at("2026-11-20T23:59:59.999999Z");
    let mut again = first.sent_again(&world);
    again.received.received_at = at("2026-11-21T00:00:00Z");
    world.deliver(std::slice::from_ref(&first)).await;
    world.settled().await;
    world.deliver(std::slice::from_ref(&again)).await;
    world.settled().await;
    // And in one batch, the later one first.
    let mut late = Delivery::new(&world, "e", &Push::new(ENROLLED, 2, &[3]).payload());
    late.received.received_at = at("2026-11-21T00:00:00Z");
    let mut early = late.sent_again(&world);
    early.received.received_at = at("2026-11-20T23:59:59.999999Z");
    world.deliver(&[late, early]).await;
    world.settled().await;
    writer.stop().await;
    assert_eq!(counts(&world).await, [2, 2, 2, 2, 2, 2, 1]);
    assert_eq!(entries(&world, "delivery-repeated").await, 2);
    // Deadlines are judged by when the first came.
    let query = format!(
        "SELECT received_at FROM delivery WHERE id = '{}'",
        first.id()
    );
    let rows = world.rows(&query).await;
    assert!(
        rows[0]["received_at"]
            .as_str()
            .unwrap()
            .starts_with("2026-11-20T23:59:59.999999")
    );
}

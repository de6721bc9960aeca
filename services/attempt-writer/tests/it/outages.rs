//! Servers that die, and writers beside each other: nothing is lost, and nothing is there twice.

use testkit::wait;

use crate::deliveries::{Delivery, Push};
use crate::world::World;

const DELIVERIES: u32 = 600;

fn deliveries(world: &World) -> Vec<Delivery> {
    let delivery = |number: u32| {
        let repository = format!("course-{}/intro-1", number % 20);
        let push = Push::new(&repository, 1, &[number * 2 + 10, number * 2 + 11]);
        Delivery::new(world, &format!("d{number}"), &push.payload())
    };
    (0..DELIVERIES).map(delivery).collect()
}

/// Everything that the deliveries ask for is there, once.
async fn all_there_once(world: &World) {
    let all = i64::from(DELIVERIES);
    for (table, count) in [
        ("delivery_receipt", all),
        ("delivery", all),
        ("push", all),
        ("lab_attempt", 2 * all),
        ("verification_request", all),
        ("lab_session", 20),
        ("audit_entry WHERE action = 'delivery-recorded'", all),
        ("audit_entry WHERE action = 'session-opened'", 20),
    ] {
        assert_eq!(world.count(table).await, count, "{table}");
    }
    assert_eq!(world.dead().await, 0);
}

/// Waits until something of the deliveries is recorded, but for the first time not all.
async fn some_recorded(world: &World) {
    wait::until("some are recorded", async || {
        match world.count("delivery").await {
            0 => Err("none".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
}

#[tokio::test]
async fn a_postgres_that_is_killed_under_load_costs_nothing_but_time() {
    let mut world = World::start().await;
    let deliveries = deliveries(&world);
    let writer = world.writer();
    for (number, some) in deliveries.chunks(60).enumerate() {
        world.deliver(some).await;
        if number == 2 || number == 6 {
            some_recorded(&world).await;
            world.house.postgres_mut().kill().await.unwrap();
            world.house.postgres_mut().start_again().await.unwrap();
        }
    }
    world.settled().await;
    writer.stop().await;
    all_there_once(&world).await;
}

#[tokio::test]
async fn a_nats_server_that_is_killed_under_load_costs_nothing_but_time() {
    let mut world = World::start().await;
    let deliveries = deliveries(&world);
    let writer = world.writer();
    for (number, some) in deliveries.chunks(100).enumerate() {
        world.deliver(some).await;
        if number == 3 {
            some_recorded(&world).await;
            world.house.nats_mut().kill().await.unwrap();
            world.house.nats_mut().start_again().await.unwrap();
            wait::until("the bus answers", async || world.bus.ping().await).await;
        }
    }
    world.settled().await;
    writer.stop().await;
    all_there_once(&world).await;
}

#[tokio::test]
async fn two_writers_side_by_side_record_each_delivery_once() {
    let world = World::start().await;
    let deliveries = deliveries(&world);
    let writers = [world.writer(), world.writer()];
    for some in deliveries.chunks(30) {
        // Twice: the second copy is the same message, so either writer may get either.
        world.deliver(some).await;
        world.deliver(some).await;
    }
    world.settled().await;
    for writer in writers {
        writer.stop().await;
    }
    all_there_once(&world).await;
    let waiting = "ledger_pending";
    let entries = world.count("audit_entry").await;
    assert_eq!(world.count(waiting).await, entries);
}

#[tokio::test]
async fn a_writer_that_dies_in_the_middle_leaves_all_its_work_to_the_next() {
    let world = World::start().await;
    let deliveries = deliveries(&world);
    let first = world.writer();
    for some in deliveries.chunks(100) {
        world.deliver(some).await;
    }
    some_recorded(&world).await;
    drop(first);
    let second = world.writer();
    world.settled().await;
    second.stop().await;
    all_there_once(&world).await;
}

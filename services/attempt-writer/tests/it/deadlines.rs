//! A deadline goes by when a push was received: not by when it was recorded, sent again or verified
//! again.

use contract::name::Slug;
use contract::time::Timestamp;
use store::view::results::{SessionResult, of_lab};

use crate::deliveries::{Delivery, Push, sha};
use crate::world::{ENROLLED, World};

/// Long before these tests record anything.
const CLOSES_AT: &str = "2026-01-05T12:00:00Z";

async fn world() -> World {
    let world = World::without_lab().await;
    let closing = format!("[session]\ncloses_at = {CLOSES_AT}");
    let lab = sample::lab::LAB_TOML.replace("[session]", &closing);
    assert!(lab.contains(CLOSES_AT), "the sample lab has no [session]");
    world.publish_lab(&lab).await;
    world
}

fn received(mut delivery: Delivery, at: &str) -> Delivery {
    delivery.received.received_at = at.parse::<Timestamp>().unwrap();
    delivery
}

impl World {
    /// Lets every request that waits pass, as a verifier would.
    async fn pass_all(&self) {
        self.house
            .sql(
                "INSERT INTO verification_attempt SELECT gen_random_uuid(), id, 1, 1, 'pass', NULL, \
                 NULL, 1, 1, '[]', '{}', '{}', 'd', 'd', NULL, NULL, 'r', 'w', NULL, now(), now(), \
                 now() FROM verification_request ON CONFLICT DO NOTHING",
            )
            .await;
    }

    async fn result(&self) -> SessionResult {
        let store = self.house.store("assay_reader", 1);
        let conn = &mut store.connection().await.unwrap();
        let lab: Slug = "calculator".parse().unwrap();
        of_lab(conn, &lab).await.unwrap().remove(0)
    }
}

#[tokio::test]
async fn a_push_received_in_time_is_in_time_whenever_it_is_recorded_or_sent_again() {
    let world = world().await;
    let push = |name: &str, before, commit| {
        let payload = Push::new(ENROLLED, before, &[commit]).payload();
        Delivery::new(&world, name, &payload)
    };
    let in_time = received(push("in-time", 1, 2), CLOSES_AT);
    let late = received(push("late", 2, 3), "2026-01-05T12:00:00.000001Z");
    let writer = world.writer();
    // The late one is recorded first.
    for delivery in [&late, &in_time] {
        world.deliver(std::slice::from_ref(delivery)).await;
        world.settled().await;
    }
    world.pass_all().await;
    let first = world.result().await;
    assert_eq!((first.attempts, first.late), (2, 1));
    assert_eq!(first.commit_sha, Some(sha(2)));
    // The forge sends it again, long after.
    world.deliver(&[in_time.sent_again(&world)]).await;
    world.settled().await;
    assert_eq!(world.result().await, first);
    writer.stop().await;
}

#[tokio::test]
async fn an_attempt_whose_earlier_push_is_recorded_later_was_received_with_the_earlier() {
    let world = world().await;
    let push = Push::new(ENROLLED, 1, &[2]);
    let mut other = push.clone();
    other.full_ref = "refs/heads/other".to_owned();
    let late = Delivery::new(&world, "late", &other.payload());
    let late = received(late, "2026-01-05T13:00:00Z");
    let early = Delivery::new(&world, "early", &push.payload());
    let early = received(early, "2026-01-05T11:00:00Z");
    let writer = world.writer();
    world.deliver(&[late]).await;
    world.settled().await;
    world.pass_all().await;
    let before = world.result().await;
    assert_eq!((before.late, before.result), (1, None));
    world.deliver(&[early]).await;
    world.settled().await;
    writer.stop().await;
    let after = world.result().await;
    assert_eq!((after.attempts, after.late), (1, 0));
    assert_eq!(after.result.as_deref(), Some("pass"));
}

//! Each dead letter is a row of the ledger, once; and an outage makes none, however long it lasts.

use bus::outgoing::Outgoing;
use bus::topology::ATTEMPT_WRITER;
use contract::delivery::{DELIVERY_HEADER, DELIVERY_RECEIVED};
use contract::job::CommitsFound;
use contract::message::Message as _;
use serde_json::{Value, json};
use testkit::wait;

use crate::deliveries::{Delivery, Push};
use crate::large::{by_object, put};
use crate::world::World;

/// Deliveries of an outage.
const DELIVERIES: usize = 5;
/// How often they failed before: the next time is the last at which they are touched.
const TIMES: u64 = 19;
/// Keeps whoever records a delivery waiting.
const HOLD: &str = "BEGIN; LOCK TABLE delivery_receipt IN EXCLUSIVE MODE; SELECT pg_sleep(600)";

impl World {
    /// Waits until there are so many rows of letters, and gives them, the oldest first.
    pub(crate) async fn letters(&self, count: usize) -> Vec<Value> {
        let query = "SELECT * FROM dead_letter WHERE action = 'dead-lettered' ORDER BY died_at";
        wait::until(&format!("{count} letters are recorded"), async || {
            let letters = self.rows(query).await;
            match letters.len() {
                found if found == count => Ok(letters),
                _ => Err(format!("{letters:?}")),
            }
        })
        .await
    }

    /// How many messages a stream was ever given.
    async fn ever_in(&self, stream: &str) -> u64 {
        let states = self.bus.stream_states().await.unwrap();
        let state = states.iter().find(|state| state.name == stream);
        state.unwrap().last_sequence
    }
}

/// Waits until somebody has the lock on the receipts, or waits for it.
async fn until_locked(world: &World, granted: bool) {
    let locks = format!(
        "pg_locks WHERE relation = 'delivery_receipt'::regclass \
         AND mode IN ('ExclusiveLock', 'RowExclusiveLock') AND granted = {granted}"
    );
    wait::until("there is such a lock", async || {
        match world.count(&locks).await {
            0 => Err("there is none".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
}

/// A delivery of a repository of its own.
fn good(world: &World, number: u32) -> Delivery {
    let push = Push::new(&format!("course-{number}/intro-1"), 1, &[number + 10]);
    Delivery::new(world, &format!("good-{number}"), &push.payload())
}

#[tokio::test]
async fn a_signed_push_that_cannot_be_read_is_a_row_that_names_its_delivery() {
    let world = World::start().await;
    let unreadable = Delivery::of_body(&world, "no-push", "push", r#"{ "ref": 7 }"#);
    let of_header = unreadable.id();
    // Even where its description does not read, its id does: it begins with the delivery's.
    let no_header = Delivery::of_body(&world, "no-header", "push", "{}");
    let (of_id, subject) = (no_header.id(), no_header.received.subject());
    let id = format!("{of_id}:{}", no_header.received.body_digest);
    let mut message = Outgoing::raw(
        "webhook-ingest",
        DELIVERY_RECEIVED,
        subject,
        &id,
        "x".into(),
    )
    .unwrap();
    message.set(DELIVERY_HEADER, "{}").unwrap();
    world
        .deliver(&[good(&world, 1), unreadable, good(&world, 2)])
        .await;
    world.bus.publish_raw(message).await.unwrap();
    let writer = world.writer();
    let letters = world.letters(2).await;
    world.settled().await;
    writer.stop().await;

    let of = |delivery: &str| {
        let found = letters.iter().find(|row| row["delivery_id"] == delivery);
        found.unwrap_or_else(|| panic!("{letters:?}"))
    };
    let row = of(&of_header.to_string());
    assert_eq!(row["stream"], "DELIVERIES");
    assert_eq!(row["consumer"], "attempt-writer");
    assert_eq!(row["actor"], "attempt-writer");
    assert_eq!(row["letter_id"], row["id"]);
    assert_eq!(row["deliveries"], 1);
    assert_eq!(row["renewals"], 0);
    let reason = row["reason"].as_str().unwrap();
    assert!(reason.starts_with("read the push"), "{reason}");
    assert!(
        row["first_stored_at"].as_str() <= row["died_at"].as_str(),
        "{row}"
    );
    assert_eq!(of(&of_id.to_string())["message_id"], id);
    // Its neighbours are recorded, at their first delivery.
    assert_eq!(world.count("delivery").await, 2);
    let entries = "audit_entry WHERE action = 'message-dead-lettered'";
    assert_eq!(world.count(entries).await, 2);
}

#[tokio::test]
async fn a_job_that_cannot_be_read_names_the_delivery_it_was_for() {
    let world = World::start().await;
    let delivery = good(&world, 1).id();
    let payload = json!({ "push": { "delivery": delivery } }).to_string();
    let subject = "assay.job.record.live".to_owned();
    let job = Outgoing::raw("tests", CommitsFound::KIND, subject, "odd", payload.into());
    world.bus.publish_raw(job.unwrap()).await.unwrap();
    let writer = world.writer();
    let letters = world.letters(1).await;
    writer.stop().await;
    assert_eq!(letters[0]["delivery_id"], delivery.to_string());
    assert_eq!(letters[0]["stream"], "JOBS");
    let reason = letters[0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("decode"), "{reason}");
}

#[tokio::test]
async fn a_letter_that_comes_twice_is_recorded_once() {
    let world = World::start().await;
    let bad = Delivery::of_body(&world, "bad", "push", "[]");
    world.deliver(&[bad]).await;
    let writer = world.writer();
    world.letters(1).await;
    writer.stop().await;
    // The broker forgets how far the consumer came, and gives it everything again.
    world
        .house
        .remove_consumer("DEAD", "attempt-writer-dead")
        .await;
    world.bus.apply_topology(1).await.unwrap();
    let writer = world.writer();
    wait::until("everything came again", async || {
        let states = world.bus.consumer_states().await;
        let states = states.map_err(|error| error.to_string())?;
        let state = states.iter().find(|s| s.stream == "DEAD").unwrap();
        match state.waiting + state.unacked {
            0 => Ok(()),
            _ => Err(format!("{state:?}")),
        }
    })
    .await;
    writer.stop().await;
    assert_eq!(world.count("dead_letter").await, 1);
    let entries = "audit_entry WHERE action = 'message-dead-lettered'";
    assert_eq!(world.count(entries).await, 1);
}

#[tokio::test]
async fn a_full_dead_is_told_in_readiness_and_loses_nothing() {
    let world = World::start().await;
    let bad = |number: usize| Delivery::of_body(&world, &format!("bad-{number}"), "push", "[]");
    let writer = world.writer();
    writer.ready().await;
    world.house.bound_stream("DEAD", 1).await;
    world.deliver(&[bad(1), bad(2)]).await;
    world.letters(1).await;
    wait::until("it is told", async || {
        let note = writer.note("bus").unwrap_or_default();
        match note.contains("DEAD is 100 % full") {
            true => Ok(()),
            false => Err(note),
        }
    })
    .await;
    // The one that found room leaves its queue a moment after its letter is stored.
    world.house.until_queued(&ATTEMPT_WRITER, 1).await;
    world.house.bound_stream("DEAD", -1).await;
    world.letters(2).await;
    world.settled().await;
    writer.stop().await;
}

#[tokio::test]
async fn an_outage_of_postgres_at_the_last_delivery_of_each_kills_none() {
    let mut world = World::start().await;
    let all: Vec<_> = (0..DELIVERIES)
        .map(|number| good(&world, number as u32))
        .collect();
    world.deliver(&all).await;
    let queue = ("DELIVERIES", "attempt-writer");
    let mut in_hand = world
        .house
        .take_often(queue.0, queue.1, DELIVERIES, TIMES)
        .await;
    let writer = world.writer();
    writer.ready().await;
    // The outage begins when the writer is in the middle of one: it has all of them in hand.
    let in_the_middle = async {
        until_locked(&world, true).await;
        in_hand.give_back().await;
        until_locked(&world, false).await;
    };
    // Dropped, it ends with Postgres.
    let held = world.house.sql_as("assay_owner", HOLD);
    tokio::select! {
        held = held => panic!("the lock was let go: {held:?}"),
        () = in_the_middle => {}
    }
    world.house.postgres_mut().kill().await.unwrap();
    put_back(&world).await;
    world.house.postgres_mut().start_again().await.unwrap();
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.count("delivery").await, DELIVERIES as i64);
    assert_eq!(world.count("lab_attempt").await, DELIVERIES as i64);
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn objects_that_are_away_at_the_last_delivery_of_each_kill_none() {
    let world = World::start().await;
    let repository = |number: usize| format!("course-{number}/intro-1");
    let all: Vec<_> = (0..DELIVERIES)
        .map(|number| by_object(&world, &format!("large-{number}"), &repository(number)))
        .collect();
    for delivery in &all {
        put(&world, delivery).await;
    }
    world.deliver(&all).await;
    let queue = ("DELIVERIES", "attempt-writer");
    let mut in_hand = world
        .house
        .take_often(queue.0, queue.1, DELIVERIES, TIMES)
        .await;
    let writer = world.writer();
    writer.ready().await;
    // What a share that is not mounted looks like: an empty folder.
    let (objects, aside) = (world.house.folder("objects"), world.house.folder("aside"));
    std::fs::rename(&objects, aside.join("objects")).unwrap();
    std::fs::create_dir(&objects).unwrap();
    in_hand.give_back().await;
    put_back(&world).await;
    std::fs::remove_dir(&objects).unwrap();
    std::fs::rename(aside.join("objects"), &objects).unwrap();
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.count("delivery").await, DELIVERIES as i64);
    assert_eq!(world.count("lab_attempt").await, DELIVERIES as i64 * 2);
    assert_eq!(world.dead().await, 0);
}

/// Waits until a delivery was stopped by the outage, and put back.
async fn put_back(world: &World) {
    wait::until("one was put back", async || {
        match world.ever_in("DELIVERIES").await {
            ever if ever > DELIVERIES as u64 => Ok(()),
            ever => Err(format!("{ever} messages ever")),
        }
    })
    .await;
    assert_eq!(world.dead().await, 0);
}

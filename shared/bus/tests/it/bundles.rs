//! Bundles: several messages in one, which only the bus knows of.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::AckKind;
use bus::bundle::BUNDLE_MESSAGES_MAX;
use bus::consume::{BatchHandler, Outcome};
use bus::incoming::Incoming;
use bus::outgoing::Outgoing;
use bus::pace::DELIVERIES_MAX;
use bytes::Bytes;

use crate::world::{ACK_WAIT, AGAIN_SOON, Keeper, QUEUE, Seen, World, keeper, outgoing, seen};

async fn say_bundled(world: &World, texts: &[&str]) {
    let messages: Vec<_> = texts.iter().map(|text| outgoing("a", text)).collect();
    world.bus.publish_bundled(&messages).await.unwrap();
}

#[tokio::test]
async fn many_messages_are_stored_as_few_and_handled_each_as_itself() {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    let texts: Vec<String> = (0..=BUNDLE_MESSAGES_MAX).map(|n| n.to_string()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    say_bundled(&world, &texts).await;
    assert_eq!(world.messages(QUEUE).await, 2, "a bundle, and one alone");
    say_bundled(&world, &texts).await;
    assert_eq!(world.messages(QUEUE).await, 2, "the stream knows both");
    let (handler, record) = keeper(|_| Outcome::Done);
    let running = world.batches(consumer, handler);
    world.drained().await;
    running.stop().await;
    for text in texts {
        assert_eq!(record.deliveries_of(text), [1], "{text}");
    }
}

#[tokio::test]
async fn what_is_put_off_or_hopeless_leaves_its_bundle_and_the_others_are_done() {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    say_bundled(&world, &["1", "never", "2", "later", "3"]).await;
    let put_off = AtomicBool::new(false);
    let (handler, record) = keeper(move |seen| match seen.text.as_str() {
        "never" => Outcome::Never("bad".to_owned()),
        "later" if !put_off.swap(true, Ordering::Relaxed) => Outcome::Later(Duration::ZERO),
        _ => Outcome::Done,
    });
    let running = world.batches(consumer, handler);
    let letter = world.dead_letter().await;
    assert_eq!(letter.payload, "never", "it died alone");
    world.drained().await;
    running.stop().await;
    for (text, times) in [("1", 1), ("2", 1), ("3", 1), ("later", 2), ("never", 2)] {
        assert_eq!(record.deliveries_of(text), vec![1; times], "{text}");
    }
    assert_eq!(world.messages("DEAD").await, 1);
}

#[tokio::test]
async fn a_bundle_that_an_outage_stops_waits_as_one() {
    let world = World::start().await;
    let consumer = world.consumer("a", AGAIN_SOON).await;
    say_bundled(&world, &["1", "2"]).await;
    let (handler, record) = keeper(|seen| match seen.deliveries {
        1 => Outcome::Later(Duration::ZERO),
        _ => Outcome::Done,
    });
    let running = world.batches(consumer, handler);
    world.drained().await;
    running.stop().await;
    for text in ["1", "2"] {
        assert_eq!(record.deliveries_of(text), [1, 2], "{text}");
    }
}

type Answering = Keeper<fn(&Seen) -> Outcome>;

/// Panics whenever one message is in its batch.
struct Panics(Answering);

impl BatchHandler for Panics {
    async fn handle(&self, batch: &[Incoming]) -> Vec<Outcome> {
        let outcomes = BatchHandler::handle(&self.0, batch).await;
        let bad = batch.iter().any(|incoming| seen(incoming).text == "bad");
        assert!(!bad, "on purpose");
        outcomes
    }
}

#[tokio::test]
async fn a_bundle_with_a_message_that_makes_its_handler_panic_is_taken_apart() {
    let world = World::start().await;
    let consumer = world.consumer("a", Duration::from_millis(200)).await;
    say_bundled(&world, &["1", "bad", "2"]).await;
    let (answering, record) = keeper::<fn(&Seen) -> Outcome>(|_| Outcome::Done);
    let running = world.batches(consumer, Panics(answering));
    let letter = world.dead_letter().await;
    assert_eq!(letter.payload, "bad");
    world.drained().await;
    running.stop().await;
    assert_eq!(record.deliveries_of("bad").last(), Some(&DELIVERIES_MAX));
    for good in ["1", "2"] {
        assert_ne!(record.deliveries_of(good), [0; 0], "{good}");
    }
    assert_eq!(world.messages("DEAD").await, 1);
}

#[tokio::test]
async fn a_bundle_that_was_delivered_too_often_does_not_die_as_one() {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    say_bundled(&world, &["1", "never", "2"]).await;
    let said = contract::time::now();
    // In hand for the 21st time: whoever is given it next does not touch it.
    let in_hand = world.burn(consumer, DELIVERIES_MAX + 1).await;
    in_hand.ack_with(AckKind::Nak(None)).await.unwrap();
    let (handler, record) = keeper(|seen| match seen.text.as_str() {
        "never" => Outcome::Never("bad".to_owned()),
        _ => Outcome::Done,
    });
    let running = world.batches(consumer, handler);
    world.dead_letter().await;
    world.drained().await;
    running.stop().await;
    for text in ["1", "2", "never"] {
        assert_eq!(record.deliveries_of(text), [1], "{text}");
    }
    assert_eq!(world.messages("DEAD").await, 1);
    let letter = world.letter(1).await;
    assert_eq!(letter.payload, "never", "it died alone");
    assert_eq!(letter.message_id, "never", "it is told by its first id");
    assert_eq!(letter.header("ce-type"), Some("test.v1"));
    assert!(letter.first_at < Some(said), "{letter:?}");
    // Those of the bundle, and its own.
    assert_eq!(letter.deliveries, DELIVERIES_MAX + 2 + 1);
}

#[tokio::test]
async fn a_handler_of_single_messages_gets_them_one_by_one() {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    say_bundled(&world, &["1", "2", "3"]).await;
    let (handler, record) = keeper(|_| Outcome::Done);
    let running = world.each(consumer, handler);
    world.drained().await;
    running.stop().await;
    for text in ["1", "2", "3"] {
        assert_eq!(record.deliveries_of(text), [1], "{text}");
    }
}

#[tokio::test]
async fn a_bundle_that_cannot_be_read_is_a_dead_letter_and_harms_nobody() {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    let torn = Bytes::from_static(b"\0\0\0\x09torn");
    let kind = "dev.assay.bundle.v1";
    let torn = Outgoing::raw("test", kind, "test.a".to_owned(), "torn", torn).unwrap();
    world.bus.publish_raw(torn).await.unwrap();
    say_bundled(&world, &["1", "2"]).await;
    let (handler, record) = keeper(|seen| match seen.text.as_str() {
        "1" | "2" => Outcome::Done,
        _ => Outcome::Never("nobody knows this".to_owned()),
    });
    let running = world.batches(consumer, handler);
    let letter = world.dead_letter().await;
    assert_eq!(letter.payload, "\0\0\0\x09torn");
    world.drained().await;
    running.stop().await;
    for text in ["1", "2"] {
        assert_eq!(record.deliveries_of(text), [1], "{text}");
    }
}

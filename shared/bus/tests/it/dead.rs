//! Dead letters: nothing that cannot succeed is acked away.

use bus::consume::Outcome;
use bus::outgoing::Outgoing;

use crate::world::{ACK_WAIT, World, keeper, outgoing};

#[tokio::test]
async fn never_makes_a_dead_letter_with_bytes_headers_and_reason_and_empties_the_queue() {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    let bytes: Vec<u8> = (0..=255).collect();
    let mut message = Outgoing::raw(
        "tested",
        "test.v1",
        "test.a".to_owned(),
        "the id",
        bytes.clone().into(),
    )
    .unwrap();
    message.set("Assay-Test", "wert: ü").unwrap();
    world.bus.publish_raw(message).await.unwrap();

    let running = world.each(consumer, Refuse);
    let letter = world.dead_letter().await;
    world.drained().await;
    running.stop().await;

    assert_eq!(letter.subject.as_str(), "assay.dead.TESTS.a");
    assert_eq!(letter.payload, bytes);
    let header = |name: &str| letter.headers.get(name).map(|value| value.as_str());
    assert_eq!(header("ce-type"), Some(bus::dead::DEAD_LETTERED));
    assert_eq!(header("Nats-Msg-Id"), Some("dead:TESTS:a:1:the id"));
    assert_eq!(header("Assay-Original-Nats-Msg-Id"), Some("the id"));
    assert_eq!(header("Assay-Original-ce-type"), Some("test.v1"));
    assert_eq!(header("Assay-Original-Assay-Test"), Some("wert: ü"));
    assert_eq!(header("Assay-Dead-Subject"), Some("test.a"));
    assert_eq!(header("Assay-Dead-Deliveries"), Some("1"));
    assert_eq!(header("Assay-Dead-Reason"), Some("line one  line two"));
}

struct Refuse;

impl bus::consume::Handler for Refuse {
    async fn handle(&self, _: &bus::incoming::Incoming) -> Outcome {
        Outcome::Never("line one\r\nline two".to_owned())
    }
}

#[tokio::test]
async fn a_reason_without_end_is_cut_between_characters() {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    let (handler, _) = keeper(|_| Outcome::Never("ü".repeat(10_000)));
    let running = world.each(consumer, handler);
    world.say("a", "bad").await;
    let letter = world.dead_letter().await;
    let reason = letter.headers.get("Assay-Dead-Reason").unwrap();
    assert_eq!(reason.as_str(), "ü".repeat(512));
    running.stop().await;
}

#[tokio::test]
async fn a_header_that_we_could_not_send_does_not_keep_a_message_from_its_grave() {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("X-Theirs", "a\tb");
    world
        .raw
        .publish_with_headers("test.a", headers, "theirs".into())
        .await
        .unwrap()
        .await
        .unwrap();
    let (handler, _) = keeper(|_| Outcome::Never("not ours".to_owned()));
    let running = world.each(consumer, handler);
    let letter = world.dead_letter().await;
    let kept = letter.headers.get("Assay-Original-X-Theirs").unwrap();
    assert_eq!(kept.as_str(), "a b");
    world.drained().await;
    running.stop().await;
}

#[tokio::test]
async fn a_message_stays_in_its_queue_until_its_dead_letter_is_stored() {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    // Nobody stores dead letters now.
    world.raw.delete_stream("DEAD").await.unwrap();
    let (handler, record) = keeper(|_| Outcome::Never("bad".to_owned()));
    let running = world.each(consumer, handler);
    world.bus.publish_raw(outgoing("a", "bad")).await.unwrap();
    record.reaches(1).await;
    assert_eq!(world.messages(consumer.stream).await, 1);
    world.bus.apply_topology(1).await.unwrap();
    // It is handled again, and now it can be buried.
    world.dead_letter().await;
    world.drained().await;
    running.stop().await;
}

//! Dead letters read again: sent back they are the same message, taken out they are gone.

use async_nats::HeaderMap;
use bus::consume::Outcome;
use bus::letter::SENT_BACK_HEADER;
use contract::ids::DeadLetterId;
use testkit::wait;

use crate::world::{ACK_WAIT, World, keeper, outgoing};

#[tokio::test]
async fn a_letter_that_is_sent_back_is_its_message_again_and_may_die_again() {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    let (handler, record) = keeper(|_| Outcome::Never("bad".to_owned()));
    let running = world.each(consumer, handler);
    let mut message = outgoing("a", "text");
    message.set("Assay-Test", "ü").unwrap();
    world.bus.publish_raw(message).await.unwrap();
    world.dead_letter().await;
    let first = world.letter(1).await;

    // Published twice under one id, it is there once.
    for _ in 0..2 {
        let back = first.sent_back("back").unwrap();
        assert_eq!(back.subject(), "test.a");
        world.bus.publish_raw(back).await.unwrap();
    }
    wait::until("it died again", async || {
        match world.messages("DEAD").await {
            2 => Ok(()),
            dead => Err(format!("{dead} letters")),
        }
    })
    .await;
    running.stop().await;
    let second = world.letter(2).await;
    assert_eq!(record.deliveries_of("text"), [1, 1]);
    assert_ne!(second.id, first.id);
    assert_eq!(second.payload, first.payload);
    assert_eq!(second.header("Assay-Test"), Some("ü"));
    assert_eq!(second.header(SENT_BACK_HEADER), Some(first.id.as_str()));
    assert_eq!((second.message_id.as_str(), second.deliveries), ("text", 1));
    assert_eq!(second.first_at, first.first_at);
}

#[tokio::test]
async fn a_letter_is_taken_out_by_its_own_id_alone() {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    let (handler, _) = keeper(|_| Outcome::Never("bad".to_owned()));
    let running = world.each(consumer, handler);
    world.say("a", "text").await;
    world.dead_letter().await;
    running.stop().await;
    let id = DeadLetterId::compute(&world.letter(1).await.id);
    let other = DeadLetterId::compute("another");
    world.bus.remove_dead_letter(1, other).await.unwrap();
    assert_eq!(world.messages("DEAD").await, 1);
    for _ in 0..2 {
        world.bus.remove_dead_letter(1, id).await.unwrap();
        assert_eq!(world.messages("DEAD").await, 0);
        assert!(world.bus.dead_letter(1).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_message_whose_id_we_could_not_send_finds_its_grave_all_the_same() {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", "a\tb");
    let published = world
        .raw
        .publish_with_headers("test.a", headers, "x".into());
    published.await.unwrap().await.unwrap();
    let (handler, _) = keeper(|_| Outcome::Never("not ours".to_owned()));
    let running = world.each(consumer, handler);
    world.dead_letter().await;
    world.drained().await;
    running.stop().await;
    assert_eq!(world.letter(1).await.message_id, "a b");
}

//! A full `DEAD`: what finds no room there stays in its queue, and somebody is told.

use std::time::Duration;

use async_nats::jetstream::AckKind;
use bus::consume::Outcome;
use bus::pace::DELIVERIES_MAX;
use testkit::wait;

use crate::world::{World, keeper};

const SHORT: Duration = Duration::from_millis(150);
/// Room for one letter or two.
const FEW_BYTES: i64 = 1_500;
/// Messages that all die.
const MESSAGES: u64 = 5;

#[tokio::test]
async fn messages_whose_dead_letters_find_no_room_stay_until_there_is_some() {
    let world = World::start().await;
    let consumer = world.consumer("a", SHORT).await;
    world.bound_dead(FEW_BYTES).await;
    assert_eq!(world.bus.dead_letters_note().await.unwrap(), None);
    world.say("a", "hopeless").await;
    let in_hand = world.burn(consumer, DELIVERIES_MAX + 1).await;
    in_hand.ack_with(AckKind::Nak(None)).await.unwrap();
    let (handler, record) = keeper(|seen| match seen.text.as_str() {
        "good" => Outcome::Done,
        _ => Outcome::Never("bad".to_owned()),
    });
    let running = world.each(consumer, handler);
    for number in 1..MESSAGES {
        world.say("a", &number.to_string()).await;
    }
    let note = wait::until("the want of room is told", async || {
        let note = world.bus.dead_letters_note().await.unwrap();
        note.ok_or("nothing is".to_owned())
    })
    .await;
    assert!(note.contains("stays in its queue"), "{note}");
    // Each has been judged twice at least, and those without room are still there.
    wait::until("each was tried again", async || {
        let twice = (1..MESSAGES).filter(|number| {
            let tries = record.deliveries_of(&number.to_string());
            tries.len() >= 2
        });
        let stored = world.messages("DEAD").await;
        match twice.count() as u64 + stored {
            enough if enough >= MESSAGES => Ok(()),
            few => Err(format!("{few} with {stored} stored")),
        }
    })
    .await;
    // A message leaves its queue a moment after its letter is stored.
    wait::until("each is a letter, or in its queue", async || {
        let (stored, left) = (
            world.messages("DEAD").await,
            world.messages(consumer.stream).await,
        );
        assert!(stored < MESSAGES, "the bound bounds nothing");
        (stored + left == MESSAGES)
            .then_some(())
            .ok_or(format!("{stored} and {left}"))
    })
    .await;
    // What is good goes on.
    world.say("a", "good").await;
    wait::until("a neighbour is handled", async || {
        match record.deliveries_of("good").as_slice() {
            [] => Err("not yet"),
            _ => Ok(()),
        }
        .map_err(str::to_owned)
    })
    .await;

    world.bound_dead(1024 * 1024).await;
    world.drained().await;
    running.stop().await;
    assert_eq!(world.messages("DEAD").await, MESSAGES);
    let mut texts = Vec::new();
    for place in 1..=MESSAGES {
        let letter = world.letter(place).await;
        texts.push(String::from_utf8(letter.payload.to_vec()).unwrap());
    }
    texts.sort();
    assert_eq!(texts, ["1", "2", "3", "4", "hopeless"]);
    assert_eq!(world.bus.dead_letters_note().await.unwrap(), None);
}

//! The answer to a delivery that came before, wherever it came.

use futures::future::join_all;

use crate::queue::take_all;
use crate::request::Request;
use crate::world::{World, id};

#[tokio::test]
async fn the_answer_to_a_duplicate_names_the_first_delivery_whichever_process_answers() {
    let world = World::start().await;
    let beside = world.beside().await;
    let request = Request::push("d", "one");
    let first = request.send(&world).await.json;
    let there = request.send_to(&world, &beside.url).await.json;
    let again = request.send(&world).await.json;
    assert_eq!(first["duplicate"], false);
    assert!(first.get("first_received_at").is_none());
    for repeat in [&there, &again] {
        assert_eq!(repeat["duplicate"], true, "{repeat}");
        assert_eq!(repeat["delivery"], id("d").to_string());
        for field in ["delivery", "trace_id", "digest"] {
            assert_eq!(repeat[field], first[field], "{field}");
        }
        assert_ne!(repeat["received_at"], first["received_at"]);
    }
    // Who did not receive the first does not know when that was, and says so.
    assert!(there["first_received_at"].is_null());
    assert_eq!(again["first_received_at"], first["received_at"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_copies_that_come_at_once_each_of_two_processes_tells_all_but_its_first() {
    let world = World::start().await;
    let beside = world.beside().await;
    let mut firsts = 0;
    for round in 0..10 {
        let request = Request::push(&format!("d-{round}"), "one");
        let urls = [&world.url, &beside.url];
        let sending = (0..10).map(|number| request.send_to(&world, urls[number % 2]));
        let answers = join_all(sending).await;
        let first = answers
            .iter()
            .filter(|answer| answer.json["duplicate"] == false);
        // The queue knows a copy of another process where both went alone, and the ledger always
        // (decision 0155).
        let count = first.count();
        assert!((1..=2).contains(&count), "{answers:?}");
        firsts += count;
        assert!(answers.iter().all(|answer| answer.status == 202));
    }
    let stored = take_all(&world).await;
    let under_its_own_id = stored
        .iter()
        .filter(|message| message.message_id == message.received.message_id());
    assert_eq!(under_its_own_id.count(), firsts);
    assert_eq!(stored.len(), 100);
}

#[tokio::test]
async fn a_queue_that_forgot_is_given_the_delivery_again_under_the_same_id() {
    let mut world = World::start().await;
    let request = Request::push("d", "one");
    let first = request.send(&world).await.json;
    let before = take_all(&world).await;
    // The queue is empty now, and forgets ids whose messages are gone; so does a new process.
    world.house.nats_mut().stop().await.unwrap();
    world.house.nats_mut().start_again().await.unwrap();
    world.stopped().await.unwrap();
    world.start_ingest().await;
    let again = request.send(&world).await;
    assert_eq!(again.status, 202, "{again:?}");
    assert_eq!(again.json["delivery"], first["delivery"]);
    let after = take_all(&world).await;
    assert_eq!(after[0].message_id, before[0].message_id);
    assert_eq!(after[0].received.delivery, before[0].received.delivery);
    assert_eq!(after[0].body(), request.body);
}

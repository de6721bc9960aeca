//! Many at once: each is stored once, and each is answered for itself.

use std::collections::BTreeSet;

use futures::future::join_all;

use crate::queue::take_all;
use crate::request::Request;
use crate::world::World;

const REQUESTS: u32 = 500;

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_at_once_are_all_stored_each_once() {
    let world = World::start().await;
    let requests: Vec<_> = (0..REQUESTS)
        .map(|number| Request::push(&format!("d{number}"), &number.to_string()))
        .collect();
    let answers = join_all(requests.iter().map(|request| request.send(&world))).await;
    for answer in &answers {
        assert_eq!(answer.status, 202, "{answer:?}");
        assert_eq!(answer.json["duplicate"], false, "{answer:?}");
    }
    let stored = take_all(&world).await;
    let ids: BTreeSet<_> = stored
        .iter()
        .map(|m| m.received.forge_delivery.clone())
        .collect();
    assert_eq!((stored.len(), ids.len()), (500, 500));
    let numbers: BTreeSet<_> = stored.iter().map(|m| m.received.number).collect();
    assert_eq!(numbers, (1..=500).collect(), "a lane has no hole");
    for message in &stored {
        let sent = requests
            .iter()
            .find(|request| request.body == message.body());
        assert!(sent.is_some(), "{message:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_that_come_at_once_are_one_delivery_of_which_one_is_the_first() {
    let world = World::start().await;
    let request = Request::push("d", "one");
    let others: Vec<_> = (0..50)
        .map(|number| Request::push(&format!("other-{number}"), "x"))
        .collect();
    let mut all: Vec<&Request> = vec![&request; 10];
    all.extend(&others);
    let answers = join_all(all.iter().map(|request| request.send(&world))).await;
    assert!(
        answers.iter().all(|answer| answer.status == 202),
        "{answers:?}"
    );
    let (copies, others) = answers.split_at(10);
    let first = copies
        .iter()
        .filter(|answer| answer.json["duplicate"] == false);
    assert_eq!(first.count(), 1);
    assert!(
        others
            .iter()
            .all(|answer| answer.json["duplicate"] == false)
    );

    let stored = take_all(&world).await;
    let of_request = stored.iter().filter(|m| m.received.forge_delivery == "d");
    let ids: BTreeSet<_> = of_request.map(|m| m.message_id.clone()).collect();
    // The first, and one note for each repeat, every one under an id of its own.
    assert_eq!(ids.len(), 10);
    assert_eq!(stored.len(), 60);
}

//! What the ingest says of the numbers that it gave, and of what it did beside accepting.

use contract::lane::{LaneManifest, Numbers};
use contract::message::Message;
use contract::notice::{HooksRefused, SecretsChanged, SpoolChange, SpoolChanged};
use serde_json::json;
use testkit::wait;

use crate::queue::take_all;
use crate::request::Request;
use crate::world::{World, id};

/// The messages of a kind in `AUDIT`, in their order.
async fn said<M: Message>(world: &World) -> Vec<M> {
    let messages = world.house.messages("AUDIT").await.into_iter();
    messages
        .filter_map(|(_, payload)| serde_json::from_slice(&payload).ok())
        .collect()
}

/// Waits until the newest manifest tells of so many numbers; gives all, held against each other.
async fn until_told(world: &World, numbers: u64) -> Vec<LaneManifest> {
    let told = wait::until(&format!("{numbers} numbers are told of"), async || {
        let said: Vec<LaneManifest> = said(world).await;
        match said.last() {
            Some(last) if last.through == numbers => Ok(said),
            last => Err(format!("{last:?}")),
        }
    })
    .await;
    for pair in told.windows(2) {
        assert_eq!(pair[0].lane, pair[1].lane);
        assert_eq!(pair[0].through, pair[1].from);
    }
    told
}

fn void(told: &[LaneManifest]) -> Vec<Numbers> {
    told.iter()
        .flat_map(|manifest| manifest.void.clone())
        .collect()
}

#[tokio::test]
async fn every_number_is_told_of_once_and_is_that_of_a_stored_message_or_void() {
    let mut world = World::start().await;
    for name in ["a", "b"] {
        Request::push(name, "one").send(&world).await;
    }
    until_told(&world, 2).await;
    // The first number of a repeat promises nothing: another one stands in for it.
    Request::push("a", "one").send(&world).await;
    Request::push("c", "one")
        .signed_by(b"another")
        .send(&world)
        .await;
    world.stopped().await.unwrap();
    let told = until_told(&world, 4).await;
    assert!(told.last().unwrap().closing);
    assert_eq!(void(&told), [Numbers { first: 3, last: 3 }]);
    let deliveries: Vec<_> = told.iter().flat_map(|m| m.deliveries.clone()).collect();
    assert_eq!(deliveries, [id("a"), id("b"), id("a")]);
    let mut stored = take_all(&world).await;
    stored.sort_by_key(|message| message.received.number);
    let numbers: Vec<u64> = stored
        .iter()
        .map(|message| message.received.number)
        .collect();
    assert_eq!(numbers, [1, 2, 4]);
    let sequences: Vec<_> = told.iter().filter_map(|m| m.sequences).collect();
    assert_eq!(sequences.first().map(|range| range.first), Some(1));
    assert_eq!(sequences.last().map(|range| range.last), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_the_spool_is_told_of_when_it_is_in_the_queue_and_under_the_same_number() {
    let mut world = World::with_spool(&[]).await;
    Request::push("a", "one").send(&world).await;
    until_told(&world, 1).await;
    world.house.nats_mut().kill().await.unwrap();
    for name in ["b", "c"] {
        Request::push(name, "one").send(&world).await;
    }
    world.house.nats_mut().start_again().await.unwrap();
    let told = until_told(&world, 3).await;
    assert_eq!(void(&told), []);
    let mut stored = take_all(&world).await;
    stored.sort_by_key(|message| message.received.number);
    let numbers = stored.iter();
    let numbers = numbers.map(|m| (m.received.delivery, m.received.number));
    let numbers: Vec<_> = numbers.collect();
    assert_eq!(numbers, [(id("a"), 1), (id("b"), 2), (id("c"), 3)]);
    // The first delivery may have come before the bus was found: then the spool was used twice.
    let use_of_it = [SpoolChange::Opened, SpoolChange::Drained];
    wait::until("the use of the spool is told", async || {
        let changes: Vec<SpoolChanged> = said(&world).await;
        let whole: Vec<_> = changes.iter().map(|changed| changed.change).collect();
        let is_so = !whole.is_empty() && whole.chunks(2).all(|pair| pair == use_of_it);
        is_so.then_some(()).ok_or(format!("{changes:?}"))
    })
    .await;
    world.stopped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_and_other_secrets_are_told_without_a_secret() {
    let mut world = World::start().await;
    for _ in 0..3 {
        Request::push("a", "one")
            .signed_by(b"wrong")
            .send(&world)
            .await;
    }
    let mut elsewhere = Request::push("a", "one");
    elsewhere.source = "elsewhere".to_owned();
    elsewhere.send(&world).await;
    let file = world.house.folder("secrets").join("newer");
    world.change(
        "sources.github.secrets",
        json!([{ "name": "newest", "file": file }]),
    );
    let changed = wait::until("the change of secrets is told", async || {
        let changed: Vec<SecretsChanged> = said(&world).await;
        changed.into_iter().next().ok_or("nothing".to_owned())
    })
    .await;
    assert_eq!(changed.appeared, ["newest"]);
    assert_eq!(changed.gone, ["newer", "older"]);
    assert_eq!(changed.replaced, [""; 0]);
    world.stopped().await.unwrap();
    let refused: Vec<HooksRefused> = said(&world).await;
    let of = |source: Option<&str>| {
        let of = |refused: &&HooksRefused| refused.source.as_ref().map(|s| s.as_str()) == source;
        refused
            .iter()
            .find(of)
            .map(|refused| refused.counts.clone())
    };
    assert_eq!(
        of(Some("github")),
        Some([("unsigned".to_owned(), 3)].into())
    );
    assert_eq!(of(None), Some([("unknown-source".to_owned(), 1)].into()));
    for (_, payload) in world.house.messages("AUDIT").await {
        let text = String::from_utf8(payload).unwrap();
        assert!(!text.contains("secret of the tests"), "{text}");
    }
}

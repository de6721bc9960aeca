//! What is accepted, and what its sender is told.

use contract::delivery::{BodyPlace, DELIVERY_RECEIVED};
use contract::digest::Digest;
use contract::time::Timestamp;

use crate::queue::{count, take_all};
use crate::request::{Request, SECRET, signature};
use crate::world::{World, id};

#[tokio::test]
async fn a_delivery_is_stored_with_all_that_proves_it_and_its_sender_gets_a_receipt() {
    let world = World::start().await;
    let before = contract::time::now();
    let request = Request::push("72d3162e", "one").with("user-agent", "GitHub-Hookshot/ü");
    let answer = request.send(&world).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let digest = Digest::of(&request.body);
    let receipt = &answer.json;
    assert_eq!(receipt["delivery"], id("72d3162e").to_string());
    assert_eq!(receipt["digest"], digest.to_string());
    let trace = id("72d3162e").to_string().replace('-', "");
    assert_eq!(receipt["trace_id"], trace);
    assert_eq!(receipt["duplicate"], false);
    let received_at: Timestamp = receipt["received_at"].as_str().unwrap().parse().unwrap();
    assert!(received_at >= before && received_at <= contract::time::now());
    assert_eq!(receipt.as_object().unwrap().len(), 5);

    let stored = take_all(&world).await;
    let [message] = stored.as_slice() else {
        panic!("{stored:?}")
    };
    assert_eq!(message.subject, "assay.delivery.github");
    assert_eq!(message.kind, DELIVERY_RECEIVED);
    assert_eq!(message.message_id, format!("{}:{digest}", id("72d3162e")));
    assert_eq!(message.body(), request.body);
    let received = &message.received;
    assert_eq!(received.delivery, id("72d3162e"));
    assert_eq!(received.forge_delivery, "72d3162e");
    assert_eq!(
        (received.event.as_str(), received.key.as_str()),
        ("push", "newer")
    );
    assert_eq!(
        (received.body_digest, received.body),
        (digest, BodyPlace::Inline)
    );
    assert_eq!(received.body_bytes, request.body.len() as u64);
    assert_eq!(received.received_at, received_at);
    assert_eq!(received.number, 1);
    // What was signed, and by what, can be held against each other years later.
    let header = |name: &str| received.headers[name].as_str();
    assert_eq!(
        header("x-hub-signature-256"),
        signature(SECRET, &message.body())
    );
    assert_eq!(header("user-agent"), "GitHub-Hookshot/ü");
    assert!(!received.headers.contains_key("host"));
}

#[tokio::test]
async fn a_ping_is_answered_and_an_event_that_nobody_wants_is_ignored() {
    let world = World::start().await;
    let ping = Request::new("ping", "p", "{\"zen\":\"x\"}")
        .send(&world)
        .await;
    assert_eq!((ping.status, &ping.json["pong"]), (200, &true.into()));
    let ignored = Request::new("issues", "i", "{}").send(&world).await;
    assert_eq!(ignored.status, 202);
    assert_eq!(ignored.json, serde_json::json!({ "ignored": "issues" }));
    assert_eq!(count(&world).await, 0);
}

#[tokio::test]
async fn a_form_is_stored_as_it_was_signed() {
    let world = World::start().await;
    let form = Request::new(
        "push",
        "form",
        "payload=%7B%22ref%22%3A%22refs%2Fheads%2Fx%22%7D",
    )
    .with("content-type", "application/x-www-form-urlencoded");
    assert_eq!(form.send(&world).await.status, 202);
    let stored = take_all(&world).await;
    assert_eq!(stored[0].body(), form.body);
    let content_type = &stored[0].received.headers["content-type"];
    assert_eq!(content_type, "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn a_delivery_that_comes_again_is_the_same_delivery_and_a_duplicate() {
    let world = World::start().await;
    let request = Request::push("d", "one");
    let first = request.send(&world).await;
    let second = request.send(&world).await;
    assert_eq!((first.status, second.status), (202, 202));
    assert_eq!(second.json["delivery"], first.json["delivery"]);
    assert_eq!(second.json["digest"], first.json["digest"]);
    assert_eq!(first.json["duplicate"], false);
    assert_eq!(second.json["duplicate"], true);
    // The ledger hears of the repeat, under a number of its own and with the body.
    let mut stored = take_all(&world).await;
    stored.sort_by_key(|message| message.received.number);
    assert_eq!(stored.len(), 2);
    assert_eq!(stored[0].received.delivery, stored[1].received.delivery);
    assert_ne!(stored[0].message_id, stored[1].message_id);
    assert!(stored[0].received.number < stored[1].received.number);
    assert_eq!(stored[1].body(), request.body);
}

#[tokio::test]
async fn another_body_under_the_same_id_is_no_duplicate() {
    let world = World::start().await;
    let first = Request::push("d", "one").send(&world).await;
    let second = Request::push("d", "two").send(&world).await;
    assert_eq!(second.json["delivery"], first.json["delivery"]);
    assert_ne!(second.json["digest"], first.json["digest"]);
    assert_eq!(second.json["duplicate"], false);
    assert_eq!(take_all(&world).await.len(), 2);
}

#[tokio::test]
async fn a_body_near_the_cap_is_accepted_by_the_object_store() {
    let world = World::start().await;
    // Digits that do not repeat, so that it stays too large for a message when it is compressed.
    let mut body = String::from("{\"ref\":\"");
    let mut number: u64 = 1;
    while body.len() < 24_900_000 {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        body.push_str(&format!("{number:x}"));
    }
    body.push_str("\"}");
    let request = Request::new("push", "large", body);
    let answer = request.send(&world).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let stored = take_all(&world).await;
    assert_eq!(stored[0].received.body, BodyPlace::Object);
    assert!(stored[0].payload.is_empty());
    let digest = Digest::of(&request.body);
    assert_eq!(stored[0].received.body_digest, digest);
    let objects = world.objects();
    let frame = objects.get_delivery_body(digest, u64::MAX).await.unwrap();
    let kept = zstd::bulk::decompress(&frame, request.body.len()).unwrap();
    assert!(kept == request.body);
}

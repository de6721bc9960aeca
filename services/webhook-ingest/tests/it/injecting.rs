//! Nothing that a client says becomes a header or a subject of the queue by itself.

use crate::queue::{count, take_all};
use crate::request::{Request, send_raw};
use crate::world::{World, id};

#[tokio::test]
async fn headers_of_a_client_are_none_of_the_queues() {
    let world = World::start().await;
    let request = Request::push("d", "one")
        .with("nats-rollup", "all")
        .with("nats-expected-stream", "OTHER")
        .with("nats-ttl", "1s")
        .with("nats-msg-id", "chosen")
        .with("nats-batch-id", "chosen")
        .with("assay-delivery", "{}")
        .with("ce-type", "chosen")
        .with("x-injected", "x");
    assert_eq!(request.send(&world).await.status, 202);
    let stored = take_all(&world).await;
    let [message] = stored.as_slice() else {
        panic!("{stored:?}")
    };
    assert_eq!(message.names, [""; 0]);
    assert!(message.message_id.starts_with(&id("d").to_string()));
    assert_ne!(message.kind, "chosen");
    assert_eq!(message.received.forge_delivery, "d");
    for name in message.received.headers.keys() {
        assert!(
            !name.starts_with("nats-") && !name.starts_with("ce-"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn no_path_makes_a_subject() {
    let world = World::start().await;
    for path in [
        "*",
        "%2A",
        "%3E",
        "github.*",
        "github%2E%3E",
        "git%20hub",
        "github%0D%0ANats-Rollup",
        "github%00",
        "%FF",
        "..%2Fgithub",
        "github/more",
        "",
        ".",
        "github;x",
    ] {
        let mut request = Request::push("d", "one");
        path.clone_into(&mut request.source);
        let length = format!("content-length: {}\r\n", request.body.len());
        let bytes = [request.head(&length).into_bytes(), request.body].concat();
        let answer = send_raw(&world, &bytes).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
        assert!(
            answer.contains("urn:assay:problem:unknown-source"),
            "{answer}"
        );
    }
    // What is no path at all does not get as far as that.
    let mut request = Request::push("d", "one");
    ">".clone_into(&mut request.source);
    let answer = send_raw(&world, request.head("content-length: 0\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(count(&world).await, 0);
}

#[tokio::test]
async fn what_is_not_posted_is_told_what_there_is() {
    let world = World::start().await;
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let bytes =
            format!("{method} /hooks/github HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = send_raw(&world, bytes.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 405 "), "{method}: {answer}");
        assert!(answer.contains("allow: POST"), "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
    }
}

//! What is refused, with which status, and that nothing of it is stored.

use std::fmt::Write as _;

use crate::queue::{count, take_all};
use crate::request::{Request, SECRET, send_raw, signature};
use crate::world::{CAP, World};

#[tokio::test]
async fn whoever_has_no_secret_is_told_so_and_nothing_else() {
    let world = World::start().await;
    let good = Request::push("d", "one");
    let signed_by = |secret: &[u8], body: &[u8]| signature(secret, body);
    let header = "x-hub-signature-256";
    for (what, request) in [
        ("missing", good.clone().without(header)),
        ("empty", good.clone().with(header, "")),
        ("no digits", good.clone().with(header, "sha256=")),
        ("short", good.clone().with(header, "sha256=00")),
        (
            "not hex",
            good.clone()
                .with(header, &format!("sha256={}", "z".repeat(64))),
        ),
        (
            "zeros",
            good.clone()
                .with(header, &format!("sha256={}", "0".repeat(64))),
        ),
        (
            "other secret",
            good.clone().with(header, &signed_by(b"x", &good.body)),
        ),
        (
            "empty secret",
            good.clone().with(header, &signed_by(b"", &good.body)),
        ),
        (
            "other body",
            good.clone().with(header, &signed_by(SECRET, b"{}")),
        ),
        (
            "SHA-1 alone",
            good.clone()
                .without(header)
                .with("x-hub-signature", "sha1=00"),
        ),
        // Nothing else is said before the signature holds: no JSON, no id, no event.
        (
            "not JSON",
            Request::new("push", "d", "{").with(header, "sha256=00"),
        ),
        (
            "no id",
            good.clone().without("x-github-delivery").without(header),
        ),
        ("ping", Request::new("ping", "d", "{}").without(header)),
        ("ignored", Request::new("issues", "d", "{}").without(header)),
    ] {
        let answer = request.send(&world).await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        assert_eq!(answer.json["error"], "unsigned", "{what}");
        assert!(answer.retry_after.is_none());
    }
    assert_eq!(count(&world).await, 0);
}

#[tokio::test]
async fn an_unknown_source_is_not_found_whatever_it_is_called() {
    let world = World::start().await;
    for source in [
        "gitlab",
        "GitHub",
        "git%20hub",
        "a.b",
        "*",
        "%3E",
        "%00",
        &"x".repeat(300),
    ] {
        let mut request = Request::push("d", "one");
        source.clone_into(&mut request.source);
        let answer = request.send(&world).await;
        assert_eq!(answer.status, 404, "{source}");
    }
    let url = format!("{}/hooks/github", world.url);
    let got = world.client.get(url).send().await.unwrap();
    assert_eq!(got.status().as_u16(), 405);
    assert_eq!(count(&world).await, 0);
}

#[tokio::test]
async fn what_is_signed_and_no_delivery_is_malformed() {
    let world = World::start().await;
    let good = Request::push("d", "one");
    let long = "x".repeat(129);
    for (what, request) in [
        ("no id", good.clone().without("x-github-delivery")),
        ("empty id", good.clone().with("x-github-delivery", "")),
        (
            "an id with a space",
            good.clone().with("x-github-delivery", "a b"),
        ),
        (
            "an id that is no ASCII",
            good.clone().with("x-github-delivery", "ü"),
        ),
        (
            "an id without end",
            good.clone().with("x-github-delivery", &long),
        ),
        ("no event", good.clone().without("x-github-event")),
        ("not JSON", Request::new("push", "d", "{")),
        ("no body", Request::new("push", "d", "")),
        (
            "not UTF-8",
            Request::new("push", "d", b"{\"a\":\"\xff\"}".to_vec()),
        ),
        ("not an object", Request::new("push", "d", "[]")),
        ("no content type", good.clone().without("content-type")),
        (
            "another content type",
            good.clone().with("content-type", "text/plain"),
        ),
        (
            "a form without its field",
            good.clone()
                .with("content-type", "application/x-www-form-urlencoded"),
        ),
    ] {
        let answer = request.send(&world).await;
        assert_eq!(answer.status, 400, "{what}: {answer:?}");
        assert_eq!(answer.json["error"], "malformed", "{what}");
    }
    assert_eq!(count(&world).await, 0);
}

#[tokio::test]
async fn a_body_over_the_cap_is_refused_by_its_length_before_it_is_read() {
    let world = World::start().await;
    let request = Request::push("d", "one");
    // Announced, and never sent: who refuses by the number alone answers all the same.
    let head = request.head(&format!("content-length: {}\r\n", CAP + 1));
    let answer = send_raw(&world, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("too-large"), "{answer}");

    let mut body = vec![b' '; CAP];
    body[..2].copy_from_slice(b"{}");
    assert_eq!(
        Request::new("push", "at-the-cap", body.clone())
            .send(&world)
            .await
            .status,
        202
    );
    body.push(b' ');
    let over = Request::new("push", "over", body);
    // It may be answered before it is read, and then the rest has nowhere to go.
    if let Ok(answer) = over.try_send(&world).await {
        assert_eq!(answer.status, 413);
    }
    assert_eq!(count(&world).await, 1);
}

#[tokio::test]
async fn a_chunked_body_over_the_cap_is_refused_while_it_streams_in() {
    let world = World::start_with(&[("ingest.body_bytes_max", 4_096.into())]).await;
    let chunked = |body: &[u8]| {
        let mut bytes = Request::new("push", "d", body)
            .head("transfer-encoding: chunked\r\n")
            .into_bytes();
        for chunk in body.chunks(1_000) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
            bytes.extend(chunk);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        bytes
    };
    let mut body = vec![b' '; 4_096];
    body[..2].copy_from_slice(b"{}");
    let answer = send_raw(&world, &chunked(&body)).await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    body.push(b' ');
    let answer = send_raw(&world, &chunked(&body)).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(count(&world).await, 1);
}

#[tokio::test]
async fn a_body_that_does_not_come_whole_is_no_delivery() {
    let world = World::start().await;
    let request = Request::push("d", "one");
    let length = request.body.len();
    let mut bytes = request
        .head(&format!("content-length: {length}\r\n"))
        .into_bytes();
    bytes.extend(&request.body[..length - 1]);
    let address = world.url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, &bytes)
        .await
        .unwrap();
    drop(stream);
    // Others are answered, before and after.
    assert_eq!(Request::push("e", "two").send(&world).await.status, 202);
    let stored = take_all(&world).await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].received.forge_delivery, "e");
}

#[tokio::test]
async fn line_breaks_in_a_delivery_id_inject_nothing() {
    let world = World::start().await;
    let good = Request::push("harmless", "one");
    let injections = [
        "d\r\nNats-Rollup: all",
        "d\nNats-Rollup: all",
        "d\rNats-Rollup: all",
        "d\r\n Nats-Rollup: all",
        "d\0Nats-Rollup: all",
        "d\r\nX-Injected: x",
    ];
    for injection in injections {
        let request = good.clone().with("x-github-delivery", injection);
        let length = format!("content-length: {}\r\n", request.body.len());
        let mut bytes = request.head(&length).into_bytes();
        bytes.extend(&request.body);
        let answer = send_raw(&world, &bytes).await;
        let mut status = String::new();
        write!(status, "{injection:?}: {answer}").unwrap();
        // As a second HTTP header it is nothing to us; within the id it is refused.
        let accepted = answer.starts_with("HTTP/1.1 202 ");
        assert!(accepted || answer.starts_with("HTTP/1.1 400 "), "{status}");
    }
    for message in take_all(&world).await {
        assert_eq!(message.names, [""; 0], "{message:?}");
        assert_eq!(message.received.forge_delivery, "d", "{message:?}");
    }
}

//! Slow, idle and oversized senders: they are cut off, and hold up nobody else.

use testkit::wait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::queue::count;
use crate::request::Request;
use crate::world::World;

async fn connect(world: &World) -> TcpStream {
    let address = world.url.strip_prefix("http://").unwrap();
    TcpStream::connect(address).await.unwrap()
}

/// Everything that comes until the other side closes.
async fn all_of(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_answered_408_and_the_connection_closed() {
    let world = World::start_with(&[("ingest.body_seconds_max", 1.into())]).await;
    let request = Request::push("slow", "one");
    for more in ["content-length: 1000\r\n", "transfer-encoding: chunked\r\n"] {
        let head = request.head(more).replace("connection: close\r\n", "");
        let mut stream = connect(&world).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = all_of(stream).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        assert!(answer.contains("urn:assay:problem:slow"), "{answer}");
    }
    assert_eq!(Request::push("d", "one").send(&world).await.status, 202);
}

#[tokio::test]
async fn whoever_does_not_get_to_the_end_of_its_headers_is_cut_off() {
    let world = World::start_with(&[("http.header_seconds_max", 1.into())]).await;
    for begun in ["", "POST /hooks/github HTTP/1.1\r\nhost: x\r\nx-slow: "] {
        let mut stream = connect(&world).await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        // That it ends is what counts.
        let answer = all_of(stream).await;
        assert!(!answer.contains("HTTP/1.1 2"), "{answer}");
    }
    // A connection that is kept alive and unused is cut off as well, after its answer.
    let ping = Request::new("ping", "p", "{}");
    let length = format!("content-length: {}\r\n", ping.body.len());
    let head = ping.head(&length).replace("connection: close\r\n", "");
    let mut stream = connect(&world).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&ping.body).await.unwrap();
    let answer = all_of(stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn many_idle_connections_hold_up_nobody() {
    let more = [
        ("http.connections_max", 8.into()),
        ("http.header_seconds_max", 600.into()),
    ];
    let world = World::start_with(&more).await;
    let mut idle = Vec::new();
    for number in 0..40 {
        let mut stream = connect(&world).await;
        if number % 2 == 0 {
            stream.write_all(b"POST /hooks/github HT").await.unwrap();
        }
        idle.push(stream);
        let answer = Request::push(&format!("d-{number}"), "one")
            .send(&world)
            .await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    // The first of them had to make room.
    let first = all_of(idle.remove(0)).await;
    assert_eq!(first, "");
    assert_eq!(count(&world).await, 40);
}

#[tokio::test]
async fn a_refusal_is_read_by_a_sender_that_sends_all_before_it_reads() {
    let world = World::start_with(&[("ingest.body_bytes_max", 4_096.into())]).await;
    let large = vec![b' '; 8 * 1024 * 1024];
    let unknown = {
        let mut request = Request::new("push", "d", "{}");
        "elsewhere".clone_into(&mut request.source);
        request
    };
    for (request, status) in [
        (Request::new("push", "d", "{}"), 413),
        (Request::new("push", "d", "{}").signed_by(b"no secret"), 413),
        (unknown, 404),
    ] {
        let declared = format!("content-length: {}\r\n", large.len());
        let mut stream = connect(&world).await;
        stream
            .write_all(request.head(&declared).as_bytes())
            .await
            .unwrap();
        stream.write_all(&large).await.unwrap();
        let answer = all_of(stream).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(answer.contains("application/problem+json"), "{answer}");

        let mut stream = connect(&world).await;
        let chunked = request.head("transfer-encoding: chunked\r\n");
        stream.write_all(chunked.as_bytes()).await.unwrap();
        for chunk in large.chunks(100_000) {
            let size = format!("{:x}\r\n", chunk.len());
            stream.write_all(size.as_bytes()).await.unwrap();
            stream.write_all(chunk).await.unwrap();
            stream.write_all(b"\r\n").await.unwrap();
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        let answer = all_of(stream).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    assert_eq!(count(&world).await, 0);
}

#[tokio::test]
async fn an_ingest_stops_though_senders_hang_on() {
    let mut world = World::start_with(&[("ingest.drain_seconds", 1.into())]).await;
    let silent = connect(&world).await;
    let mut begun = connect(&world).await;
    begun.write_all(b"POST /hooks/github HT").await.unwrap();
    wait::until("it serves on", async || {
        let answer = Request::push("d", "one").send(&world).await;
        if answer.status == 202 {
            Ok(())
        } else {
            Err(format!("{answer:?}"))
        }
    })
    .await;
    world.stopped().await.unwrap();
    drop((silent, begun));
}

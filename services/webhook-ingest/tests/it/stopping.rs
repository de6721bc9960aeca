//! The end: what is held is answered, and nothing new is taken.

use testkit::wait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::queue::{numbers, take_all};
use crate::request::Request;
use crate::spool::{drained, spool_files};
use crate::world::World;

/// Sends requests that the ingest must hold, since the bus is frozen; gives them once it has read
/// them all.
async fn held(world: &World, count: usize) -> Vec<TcpStream> {
    let address = world.url.strip_prefix("http://").unwrap();
    let port = address.rsplit(':').next().unwrap().parse().unwrap();
    // The connection of an earlier request may be kept alive.
    let before = read_out(port);
    let mut held = Vec::new();
    for number in 0..count {
        let request = Request::push(&format!("held-{number}"), "x");
        let length = format!("content-length: {}\r\n", request.body.len());
        let bytes = [request.head(&length).into_bytes(), request.body].concat();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        held.push(stream);
    }
    wait::until("every request is read", async || match read_out(port) {
        read if read >= before + count => Ok(()),
        read => Err(format!("{before} and {read} of {count}")),
    })
    .await;
    held
}

/// How many connections to a port have nothing left to be read, as Linux lists them.
fn read_out(port: u16) -> usize {
    let port = format!(":{port:04X}");
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let is_read_out = |line: &&str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        // The port on our side, established, an empty receive queue.
        fields.len() > 4
            && fields[1].ends_with(&port)
            && fields[3] == "01"
            && fields[4].ends_with(":00000000")
    };
    table.lines().filter(is_read_out).count()
}

async fn answer(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_when_the_stop_signal_comes_is_answered_and_stored() {
    let mut world = World::start().await;
    world.house.nats().pause();
    let held = held(&world, 20).await;
    world.stop.cancel();
    world.house.nats().resume();
    world.stopped().await.unwrap();
    for stream in held {
        let answer = answer(stream).await;
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    }
    let refused = Request::push("late", "x").try_send(&world).await;
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(take_all(&world).await.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_when_the_stop_signal_comes_is_spooled_and_left_to_the_next_start() {
    let mut world = World::with_spool(&[]).await;
    drained(&world).await;
    world.house.nats().pause();
    let held = held(&world, 10).await;
    let spool = world.house.folder("spool");
    wait::until("some are in the spool", async || {
        match spool_files(&spool).len() {
            0 => Err("none".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
    world.stopped().await.unwrap();
    for stream in held {
        let answer = answer(stream).await;
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    }
    world.house.nats().resume();
    world.start_ingest().await;
    drained(&world).await;
    assert_eq!(numbers(&take_all(&world).await), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingest_that_cannot_answer_in_time_says_so_and_leaves() {
    let more = [("ingest.drain_seconds", 1.into())];
    let mut world = World::start_with(&more).await;
    world.house.nats().pause();
    let _held = held(&world, 1).await;
    let ended = world.stopped().await.unwrap_err();
    assert!(ended.to_string().contains("within 1 s"), "{ended}");
    world.house.nats().resume();
}

#[tokio::test]
async fn an_ingest_that_holds_nothing_leaves_at_once() {
    let mut world = World::start().await;
    // A kept-alive connection is nothing that is held.
    assert_eq!(Request::push("d", "x").send(&world).await.status, 202);
    world.stopped().await.unwrap();
}

#[tokio::test]
async fn what_comes_in_the_grace_time_is_answered_and_is_the_last_of_its_connection() {
    let world = World::start_with(&[("ingest.grace_seconds", 600.into())]).await;
    let send = async |delivery: &str, client: &reqwest::Client| {
        let sent = Request::push(delivery, "x").post(client, &world.url).send();
        let answer = sent.await.unwrap();
        let last = answer.headers().get("connection").cloned();
        (
            answer.status().as_u16(),
            last.map(|value| value.to_str().unwrap().to_owned()),
        )
    };
    assert_eq!(send("before", &world.client).await, (202, None));
    world.stop.cancel();
    // Over the connection that was kept, and over one that is made only now.
    for (delivery, client) in [("kept", &world.client), ("new", &reqwest::Client::new())] {
        let answered = send(delivery, client).await;
        assert_eq!(answered, (202, Some("close".to_owned())), "{delivery}");
    }
    assert_eq!(take_all(&world).await.len(), 3);
}

//! The bus goes away and a spool is there: what is accepted meanwhile reaches the queue when it is
//! back, in order, under the same ids, across restarts of the ingest.

use std::path::{Path, PathBuf};

use futures::future::join_all;
use testkit::house::House;
use testkit::wait;

use crate::queue::{Stored, numbers, take_all};
use crate::request::Request;
use crate::world::World;

/// Sends so many deliveries one after the other; each must be accepted.
pub(crate) async fn send(world: &World, name: &str, count: usize) {
    for number in 0..count {
        let name = format!("{name}-{number:03}");
        let answer = Request::push(&name, &name).send(world).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        assert_eq!(answer.json["duplicate"], false, "{answer:?}");
    }
}

/// Waits until the bus is there again and the spool is empty.
pub(crate) async fn drained(world: &World) {
    wait::until("the spool is drained", async || {
        let report = world.health.report();
        let quiet = report.ready && report.parts.values().all(|part| part.note.is_none());
        if quiet {
            Ok(())
        } else {
            Err(format!("{report:?}"))
        }
    })
    .await;
}

/// Everything that is stored, in the stream's order.
pub(crate) async fn in_order(world: &World) -> Vec<Stored> {
    let mut stored = take_all(world).await;
    stored.sort_by_key(|message| message.sequence);
    stored
}

pub(crate) fn names(stored: &[Stored]) -> Vec<String> {
    let name = |message: &Stored| message.received.forge_delivery.clone();
    stored.iter().map(name).collect()
}

pub(crate) fn spool_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| !path.ends_with("lock")).collect()
}

fn expected(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{name}-{n:03}")).collect()
}

fn note(world: &World, part: &str) -> Option<String> {
    world.health.report().parts[part].note.clone()
}

#[tokio::test]
async fn what_is_accepted_while_the_bus_is_away_reaches_it_in_order_when_it_is_back() {
    let mut world = World::with_spool(&[]).await;
    drained(&world).await;
    send(&world, "before", 1).await;
    world.house.nats_mut().kill().await.unwrap();
    send(&world, "during", 40).await;
    wait::until("it says what it does", async || {
        let (bus, spool) = (note(&world, "bus"), note(&world, "spool"));
        let said = bus
            .as_ref()
            .is_some_and(|bus| bus.contains("go to the spool"))
            && spool
                .as_ref()
                .is_some_and(|spool| spool.starts_with("40 deliveries wait"));
        if said {
            Ok(())
        } else {
            Err(format!("{bus:?} {spool:?}"))
        }
    })
    .await;
    assert!(world.health.report().ready, "it accepts");
    world.house.nats_mut().start_again().await.unwrap();
    drained(&world).await;
    assert_eq!(spool_files(&world.house.folder("spool")).len(), 0);
    let stored = in_order(&world).await;
    let all = [expected("before", 1), expected("during", 40)].concat();
    assert_eq!(names(&stored), all);
    for message in &stored {
        assert_eq!(message.message_id, message.received.message_id());
        assert_eq!(message.subject, "assay.delivery.github");
        assert_eq!(message.kind, "dev.assay.delivery.received.v1");
        let body = String::from_utf8(message.body()).unwrap();
        assert!(body.contains(&message.received.forge_delivery), "{body}");
    }
}

#[tokio::test]
async fn the_spool_survives_a_restart_of_the_ingest_while_the_bus_is_away() {
    let mut world = World::with_spool(&[]).await;
    world.house.nats_mut().kill().await.unwrap();
    let mut all = Vec::new();
    for round in ["first", "second", "third"] {
        send(&world, round, 7).await;
        all.extend(expected(round, 7));
        world.stopped().await.unwrap();
        world.start_ingest().await;
    }
    world.house.nats_mut().start_again().await.unwrap();
    drained(&world).await;
    assert_eq!(names(&in_order(&world).await), all);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bus_does_not_answer_in_time_is_spooled_and_stored_under_one_number() {
    let world = World::with_spool(&[]).await;
    drained(&world).await;
    world.house.nats().pause();
    let requests: Vec<_> = (0..30)
        .map(|number| Request::push(&format!("d{number}"), &number.to_string()))
        .collect();
    let answers = join_all(requests.iter().map(|request| request.send(&world))).await;
    assert!(
        answers.iter().all(|answer| answer.status == 202),
        "{answers:?}"
    );
    world.house.nats().resume();
    drained(&world).await;
    // The frozen server had them in its buffers too.
    let stored = take_all(&world).await;
    assert_eq!(numbers(&stored), 30);
}

#[tokio::test]
async fn a_repeat_in_the_spool_is_told_so_and_told_to_the_ledger() {
    let mut world = World::with_spool(&[]).await;
    world.house.nats_mut().kill().await.unwrap();
    let request = Request::push("d", "x");
    for duplicate in [false, true] {
        let answer = request.send(&world).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        assert_eq!(answer.json["duplicate"], duplicate);
    }
    // Another process does not know: the id is in the spool twice, and in the queue once.
    world.stopped().await.unwrap();
    world.start_ingest().await;
    let answer = request.send(&world).await;
    assert_eq!(answer.json["duplicate"], false);
    send(&world, "other", 3).await;
    world.house.nats_mut().start_again().await.unwrap();
    drained(&world).await;
    let stored = in_order(&world).await;
    let ids: Vec<_> = stored
        .iter()
        .map(|message| message.message_id.as_str())
        .collect();
    let id = stored[0].received.message_id();
    assert_eq!(ids[0], id);
    assert!(ids[1].starts_with(&format!("{id}:")), "{ids:?}");
    assert_eq!(names(&stored[2..]), expected("other", 3));
}

#[tokio::test]
async fn an_ingest_starts_with_a_bus_that_does_not_fit_and_publishes_nothing_until_it_does() {
    let world = World::with_spool_in(House::with_bare_nats().await, &[]).await;
    wait::until("it says what is wrong", async || {
        let report = world.health.report();
        let reason = report.parts["bus"].reason.clone().unwrap_or_default();
        if !report.ready && reason.contains("assay topology apply") {
            Ok(())
        } else {
            Err(format!("{report:?}"))
        }
    })
    .await;
    send(&world, "d", 3).await;
    let bus = world.house.bus("tests").await;
    bus.apply_topology(1).await.unwrap();
    drained(&world).await;
    assert_eq!(names(&in_order(&world).await), expected("d", 3));
}

#[tokio::test]
async fn a_second_ingest_on_the_same_spool_is_refused() {
    let world = World::with_spool(&[]).await;
    let refused = format!("{:#}", world.second().await.unwrap_err());
    assert!(
        refused.contains("another process uses the spool"),
        "{refused}"
    );
    assert_eq!(Request::push("d", "x").send(&world).await.status, 202);
}

#[tokio::test]
async fn a_damaged_record_is_kept_aside_and_the_others_reach_the_queue() {
    let mut world = World::with_spool(&[]).await;
    world.house.nats_mut().kill().await.unwrap();
    send(&world, "d", 9).await;
    world.stopped().await.unwrap();
    let folder = world.house.folder("spool");
    let file = spool_files(&folder).remove(0);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(&file, &bytes).unwrap();
    world.start_ingest().await;
    world.house.nats_mut().start_again().await.unwrap();
    drained(&world).await;
    let mut all = expected("d", 9);
    all.remove(4);
    assert_eq!(names(&in_order(&world).await), all);
    let left = spool_files(&folder);
    assert_eq!(left.len(), 1);
    assert!(
        left[0].to_string_lossy().ends_with(".spool.damaged"),
        "{left:?}"
    );
    assert_eq!(std::fs::read(&left[0]).unwrap(), bytes);
}

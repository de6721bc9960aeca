//! The spool's bounds: its own, the disk's, and the queue's that it stands in for.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use testkit::wait;

use crate::queue::take_all;
use crate::request::{Answer, Request};
use crate::spool::{drained, in_order, names, send};
use crate::world::World;

/// Sends until one is refused; gives the names of the accepted ones, and the refusal.
async fn fill(world: &World) -> (Vec<String>, Answer) {
    let mut accepted = Vec::new();
    for number in 0..10_000 {
        let name = format!("d{number:05}");
        let answer = Request::push(&name, &name).send(world).await;
        if answer.status != 202 {
            return (accepted, answer);
        }
        accepted.push(name);
    }
    panic!("it takes all");
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap();
    let files = entries.map(|entry| entry.unwrap().metadata().unwrap());
    files.map(|file| file.len()).sum()
}

fn is_refused(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.json["error"], "unavailable");
    let seconds: u32 = answer.retry_after.as_ref().unwrap().parse().unwrap();
    assert!(seconds > 0);
}

async fn until_full(world: &World, why: &str) {
    wait::until("it says that the spool is full", async || {
        let report = world.health.report();
        let reason = report.parts["spool"].reason.clone().unwrap_or_default();
        if !report.ready && reason.contains(why) {
            Ok(())
        } else {
            Err(format!("{report:?}"))
        }
    })
    .await;
}

#[tokio::test]
async fn a_full_spool_says_to_try_later_and_never_grows_past_its_bound() {
    let bounds = [
        ("ingest.spool.bytes_max", json!(32 * 1024)),
        ("ingest.spool.segment_bytes_max", json!(4 * 1024)),
    ];
    let mut world = World::with_spool(&bounds).await;
    drained(&world).await;
    world.house.nats_mut().kill().await.unwrap();
    let (mut accepted, refused) = fill(&world).await;
    assert!(accepted.len() > 10, "{}", accepted.len());
    is_refused(&refused);
    assert!(bytes_in(&world.house.folder("spool")) <= 32 * 1024);
    until_full(&world, "bound of 32768 bytes").await;
    world.house.nats_mut().start_again().await.unwrap();
    drained(&world).await;
    send(&world, "after", 1).await;
    accepted.push("after-000".to_owned());
    assert_eq!(names(&in_order(&world).await), accepted);
}

/// A file system with a bound; gone with this.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Where root may mount one; says so where not.
    fn mount(folder: PathBuf) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=96k", "tmpfs"])
            .arg(&folder)
            .output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(folder));
        }
        println!("skipped: a small file system can be mounted by root alone");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_needs_no_restart() {
    let mut world = World::with_spool(&[]).await;
    world.stopped().await.unwrap();
    let Some(disk) = SmallDisk::mount(world.house.folder("spool")) else {
        return;
    };
    world.start_ingest().await;
    drained(&world).await;
    world.house.nats_mut().kill().await.unwrap();
    let (mut accepted, refused) = fill(&world).await;
    assert!(accepted.len() > 10, "{}", accepted.len());
    is_refused(&refused);
    until_full(&world, "No space left").await;
    // What could not be written whole is cut off: a restart finds what was accepted, and it alone.
    world.stopped().await.unwrap();
    world.start_ingest().await;
    is_refused(&Request::push("again", "x").send(&world).await);
    world.house.nats_mut().start_again().await.unwrap();
    drained(&world).await;
    world.house.nats_mut().kill().await.unwrap();
    send(&world, "after", 3).await;
    world.house.nats_mut().start_again().await.unwrap();
    drained(&world).await;
    accepted.extend((0..3).map(|number| format!("after-{number:03}")));
    assert_eq!(names(&in_order(&world).await), accepted);
    world.stopped().await.unwrap();
    drop(disk);
}

#[tokio::test]
async fn a_full_queue_is_stood_in_for_until_it_has_room() {
    let world = World::with_spool(&[]).await;
    drained(&world).await;
    send(&world, "before", 2).await;
    world.house.bound_stream("DELIVERIES", 3).await;
    send(&world, "during", 8).await;
    wait::until("the rest waits in the spool", async || {
        match world.health.report().parts["spool"].note.clone() {
            Some(note) if note.starts_with("7 deliveries wait") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert!(world.health.report().ready);
    world.house.bound_stream("DELIVERIES", -1).await;
    drained(&world).await;
    assert_eq!(take_all(&world).await.len(), 10);
}

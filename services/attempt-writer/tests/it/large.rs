//! Bodies too large for a message come by the object store (claim check).

use contract::delivery::BodyPlace;
use objects::store::{Objects, ObjectsError};
use serde_json::json;
use testkit::wait;

use crate::deliveries::{Delivery, Push};
use crate::world::{ENROLLED, OTHER, World};

/// A delivery whose body is an object, if it was put there.
pub(crate) fn by_object(world: &World, name: &str, repository: &str) -> Delivery {
    let mut payload = Push::new(repository, 1, &[2, 3]).payload();
    payload["compare"] = json!("x".repeat(1024 * 1024));
    let mut delivery = Delivery::new(world, name, &payload);
    delivery.received.body = BodyPlace::Object;
    delivery
}

pub(crate) async fn put(world: &World, delivery: &Delivery) {
    let objects = Objects::open_folder(&world.house.folder("objects")).unwrap();
    let frame = zstd::bulk::compress(&delivery.body, 1).unwrap();
    let digest = delivery.received.body_digest;
    objects
        .put_delivery_body(digest, frame.into())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_large_body_is_read_from_the_object_store_and_again_when_its_session_is_opened() {
    let world = World::start().await;
    let deliveries = [
        by_object(&world, "enrolled", ENROLLED),
        by_object(&world, "other", OTHER),
    ];
    for delivery in &deliveries {
        put(&world, delivery).await;
    }
    world.deliver(&deliveries).await;
    let writer = world.writer();
    world.settled().await;
    assert_eq!(world.count("lab_attempt").await, 2);
    assert_eq!(
        world
            .count("privacy.delivery_body WHERE sealed_body IS NULL")
            .await,
        2
    );

    // What came lies sealed now: nothing of it is left as it came.
    let objects = Objects::open_folder(&world.house.folder("objects")).unwrap();
    for delivery in &deliveries {
        let (id, digest) = (delivery.id(), delivery.received.body_digest);
        let came = objects.get_delivery_body(digest, u64::MAX).await;
        assert!(
            matches!(came, Err(ObjectsError::Missing { .. })),
            "{came:?}"
        );
        let sealed = objects.get_sealed_body(id, digest, u64::MAX).await.unwrap();
        let frame = zstd::bulk::compress(&delivery.body, 1).unwrap();
        assert!(sealed.len() > frame.len());
        assert!(zstd::bulk::decompress(&sealed, delivery.body.len()).is_err());
    }

    let command = world.ask_for_session(OTHER, None).await;
    world.outcome(command).await;
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.count("lab_attempt").await, 4);
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn a_body_that_is_nowhere_is_a_dead_letter_and_not_acked_away() {
    let world = World::start().await;
    world.deliver(&[by_object(&world, "gone", ENROLLED)]).await;
    let writer = world.writer();
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.dead().await, 1);
    assert_eq!(world.count("delivery_receipt").await, 0);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_now_is_read_later() {
    let world = World::start().await;
    let delivery = by_object(&world, "later", ENROLLED);
    put(&world, &delivery).await;
    // What is in the way of the bodies is no missing body.
    let bodies = world.house.folder("objects").join("deliveries");
    let aside = world.house.folder("objects").join("aside");
    std::fs::rename(&bodies, &aside).unwrap();
    std::fs::write(&bodies, "in the way").unwrap();
    world.deliver(&[delivery]).await;
    let writer = world.writer();
    wait::until("it was tried in vain", async || {
        let states = world.bus.consumer_states().await;
        let states = states.map_err(|error| error.to_string())?;
        let state = states.iter().find(|s| s.stream == "DELIVERIES").unwrap();
        match state.redelivered {
            0 => Err(format!("{state:?}")),
            _ => Ok(()),
        }
    })
    .await;
    std::fs::remove_file(&bodies).unwrap();
    std::fs::rename(&aside, &bodies).unwrap();
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.count("lab_attempt").await, 2);
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn a_body_that_was_altered_or_removed_is_a_dead_letter_and_its_neighbours_are_recorded() {
    let world = World::start().await;
    let altered = by_object(&world, "altered", ENROLLED);
    let mut gone = by_object(&world, "gone", OTHER);
    gone.received.body_digest = contract::digest::Digest::of(b"nobody has it");
    put(&world, &altered).await;
    // One byte of the kept frame is another.
    let digest = altered.received.body_digest.to_string();
    let kept = files_below(&world.house.folder("objects").join("deliveries"));
    let [file] = kept.as_slice() else {
        panic!("{digest}: {kept:?}")
    };
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
    let good = |number: u32| {
        let push = Push::new(&format!("course-{number}/intro-1"), 1, &[number + 10]);
        Delivery::new(&world, &format!("good-{number}"), &push.payload())
    };
    world
        .deliver(&[good(1), altered, good(2), gone, good(3)])
        .await;
    let writer = world.writer();
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.dead().await, 2);
    assert_eq!(world.count("delivery_receipt").await, 3);
    assert_eq!(world.count("lab_attempt").await, 3);
}

/// Every file below a folder.
fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

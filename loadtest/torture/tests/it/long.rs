//! Single faults after which a message comes again only when its ack wait is over, and what takes
//! longer still.

mod full;
mod mixed;
mod previous;

use std::time::Duration;

use rustix::process::Signal;
use testkit::wire::{Act, Moment};

use torture::seat::INGEST;

use crate::scene::{OTHER_WRITER, Scene, WRITER};

/// Longer than the ack wait of every consumer, in seconds.
const BEYOND_ACK_WAIT_SECS: u64 = 35;

/// Kills the writer when a message passes on one of its wires; what the message would have said is
/// never heard. The push comes out right all the same, once.
async fn killed_at(moment: Moment) {
    let mut scene = Scene::set().await;
    scene.seat(OTHER_WRITER).kill().await;
    let writer = scene.seat(WRITER);
    let wire = match moment {
        Moment::CommitAsked | Moment::CommitAnswered => &writer.postgres,
        _ => &writer.nats,
    };
    let sprung = wire.lay(moment, Act::Hold);
    let push = scene.push().await;
    let sending = scene.send(push);
    sprung.await.unwrap();
    assert!(scene.seat(WRITER).kill().await);
    scene.seat(WRITER).start().await;
    assert!(sending.await.unwrap());
    let figures = scene.end_well().await;
    assert_eq!(figures["counts"]["results"], 1, "{figures:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_killed_before_its_commit_records_the_delivery_when_it_comes_again() {
    killed_at(Moment::CommitAsked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_killed_between_the_commit_and_its_reply_brings_nothing_twice() {
    killed_at(Moment::CommitAnswered).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_killed_after_the_commit_before_the_publish_still_publishes_what_follows() {
    killed_at(Moment::Published("assay.job.")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_killed_after_the_publish_before_the_ack_verifies_nothing_twice() {
    killed_at(Moment::Acked("DELIVERIES")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_stopped_beyond_the_ack_wait_does_nothing_twice_when_it_goes_on() {
    let mut scene = Scene::set().await;
    // Stopped in the middle: its transaction is open, and its message goes to the other writer.
    let writer = scene.seat(WRITER);
    let sprung = writer.postgres.lay(Moment::CommitAsked, Act::Hold);
    scene.seat(OTHER_WRITER).kill().await;
    let push = scene.push().await;
    let sending = scene.send(push);
    sprung.await.unwrap();
    let writer = scene.seat(WRITER);
    assert!(writer.signal(Signal::STOP).await);
    scene.seat(OTHER_WRITER).start().await;
    tokio::time::sleep(Duration::from_secs(BEYOND_ACK_WAIT_SECS)).await;
    writer.postgres.release();
    assert!(writer.signal(Signal::CONT).await);
    assert!(sending.await.unwrap());
    let figures = scene.end_well().await;
    assert_eq!(figures["counts"]["results"], 1, "{figures:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_lost_its_disk_is_filled_again_by_the_forge_and_nothing_is_done_twice() {
    let mut scene = Scene::set().await;
    let push = scene.push().await;
    assert!(scene.driver.send(&push).await);
    scene
        .until("SELECT count(*) FROM verification_attempt", 1)
        .await;
    // With the writers gone, what is answered now lies in the broker alone.
    for who in [WRITER, OTHER_WRITER] {
        scene.seat(who).kill().await;
    }
    let waiting = scene.push().await;
    assert!(scene.driver.send(&waiting).await);
    for number in 0..20 {
        assert!(scene.driver.send(&scene.other(number)).await);
    }
    {
        let mut house = scene.ground.house().await;
        house.nats_mut().kill().await.unwrap();
        let log = house.nats().log();
        std::fs::remove_dir_all(log.parent().unwrap().join("store")).unwrap();
        house.nats_mut().start_again().await.unwrap();
    }
    scene.ground.assay(&["topology", "apply"]).await.unwrap();
    for who in [WRITER, OTHER_WRITER] {
        scene.seat(who).start().await;
    }
    let again = torture::redeliver::what_is_missing(&scene.ground, &scene.driver).await;
    // All but the first push, which the ledger has.
    assert_eq!(again.unwrap(), scene.driver.promised().len() - 1);
    // And the forge sends once more what was recorded before the loss: outside every window.
    assert!(scene.driver.send(&push).await);
    let figures = scene.end_well().await;
    assert_eq!(figures["counts"]["results"], 2, "{figures:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_killed_in_the_middle_of_a_batch_loses_nothing_that_was_answered() {
    let scene = Scene::set().await;
    let sprung = scene
        .seat(INGEST)
        .nats
        .lay(Moment::Published("assay.delivery."), Act::Hold);
    let sending: Vec<_> = (0..40)
        .map(|number| scene.send(scene.other(number)))
        .collect();
    sprung.await.unwrap();
    {
        let mut house = scene.ground.house().await;
        house.nats_mut().kill().await.unwrap();
        house.nats_mut().start_again().await.unwrap();
    }
    scene.seat(INGEST).lose_wires();
    for sent in sending {
        assert!(sent.await.unwrap());
    }
    scene.end_well().await;
}

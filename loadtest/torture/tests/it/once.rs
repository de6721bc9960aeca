//! Single faults that are over at once.

use testkit::wire::{Act, Moment};

use torture::seat::INGEST;

use crate::scene::{OTHER_INGEST, OTHER_WRITER, Scene, WRITER};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_at_two_ingests_in_the_same_moment_takes_effect_once() {
    let scene = Scene::set().await;
    let twins = (0..20).map(|number| {
        let mut ready = scene.other(number);
        ready.twin = true;
        scene.send(ready)
    });
    for sent in futures::future::join_all(twins).await {
        assert!(sent.unwrap());
    }
    let figures = scene.end_well().await;
    assert_eq!(figures["counts"]["answered_2xx"], 40, "{figures:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_ack_of_a_publish_stores_a_delivery_once() {
    let scene = Scene::set().await;
    let lost = scene
        .seat(INGEST)
        .nats
        .lay(Moment::PublishAnswered("DELIVERIES"), Act::Lose);
    let also = scene
        .seat(OTHER_INGEST)
        .nats
        .lay(Moment::PublishAnswered("DELIVERIES"), Act::Lose);
    let mut ready = scene.other(0);
    ready.twin = true;
    assert!(scene.driver.send(&ready).await);
    lost.await.unwrap();
    also.await.unwrap();
    scene.end_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_to_a_commit_brings_nothing_twice_and_its_followers_follow() {
    let mut scene = Scene::set().await;
    // One writer, or the other takes it.
    scene.seat(OTHER_WRITER).kill().await;
    let lost = scene
        .seat(WRITER)
        .postgres
        .lay(Moment::CommitAnswered, Act::Cut);
    let push = scene.push().await;
    assert!(scene.driver.send(&push).await);
    lost.await.unwrap();
    let figures = scene.end_well().await;
    assert_eq!(figures["counts"]["results"], 1, "{figures:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_dies_and_comes_back_loses_nothing_and_kills_no_message() {
    let mut scene = Scene::set().await;
    scene
        .ground
        .house()
        .await
        .postgres_mut()
        .kill()
        .await
        .unwrap();
    let push = scene.push().await;
    assert!(
        scene.driver.send(&push).await,
        "webhooks are taken without the ledger"
    );
    for number in 0..30 {
        assert!(scene.driver.send(&scene.other(number)).await);
    }
    scene
        .ground
        .house()
        .await
        .postgres_mut()
        .start_again()
        .await
        .unwrap();
    let figures = scene.end_well().await;
    assert_eq!(
        figures["dead_letters"],
        serde_json::json!({}),
        "{figures:#}"
    );
}

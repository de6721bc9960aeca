//! The released version's processes beside this one's, on this one's schema and topology, under
//! load: what a house is in the middle of a roll.

use std::fs;
use std::path::PathBuf;

use process::settings::service::Service;
use rustix::process::Signal;
use serde_json::{Value, json};
use testkit::wait;
use torture::seat::{Login, Seat};

use crate::long::previous;
use crate::scene::Scene;

/// Pushes to the lab in each part of a test.
const PUSHES: u64 = 4;
/// Deliveries that no lab cares about, in each part.
const OTHERS: u64 = 60;
/// Services in the order in which they are upgraded, as docs/OPERATIONS.md has it.
const ORDER: [Service; 7] = [
    Service::Verifier,
    Service::SnapshotBuilder,
    Service::AttemptWriter,
    Service::Reconciler,
    Service::StatusReporter,
    Service::Auditor,
    Service::WebhookIngest,
];

/// A program, and as whom it comes to NATS.
#[derive(Clone)]
struct Version {
    program: PathBuf,
    login: Login,
}

/// The version before, which knows no keys at NATS.
async fn before(scene: &Scene) -> Version {
    let (user, _) = scene.ground.house().await.nats().credentials();
    Version {
        program: previous::program(),
        login: Login::Owner(user),
    }
}

/// A scene whose processes of these services are the version before, and that version.
async fn with_before(services: &[Service]) -> (Scene, Version) {
    // Built first, for as long as that takes.
    previous::program();
    let scene = Scene::set().await;
    let before = before(&scene).await;
    let reader_is_before = services.contains(&Service::AttemptWriter);
    let writer_is_this = !services.contains(&Service::WebhookIngest);
    if reader_is_before && writer_is_this {
        without_bundles(&scene).await;
    }
    for seat in &scene.ground.seats {
        if services.contains(&seat.who.service) {
            change(seat, &before).await;
        }
    }
    scene.ground.until_ready().await.unwrap();
    (scene, before)
}

/// Has webhook-ingest make no bundles, as docs/COMPATIBILITY.md asks for while an attempt-writer of
/// 0.1.0 reads what it writes.
async fn without_bundles(scene: &Scene) {
    let config = scene.ground.config();
    let mut settings = fs::read_to_string(&config).unwrap();
    settings.push_str("\n[ingest]\nbatch_messages_max = 1\n");
    fs::write(&config, settings).unwrap();
    let seats = scene.ground.seats.iter();
    for seat in seats.filter(|seat| seat.who.service == Service::WebhookIngest) {
        end(seat).await;
        seat.start().await;
    }
}

/// Stops a process as an operator does.
async fn end(seat: &Seat) {
    assert!(seat.signal(Signal::TERM).await, "{} runs", seat.who);
    wait::until(&format!("{} has ended", seat.who), async || {
        let ended = seat.has_ended().await;
        ended.map(drop).ok_or("it goes on".to_owned())
    })
    .await;
}

/// Stops a process, and has another version sit in its place.
async fn change(seat: &Seat, to: &Version) {
    end(seat).await;
    seat.give(&to.program, to.login.clone());
    seat.start().await;
}

/// Sends deliveries in the background: those of the learner, and as many others.
async fn load(scene: &mut Scene, first: u64) -> Vec<tokio::task::JoinHandle<bool>> {
    let mut sending = Vec::new();
    for number in 0..OTHERS {
        sending.push(scene.send(scene.other(first + number)));
        if number % (OTHERS / PUSHES) == 0 {
            let push = scene.push().await;
            sending.push(scene.send(push));
        }
    }
    sending
}

/// All was answered, the checker says that nothing is lost, doubled or wrong, each push has one
/// result, and no message is one that somebody does not know.
async fn ends_well(scene: Scene, sending: Vec<tokio::task::JoinHandle<bool>>, pushes: u64) {
    for sent in sending {
        assert!(sent.await.unwrap());
    }
    let figures: Value = scene.end_well().await;
    assert_eq!(figures["counts"]["results"], pushes, "{figures:#}");
    assert_eq!(figures["dead_letters"], json!({}), "{figures:#}");
}

async fn side_by_side(services: &[Service]) {
    let (mut scene, _) = with_before(services).await;
    let sending = load(&mut scene, 0).await;
    ends_well(scene, sending, PUSHES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_version_before_takes_in_this_one_records() {
    side_by_side(&[Service::WebhookIngest]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_this_version_takes_in_the_one_before_records() {
    side_by_side(&[Service::AttemptWriter]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_before_runs_on_this_ones_schema_and_topology() {
    side_by_side(&ORDER).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_house_is_rolled_to_this_version_and_back_under_load() {
    let (mut scene, before) = with_before(&ORDER).await;
    let this = Version {
        program: scene.ground.programs.assay.clone(),
        login: Login::Key,
    };
    let forth = ORDER.iter().map(|service| (*service, &this));
    let back = ORDER.iter().rev().map(|service| (*service, &before));
    let mut sending = Vec::new();
    let mut parts = 0;
    for (service, version) in forth.chain(back) {
        sending.extend(load(&mut scene, parts * OTHERS).await);
        parts += 1;
        let ground = std::sync::Arc::clone(&scene.ground);
        for seat in &ground.seats {
            if seat.who.service == service {
                change(seat, version).await;
                ground.until_ready().await.unwrap();
            }
        }
    }
    ends_well(scene, sending, parts * PUSHES).await;
}

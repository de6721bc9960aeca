//! Every command ends with a row that says what became of it.

use bus::outgoing::Outgoing;
use contract::command::SessionOpenRequested;
use contract::message::Message;

use crate::world::{OTHER, World};

/// The command again under another message id, as after the broker forgot the first.
fn copy_of(asked: &SessionOpenRequested) -> Outgoing {
    let payload = serde_json::to_vec(asked).unwrap();
    let id = uuid::Uuid::now_v7().to_string();
    Outgoing::raw(
        "assay",
        SessionOpenRequested::KIND,
        asked.subject(),
        &id,
        payload.into(),
    )
    .unwrap()
}

#[tokio::test]
async fn a_command_that_cannot_be_carried_out_is_refused_with_its_reason() {
    let world = World::start().await;
    let writer = world.writer();
    let mut no_lab = world.asked(OTHER, None);
    no_lab.lab = "nobodys".parse().unwrap();
    let mut no_source = world.asked(OTHER, None);
    no_source.repository = "elsewhere:someone/else".parse().unwrap();
    for (asked, words) in [
        (no_lab, "no lab nobodys is published"),
        (no_source, "no source elsewhere is configured"),
    ] {
        world.bus.publish(&asked).await.unwrap();
        let outcome = world.outcome(asked.command).await;
        assert_eq!(outcome["outcome"], "refused");
        let reason = outcome["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{reason}");
        assert_eq!(outcome["actor"], "operator");
        assert!(outcome["result"].is_null());
    }
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.count("lab_session").await, 0);
}

#[tokio::test]
async fn a_second_session_of_a_lab_in_a_repository_is_refused_and_the_first_is_named() {
    let world = World::start().await;
    let writer = world.writer();
    let first = world.ask_for_session(OTHER, None).await;
    let first = world.outcome(first).await;
    let second = world.ask_for_session(OTHER, None).await;
    let second = world.outcome(second).await;
    world.settled().await;
    writer.stop().await;
    assert_eq!(first["outcome"], "accepted");
    assert_eq!(second["outcome"], "refused");
    let session = first["result"]["session"].as_str().unwrap();
    let reason = second["reason"].as_str().unwrap();
    assert!(reason.contains(session), "{reason}");
    assert_eq!(world.count("lab_session").await, 1);
}

#[tokio::test]
async fn a_command_that_is_delivered_again_and_again_is_carried_out_once() {
    let world = World::start().await;
    let asked = world.asked(OTHER, None);
    for _ in 0..5 {
        world.bus.publish_raw(copy_of(&asked)).await.unwrap();
    }
    // Two writers, so that copies are worked on at the same moment.
    let writers = [world.writer(), world.writer()];
    world.settled().await;
    for writer in writers {
        writer.stop().await;
    }
    let outcome = world.outcome(asked.command).await;
    assert_eq!(outcome["outcome"], "accepted", "{outcome}");
    let of_this = format!("command WHERE id = '{}'", asked.command);
    assert_eq!(world.count(&of_this).await, 1);
    assert_eq!(world.count("lab_session").await, 1);
    let carried_out = "audit_entry WHERE action = 'command-carried-out'";
    assert_eq!(world.count(carried_out).await, 1);
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn a_command_that_claims_another_actor_than_its_subject_is_a_dead_letter() {
    let world = World::start().await;
    let asked = world.asked(OTHER, None);
    let mut claimed = asked.clone();
    claimed.actor = "somebody-else".parse().unwrap();
    let forged = Outgoing::raw(
        "assay",
        SessionOpenRequested::KIND,
        asked.subject(),
        "forged",
        serde_json::to_vec(&claimed).unwrap().into(),
    );
    world.bus.publish_raw(forged.unwrap()).await.unwrap();
    let writer = world.writer();
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.dead().await, 1);
    assert_eq!(world.count("lab_session").await, 0);
}

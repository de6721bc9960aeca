//! Orders about dead letters: each letter is closed once, whatever is said twice, and leaves `DEAD`.

use bus::outgoing::Outgoing;
use contract::command::dead_letter::{DeadDiscardRequested, DeadSendBackRequested};
use contract::ids::{CommandId, DeadLetterId};
use contract::message::Message;
use serde_json::{Value, json};
use testkit::wait;

use crate::deliveries::Delivery;
use crate::large::{by_object, put};
use crate::world::{ENROLLED, World};

fn send_back(letters: &[&Value], reason: &str) -> DeadSendBackRequested {
    DeadSendBackRequested {
        command: CommandId::new(),
        actor: "operator".parse().unwrap(),
        letters: letters.iter().map(|letter| id(letter)).collect(),
        reason: reason.to_owned(),
    }
}

fn discard(letters: &[&Value], reason: &str) -> DeadDiscardRequested {
    DeadDiscardRequested {
        command: CommandId::new(),
        actor: "operator".parse().unwrap(),
        letters: letters.iter().map(|letter| id(letter)).collect(),
        reason: reason.to_owned(),
    }
}

fn id(letter: &Value) -> DeadLetterId {
    letter["id"].as_str().unwrap().parse().unwrap()
}

/// The order under an id of its own, as after the broker forgot the first.
fn copy_of<M: Message>(order: &M) -> Outgoing {
    let payload = serde_json::to_vec(order).unwrap().into();
    let id = uuid::Uuid::now_v7().to_string();
    Outgoing::raw("assay", M::KIND, order.subject(), &id, payload).unwrap()
}

impl World {
    async fn kill_some(&self, names: &[&str]) {
        let bad = |name: &&str| Delivery::of_body(self, name, "push", "[]");
        let bad: Vec<_> = names.iter().map(bad).collect();
        self.deliver(&bad).await;
    }

    async fn closings(&self, action: &str) -> Vec<Value> {
        self.rows(&format!(
            "SELECT * FROM dead_letter WHERE action = '{action}'"
        ))
        .await
    }
}

#[tokio::test]
async fn poison_that_is_sent_back_dies_again_as_the_same_message() {
    let world = World::start().await;
    world.kill_some(&["poison"]).await;
    let writer = world.writer();
    let first = world.letters(1).await.remove(0);
    let asked = send_back(&[&first], "try it again");
    world.bus.publish(&asked).await.unwrap();
    let outcome = world.outcome(asked.command).await;
    assert_eq!(outcome["outcome"], "accepted", "{outcome}");
    assert_eq!(
        outcome["result"],
        json!({ "closed": [first["id"]], "refused": [] })
    );
    let second = world.letters(2).await.remove(1);
    world.settled().await;
    writer.stop().await;

    for of_both in [
        "message_id",
        "delivery_id",
        "reason",
        "first_stored_at",
        "stream",
    ] {
        assert_eq!(second[of_both], first[of_both], "{of_both}");
    }
    assert_ne!(second["id"], first["id"]);
    let closing = world.closings("sent-back").await.remove(0);
    assert_eq!(closing["letter_id"], first["id"]);
    assert_eq!(closing["command_id"], asked.command.to_string());
    assert_eq!(
        (&closing["actor"], &closing["reason"]),
        (&json!("operator"), &json!("try it again"))
    );
    // The second names the first, and is alone in DEAD.
    assert_eq!(world.dead().await, 1);
    let place = second["dead_sequence"].as_u64().unwrap();
    let kept = world.bus.dead_letter(place).await.unwrap().unwrap();
    let of_first = kept.header(bus::letter::SENT_BACK_HEADER).unwrap();
    assert_eq!(DeadLetterId::compute(of_first), id(&first));
    assert_eq!(world.count("delivery_receipt").await, 0);
}

#[tokio::test]
async fn a_letter_that_is_sent_back_after_its_cause_was_mended_takes_effect_once() {
    let world = World::start().await;
    let delivery = by_object(&world, "large", ENROLLED);
    world.deliver(std::slice::from_ref(&delivery)).await;
    let writer = world.writer();
    let letter = world.letters(1).await.remove(0);
    assert_eq!(letter["delivery_id"], delivery.id().to_string());
    assert_eq!(world.count("delivery").await, 0);

    put(&world, &delivery).await;
    let asked = send_back(&[&letter], "its body was found");
    // Delivered thrice, to two writers: one effect.
    let other = world.writer();
    for _ in 0..3 {
        world.bus.publish_raw(copy_of(&asked)).await.unwrap();
    }
    let outcome = world.outcome(asked.command).await;
    assert_eq!(outcome["outcome"], "accepted", "{outcome}");
    wait::until("it is recorded", async || {
        match world.count("delivery").await {
            0 => Err("not yet".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
    world.settled().await;
    for writer in [writer, other] {
        writer.stop().await;
    }
    assert_eq!(world.count("delivery").await, 1);
    assert_eq!(world.count("lab_attempt").await, 2);
    assert_eq!(world.count("dead_letter").await, 2);
    for action in ["dead-letter-sent-back", "command-carried-out"] {
        let entries = format!("audit_entry WHERE action = '{action}'");
        assert_eq!(world.count(&entries).await, 1, "{action}");
    }
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn a_discarded_letter_is_a_row_with_its_reason_and_leaves_dead() {
    let world = World::start().await;
    world.kill_some(&["1", "2", "3"]).await;
    let writer = world.writer();
    let letters = world.letters(3).await;
    let asked = discard(&[&letters[0], &letters[2]], "not ours");
    for _ in 0..3 {
        world.bus.publish_raw(copy_of(&asked)).await.unwrap();
    }
    let outcome = world.outcome(asked.command).await;
    assert_eq!(outcome["outcome"], "accepted", "{outcome}");
    world.settled().await;
    writer.stop().await;
    let closings = world.closings("discarded").await;
    assert_eq!(closings.len(), 2);
    for closing in &closings {
        assert_eq!(closing["reason"], "not ours");
        assert_eq!(closing["actor"], "operator");
        assert_eq!(closing["command_id"], asked.command.to_string());
    }
    let entries = "audit_entry WHERE action = 'dead-letter-discarded'";
    assert_eq!(world.count(entries).await, 2);
    // The one that was not named is there still, and can be read.
    assert_eq!(world.dead().await, 1);
    let place = letters[1]["dead_sequence"].as_u64().unwrap();
    assert!(world.bus.dead_letter(place).await.unwrap().is_some());
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused_with_their_reason_and_change_nothing() {
    let world = World::start().await;
    world.kill_some(&["1", "2"]).await;
    let writer = world.writer();
    let letters = world.letters(2).await;
    let first = discard(&[&letters[0]], "not ours");
    world.bus.publish(&first).await.unwrap();
    world.outcome(first.command).await;

    let unknown = json!({ "id": DeadLetterId::compute("nobody's") });
    let long = "x".repeat(2_000);
    for (named, reason, words) in [
        (vec![&unknown], "why not", "there is no such dead letter"),
        (vec![&letters[0]], "why not", "it was discarded already"),
        (vec![&letters[1]], " ", "a reason is missing"),
        (vec![&letters[1]], long.as_str(), "a reason has at most"),
        (vec![], "why not", "it names no letter"),
    ] {
        let (back, drop) = (send_back(&named, reason), discard(&named, reason));
        world.bus.publish(&back).await.unwrap();
        world.bus.publish(&drop).await.unwrap();
        for command in [back.command, drop.command] {
            let outcome = world.outcome(command).await;
            assert_eq!(outcome["outcome"], "refused", "{outcome}");
            let said = outcome["reason"].as_str().unwrap();
            assert!(said.contains(words), "{said}");
        }
    }
    // One that can be done is done, and the others of its order are named.
    let mixed = discard(&[&unknown, &letters[1], &letters[0]], "clean up");
    world.bus.publish(&mixed).await.unwrap();
    let outcome = world.outcome(mixed.command).await;
    assert_eq!(
        outcome["result"]["closed"],
        json!([letters[1]["id"]]),
        "{outcome}"
    );
    assert_eq!(outcome["result"]["refused"].as_array().unwrap().len(), 2);
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.count("dead_letter").await, 4);
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn a_letter_whose_bytes_are_gone_cannot_be_sent_back_and_can_be_discarded() {
    let world = World::start().await;
    world.kill_some(&["1"]).await;
    let writer = world.writer();
    let letter = world.letters(1).await.remove(0);
    let place = letter["dead_sequence"].as_u64().unwrap();
    world
        .bus
        .remove_dead_letter(place, id(&letter))
        .await
        .unwrap();
    let asked = send_back(&[&letter], "try it again");
    world.bus.publish(&asked).await.unwrap();
    let outcome = world.outcome(asked.command).await;
    let reason = outcome["reason"].as_str().unwrap();
    assert!(reason.contains("not in DEAD any more"), "{reason}");
    let asked = discard(&[&letter], "too old");
    world.bus.publish(&asked).await.unwrap();
    assert_eq!(world.outcome(asked.command).await["outcome"], "accepted");
    writer.stop().await;
}

#[tokio::test]
async fn two_orders_that_name_one_letter_at_a_time_close_it_once() {
    let world = World::start().await;
    let names: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    world.kill_some(&names).await;
    let writers = [world.writer(), world.writer()];
    let letters = world.letters(names.len()).await;
    let mut commands = Vec::new();
    for letter in &letters {
        let (back, drop) = (send_back(&[letter], "again"), discard(&[letter], "never"));
        commands.extend([back.command, drop.command]);
        let both = [copy_of(&back), copy_of(&drop)];
        world.bus.publish_batch(&both).await.unwrap();
    }
    let mut accepted = 0;
    for command in commands {
        let outcome = world.outcome(command).await;
        match outcome["outcome"].as_str().unwrap() {
            "accepted" => accepted += 1,
            _ => {
                let reason = outcome["reason"].as_str().unwrap();
                // Whoever came second finds it closed, or its bytes gone.
                assert!(
                    reason.contains("already") || reason.contains("any more"),
                    "{reason}"
                );
            }
        }
    }
    world.settled().await;
    for writer in writers {
        writer.stop().await;
    }
    assert_eq!(accepted, letters.len());
    let closings = "dead_letter WHERE action <> 'dead-lettered'";
    assert_eq!(world.count(closings).await, letters.len() as i64);
}

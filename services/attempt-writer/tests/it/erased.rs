//! Orders about people: held, erased, kept erased whatever comes later, and erased again in a ledger
//! of before. Whole ways, with trees and results, are the operator's program's tests.

use attempt_writer::privacy::erase;
use contract::command::privacy::{
    PrivacyOrder, PrivacyOrdered, RetentionRequested, RewrapRequested,
};
use contract::ids::{CommandId, PrincipalId};
use contract::message::Message;
use contract::time::now;
use objects::store::Objects;
use serde_json::{Value, json};

use crate::deliveries::{Delivery, Push};
use crate::world::{ENROLLED, OTHER, World};

/// The sample lab with a rule.
const RULED: &str = "[retention]\nraw_bodies_days = 1\n";

/// The body of a push by somebody of this number, who is their own author.
pub(crate) fn by(number: u32, repository: &str, commit: u32) -> Value {
    let mut payload = Push::new(repository, commit - 1, &[commit]).payload();
    let login = format!("learner-{number}");
    let email = format!("{login}@example.org");
    payload["sender"] = json!({ "id": number, "login": login });
    payload["pusher"] = json!({ "name": login, "email": email });
    for commit in ["/commits/0", "/head_commit"] {
        let commit = payload.pointer_mut(commit).unwrap();
        commit["author"] = json!({ "name": "A Learner", "email": email });
    }
    payload
}

impl World {
    pub(crate) async fn give<M: Message>(&self, command: CommandId, order: &M) -> Value {
        self.bus.publish(order).await.unwrap();
        let outcome = self.outcome(command).await;
        self.settled().await;
        outcome
    }

    pub(crate) async fn order(
        &self,
        order: PrivacyOrder,
        person: PrincipalId,
        reason: &str,
    ) -> Value {
        let order = PrivacyOrdered {
            command: CommandId::new(),
            actor: "operator".parse().unwrap(),
            order,
            people: vec![person],
            reason: reason.to_owned(),
            plan: false,
        };
        self.give(order.command, &order).await
    }

    pub(crate) async fn retention(&self, plan: bool) -> Value {
        let order = RetentionRequested {
            command: CommandId::new(),
            actor: "operator".parse().unwrap(),
            reason: "the rules".to_owned(),
            plan,
        };
        self.give(order.command, &order).await["result"].clone()
    }

    /// Whoever pushed a delivery.
    pub(crate) async fn pusher(&self, delivery: &Delivery) -> PrincipalId {
        let query = format!(
            "SELECT pusher_id FROM push WHERE delivery_id = '{}'",
            delivery.id()
        );
        let rows = self.rows(&query).await;
        rows[0]["pusher_id"].as_str().unwrap().parse().unwrap()
    }

    /// Rows that tell of people: names, bodies, keys.
    async fn sealed(&self) -> (i64, i64, i64) {
        (
            self.count("privacy.person").await,
            self.count("privacy.delivery_body").await,
            self.count("privacy.person_key").await,
        )
    }
}

#[tokio::test]
async fn a_hold_blocks_an_erasure_until_it_is_released_and_each_says_why_in_the_log() {
    let world = World::start().await;
    let writer = world.writer();
    let delivery = Delivery::new(&world, "d", &by(1, ENROLLED, 2));
    world.deliver(std::slice::from_ref(&delivery)).await;
    world.settled().await;
    let person = world.pusher(&delivery).await;
    let nobody = PrincipalId::compute("github", "nobody");
    for (order, person, reason, refusal) in [
        (
            PrivacyOrder::Release,
            person,
            "why not",
            "no legal hold is on",
        ),
        (
            PrivacyOrder::Hold,
            nobody,
            "a lawsuit",
            "the ledger knows no person",
        ),
        (PrivacyOrder::Hold, person, " ", "a reason is missing"),
        (
            PrivacyOrder::Hold,
            person,
            "for Learner-1",
            "the reason names the person",
        ),
        (PrivacyOrder::Hold, person, "a lawsuit", ""),
        (
            PrivacyOrder::Hold,
            person,
            "another",
            "a legal hold is on already",
        ),
        (
            PrivacyOrder::Erase,
            person,
            "a wish",
            "is under a legal hold since",
        ),
        (PrivacyOrder::Release, person, "it is over", ""),
        (PrivacyOrder::Erase, person, "a wish", ""),
    ] {
        let outcome = world.order(order, person, reason).await;
        let said = outcome["reason"].as_str().unwrap_or_default();
        assert_eq!(said.is_empty(), refusal.is_empty(), "{order:?}: {outcome}");
        assert!(said.contains(refusal), "{order:?}: {outcome}");
    }
    writer.stop().await;
    assert!(
        !world
            .everything()
            .await
            .to_lowercase()
            .contains("learner-1")
    );
    assert_eq!(world.sealed().await, (0, 0, 0));
    for action in [
        "person-held",
        "person-released",
        "person-erased",
        "data-removed",
    ] {
        let told = format!("audit_entry WHERE action = '{action}'");
        assert_eq!(world.count(&told).await, 1, "{action}");
    }
    assert_eq!(world.count("removal WHERE kind = 'raw-body'").await, 1);
    assert_eq!(world.count("lab_attempt").await, 1);
}

#[tokio::test]
async fn what_was_received_before_an_erasure_and_comes_after_it_names_nobody() {
    let world = World::start().await;
    let writer = world.writer();
    let late = Delivery::new(&world, "late", &by(1, ENROLLED, 3));
    let first = Delivery::new(&world, "first", &by(1, ENROLLED, 2));
    let other = Delivery::new(&world, "other", &by(2, OTHER, 2));
    world.deliver(&[first.clone(), other]).await;
    world.settled().await;
    assert_eq!(world.sealed().await, (4, 2, 4));
    let person = world.pusher(&first).await;
    let erased = world.order(PrivacyOrder::Erase, person, "a wish").await;
    assert_eq!(
        erased["result"]["people"].as_array().unwrap().len(),
        2,
        "{erased}"
    );
    assert_eq!(world.sealed().await, (2, 1, 2), "nobody else's is gone");

    world.deliver(&[late]).await;
    world.settled().await;
    assert_eq!(world.count("lab_attempt").await, 2, "the push is recorded");
    assert_eq!(world.sealed().await, (2, 1, 2));

    let new = Delivery::new(&world, "new", &by(1, ENROLLED, 4));
    world.deliver(&[new]).await;
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.sealed().await, (4, 2, 4), "what came later is new");
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn a_ledger_of_before_is_stripped_by_the_records_beside_the_objects() {
    let (world, restored) = (World::start().await, World::start().await);
    let mut person = None;
    for world in [&world, &restored] {
        let writer = world.writer();
        let delivery = Delivery::new(world, "d", &by(1, ENROLLED, 2));
        world.deliver(std::slice::from_ref(&delivery)).await;
        world.settled().await;
        person = Some(world.pusher(&delivery).await);
        writer.stop().await;
    }
    let writer = world.writer();
    let erased = world
        .order(PrivacyOrder::Erase, person.unwrap(), "a wish")
        .await;
    assert_eq!(erased["outcome"], "accepted", "{erased}");
    writer.stop().await;

    let of = |world: &World| Objects::open_folder(&world.house.folder("objects")).unwrap();
    let records = of(&world).erasures().await.unwrap();
    assert_eq!(records.len(), 1);
    let command = erased["id"].as_str().unwrap().parse().unwrap();
    let objects = of(&restored);
    objects
        .put_erasure(command, records[0].clone())
        .await
        .unwrap();
    let store = restored.house.store("assay_attempt_writer", 2);
    for _ in 0..2 {
        assert_eq!(erase::again(&store, &objects).await.unwrap(), 2);
        assert_eq!(restored.sealed().await, (0, 0, 0));
        assert_eq!(restored.count("erasure").await, 2);
    }
    assert_eq!(restored.count("lab_attempt").await, 1);
}

#[tokio::test]
async fn a_body_goes_by_its_labs_rule_and_a_hold_keeps_it() {
    let world = World::without_lab().await;
    let ruled = format!("{}\n{RULED}", sample::lab::LAB_TOML);
    world.publish_lab(&ruled).await;
    let writer = world.writer();
    let held = Delivery::new(&world, "held", &by(1, "course-1/intro-1", 2));
    let due = Delivery::new(&world, "due", &by(2, "course-1/intro-2", 2));
    // No session, and no rule of the house: kept for ever.
    let unmatched = Delivery::new(&world, "unmatched", &by(3, OTHER, 2));
    world.deliver(&[held.clone(), due, unmatched]).await;
    world.settled().await;
    let nothing = json!({ "plan": true, "raw_bodies": 0, "logs": 0, "snapshots": 0 });
    assert_eq!(world.retention(true).await, nothing, "they are young");
    world
        .house
        .sql("UPDATE privacy.delivery_body SET recorded_at = now() - interval '25 hours'")
        .await;
    let person = world.pusher(&held).await;
    world.order(PrivacyOrder::Hold, person, "a lawsuit").await;
    assert_eq!(world.retention(true).await["raw_bodies"], 1);
    assert_eq!(world.count("removal").await, 0, "a plan removes nothing");
    assert_eq!(world.retention(false).await["raw_bodies"], 1);
    assert_eq!(world.retention(false).await["raw_bodies"], 0);
    assert_eq!(world.sealed().await, (6, 2, 6), "people stay");
    world
        .order(PrivacyOrder::Release, person, "it is over")
        .await;
    assert_eq!(world.retention(false).await["raw_bodies"], 1);
    writer.stop().await;
    assert_eq!(world.count("removal WHERE cause = 'retention'").await, 2);
    assert!(now() > held.received.received_at);
}

#[tokio::test]
async fn keys_are_wrapped_anew_and_what_is_sealed_still_opens() {
    let world = World::start().await;
    let writer = world.writer();
    world
        .deliver(&[Delivery::new(&world, "d", &by(1, ENROLLED, 2))])
        .await;
    world.settled().await;
    writer.stop().await;
    let writer = world.writer_with_master("second");
    let order = RewrapRequested {
        command: CommandId::new(),
        actor: "operator".parse().unwrap(),
        reason: "the first is retired".to_owned(),
    };
    let outcome = world.give(order.command, &order).await;
    assert_eq!(outcome["result"]["rewrapped"], 2, "{outcome}");
    writer.stop().await;
    let wrapped = "privacy.person_key WHERE master_key = 'second'";
    assert_eq!(world.count(wrapped).await, 2);

    // Without the first one everything goes on.
    let writer = world.writer_with_master("second alone");
    let again = Delivery::new(&world, "e", &by(1, ENROLLED, 3));
    world.deliver(&[again]).await;
    world.settled().await;
    writer.stop().await;
    assert_eq!(world.sealed().await, (2, 2, 2));
    assert_eq!(world.dead().await, 0);
}

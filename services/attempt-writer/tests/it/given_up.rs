//! Holes that nothing can fill are given up by an order: no alarm, and never forgotten.

use contract::command::completeness::HoleAcceptRequested;
use contract::ids::CommandId;
use serde_json::Value;
use servers::postgres::OWNER;
use store::{lane_hole, lane_hole_accepted};
use uuid::Uuid;

use crate::world::World;

impl World {
    async fn give_up(&self, id: Uuid, number: Option<u64>, reason: &str) -> Value {
        let order = HoleAcceptRequested {
            command: CommandId::new(),
            actor: "operator".parse().unwrap(),
            id,
            number,
            reason: reason.to_owned(),
        };
        self.give(order.command, &order).await
    }

    async fn open_holes(&self) -> i64 {
        let store = self.house.store(OWNER, 1);
        let mut conn = store.connection().await.unwrap();
        lane_hole::open_holes_count(&mut conn).await.unwrap()
    }
}

#[tokio::test]
async fn a_hole_is_given_up_with_a_reason_and_stays_on_the_list() {
    let world = World::start().await;
    let writer = world.writer();
    let (lane, one, other) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    for (number, delivery) in [(3, one), (4, other)] {
        let insert = format!(
            "INSERT INTO lane_hole VALUES ('{}', '{lane}', {number}, '{delivery}', 'missing', NULL, \
             now())",
            Uuid::now_v7()
        );
        world.house.sql(&insert).await;
    }
    assert_eq!(world.open_holes().await, 2);
    for (id, number, reason, refusal) in [
        (one, None, " ", "a reason is missing"),
        (
            Uuid::now_v7(),
            None,
            "it is gone",
            "nothing of that name is missing",
        ),
        (
            lane,
            Some(5),
            "it is gone",
            "nothing of that name is missing",
        ),
        (one, None, "it is gone", ""),
        (one, None, "it is gone", "it is accepted already"),
        (lane, Some(4), "it is gone as well", ""),
    ] {
        let outcome = world.give_up(id, number, reason).await;
        let said = outcome["reason"].as_str().unwrap_or_default();
        assert_eq!(said.is_empty(), refusal.is_empty(), "{outcome}");
        assert!(said.contains(refusal), "{outcome}");
    }
    writer.stop().await;
    assert_eq!(world.open_holes().await, 0);
    let entries = "audit_entry WHERE action = 'delivery-given-up'";
    assert_eq!(world.count(entries).await, 2);
    assert_eq!(world.count("lane_hole").await, 2, "nothing is taken back");
    let store = world.house.store(OWNER, 1);
    let mut conn = store.connection().await.unwrap();
    let listed = lane_hole_accepted::list(&mut conn, 10).await.unwrap();
    let told: Vec<_> = listed
        .iter()
        .map(|hole| {
            (
                hole.number,
                hole.actor.as_str(),
                hole.reason.as_deref(),
                hole.found,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (4, "operator", Some("it is gone as well"), false),
            (3, "operator", Some("it is gone"), false),
        ]
    );
}

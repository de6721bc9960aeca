//! Which deliveries are missing, and what is done about each.

use std::collections::BTreeSet;

use contract::time::now;
use sample::delivery::sign;
use serde_json::{Value, json};

use crate::world::{World, push};

/// More than GitHub keeps a delivery, in seconds.
const FOUR_DAYS: u64 = 4 * 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_failed_or_was_lost_is_a_gap_once_and_asked_for_until_it_is_recorded() {
    let world = World::start().await;
    let reconciler = world.reconciler().await;
    world.api.pretend(world.hook, &push("refused"), 503, 30);
    world.api.pretend(world.hook, &push("lost"), 202, 20);
    world.api.pretend(world.hook, &push("recorded"), 202, 10);
    world.record("recorded").await;
    // What nobody wants is no gap, and nor is what nobody could have sent.
    let ping = sign("ping", "ping", &json!({}), b"x");
    world.api.pretend(world.hook, &ping, 503, 5);
    world
        .api
        .pretend(world.hook, &push("not\u{7f}an id"), 503, 5);

    let plan = contract::command::ReconcileRequested {
        plan: true,
        ..world.asked()
    };
    world.bus.publish(&plan).await.unwrap();
    let planned = world.outcome(plan.command).await["result"].clone();
    assert_eq!(
        (&planned["failed"], &planned["lost"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(world.count("reconciliation_gap").await, 0);
    assert_eq!((world.tries("refused"), world.tries("lost")), (1, 1));

    let result = world.compared().await;
    assert_eq!(result["deliveries"], 3, "{result}");
    assert_eq!(result["redeliveries"], 2, "{result}");
    assert_eq!(result["incomplete"], Value::Null, "{result}");
    let gaps = "SELECT subject, kind, action, last_status FROM reconciliation_gap ORDER BY subject";
    assert_eq!(
        world.house.rows(gaps).await,
        [
            r#"{"subject":"lost","kind":"delivery-lost","action":"redelivery","last_status":202}"#,
            r#"{"subject":"refused","kind":"delivery-failed","action":"redelivery","last_status":503}"#,
        ]
    );
    for guid in ["refused", "lost"] {
        let tries = world.api.tries(guid);
        assert!(tries.len() == 2 && tries[1].again, "{tries:?}");
    }
    assert_eq!(world.tries("recorded"), 1);

    // One of them came; the other is asked for again, and is the same gap.
    world.record("lost").await;
    let result = world.compared().await;
    assert_eq!((&result["failed"], &result["lost"]), (&json!(1), &json!(0)));
    assert_eq!((world.tries("refused"), world.tries("lost")), (3, 2));
    assert_eq!(world.count("reconciliation_gap").await, 2);
    world.record("refused").await;
    let result = world.compared().await;
    assert_eq!(result["delivery_gaps"], 0, "{result}");
    reconciler.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_followed_as_far_as_the_window_goes() {
    let world = World::start().await;
    world.api.bound_pages(2);
    world
        .api
        .pretend(world.hook, &push("too-old"), 503, FOUR_DAYS);
    world
        .api
        .pretend(world.hook, &push("too-old-too"), 503, FOUR_DAYS);
    world
        .api
        .pretend(world.hook, &push("too-old-as-well"), 503, FOUR_DAYS);
    for number in 0..7 {
        let guid = format!("guid-{number}");
        world
            .api
            .pretend(world.hook, &push(&guid), 500, 60 - number);
    }
    let reconciler = world.reconciler().await;
    let found = world
        .house
        .rows("SELECT subject FROM reconciliation_gap")
        .await;
    let found: BTreeSet<String> = found.into_iter().collect();
    let expected = (0..7).map(|number| format!(r#"{{"subject":"guid-{number}"}}"#));
    assert_eq!(found, expected.collect());
    let pages = world.api.asked();
    let pages = pages.iter().filter(|asked| asked.ends_with("/deliveries"));
    // Seven of them, two a page, and the one of the fourth that is too old ends it.
    assert_eq!(pages.count(), 4);
    assert_eq!(world.api.tries("too-old").len(), 1);
    reconciler.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_forges_first_try_is_kept_and_a_window_of_ones_own_choice_moves_nothing() {
    let world = World::start().await;
    let reconciler = world.reconciler().await;
    // Older than what is looked at again by itself.
    world.api.pretend(world.hook, &push("older"), 503, 7_200);
    world.api.pretend(world.hook, &push("older"), 503, 3_600);
    let result = world.compared().await;
    assert_eq!(result["delivery_gaps"], 0, "{result}");
    let asked = contract::command::ReconcileRequested {
        since: Some(now() - chrono::TimeDelta::hours(3)),
        ..world.asked()
    };
    world.bus.publish(&asked).await.unwrap();
    let result = world.outcome(asked.command).await["result"].clone();
    assert_eq!(result["missing"][0]["tries"], 2, "{result}");
    let first = world.api.tries("older")[0].at;
    let kept = format!(
        "SELECT count(*) FROM reconciliation_gap WHERE first_attempt_at = '{}'",
        contract::time::to_text(contract::time::to_micros(first))
    );
    assert_eq!(world.house.number(&kept).await, 1);
    let complete = "reconciliation WHERE deliveries_complete";
    assert_eq!(
        world.count(complete).await,
        2,
        "the scheduled and the first command's"
    );
    reconciler.stop().await;
}

//! Attempts are verified again: those that were meant, each once, whatever dies on the way.

use bus::outgoing::Outgoing;
use bus::topology::{ATTEMPT_WRITER_BULK, SNAPSHOT_BUILDER_BULK, VERIFIER_BULK};
use contract::ids::CommandId;
use contract::message::Message;
use contract::reprocess::{
    ReprocessDue, ReprocessRequested, ReprocessStopRequested, Selection, VersionChoice,
};
use contract::result::NewestResult;
use contract::time::now;
use serde_json::{Value, json};
use testkit::wait;

use crate::world::World;
use testkit::past::Past;

fn all_that(result: NewestResult) -> Selection {
    Selection {
        result: Some(result),
        ..Selection::default()
    }
}

fn order(selection: Selection) -> ReprocessRequested {
    ReprocessRequested {
        command: CommandId::new(),
        actor: "operator".parse().unwrap(),
        selection,
        lab_version: VersionChoice::Current,
        reason: "the checks were mended".into(),
        rate_per_second: None,
        limit: None,
    }
}

/// The message again under another id, as after the broker forgot the first.
fn copy_of<M: Message>(message: &M) -> Outgoing {
    let payload = serde_json::to_vec(message).unwrap().into();
    let id = uuid::Uuid::now_v7().to_string();
    Outgoing::raw("assay", M::KIND, message.subject(), &id, payload).unwrap()
}

impl World {
    async fn requests_of(&self, command: CommandId) -> i64 {
        let cause = ReprocessRequested::cause_of(command);
        self.count(&format!("verification_request WHERE cause = '{cause}'"))
            .await
    }

    /// Waits until everything is asked for, or the order was stopped; gives the last entry.
    async fn finished(&self, command: CommandId) -> Value {
        let query = format!(
            "SELECT entry FROM audit_entry WHERE action = 'reprocess-finished' \
             AND entry::jsonb ->> 'assay.command.id' = '{command}'"
        );
        let entry = wait::until("the order is finished", async || {
            let rows = self.rows(&query).await;
            rows.into_iter().next().ok_or("not yet".to_owned())
        });
        serde_json::from_str(entry.await["entry"].as_str().unwrap()).unwrap()
    }
}

#[tokio::test]
async fn each_meant_attempt_is_asked_for_once_however_often_the_order_comes() {
    let world = World::start().await;
    let attempts = 1_234;
    world
        .remember(Past {
            attempts,
            ..Past::default()
        })
        .await;
    let order = order(all_that(NewestResult::Fail));
    for _ in 0..3 {
        world.bus.publish_raw(copy_of(&order)).await.unwrap();
    }
    let writers = [world.writer(), world.writer()];
    let outcome = world.outcome(order.command).await;
    assert_eq!(outcome["result"]["attempts"], attempts);
    assert_eq!(outcome["body"]["reason"], "the checks were mended");
    let entry = world.finished(order.command).await;
    assert_eq!(entry["assay.attempts"], attempts);
    assert_eq!(entry["assay.stopped"], false);
    // Once more, after everything.
    world.bus.publish_raw(copy_of(&order)).await.unwrap();
    world.settled().await;
    for writer in writers {
        writer.stop().await;
    }
    assert_eq!(world.requests_of(order.command).await, i64::from(attempts));
    let queued = world.house.queued(&VERIFIER_BULK).await;
    assert_eq!(queued, u64::from(attempts));
    assert_eq!(world.house.queued(&SNAPSHOT_BUILDER_BULK).await, 0);
    assert_eq!(world.dead().await, 0);
    let covered = "audit_entry, jsonb_array_elements(entry::jsonb -> 'assay.rows') AS r \
                   WHERE r ->> 'table' = 'verification_request'";
    assert_eq!(world.count(covered).await, i64::from(attempts));
}

#[tokio::test]
async fn a_page_that_comes_again_asks_for_nothing_twice_and_goes_on() {
    let world = World::start().await;
    let attempts = 1_100;
    world
        .remember(Past {
            attempts,
            ..Past::default()
        })
        .await;
    let order = order(all_that(NewestResult::Fail));
    world.bus.publish(&order).await.unwrap();
    let first = ReprocessDue {
        command: order.command,
        after: None,
        selected: 0,
        not_before: None,
    };
    let writers = [world.writer(), world.writer()];
    world.outcome(order.command).await;
    // Copies of its first page, while it is worked on and after, as after deaths of a writer.
    for _ in 0..4 {
        world.bus.publish_raw(copy_of(&first)).await.unwrap();
    }
    world.finished(order.command).await;
    world.house.until_queued(&ATTEMPT_WRITER_BULK, 0).await;
    for writer in writers {
        writer.stop().await;
    }
    assert_eq!(world.requests_of(order.command).await, i64::from(attempts));
    // Under its own id each job is one message, however often it was published.
    let queued = world.house.queued(&VERIFIER_BULK).await;
    assert_eq!(queued, u64::from(attempts));
    assert_eq!(world.dead().await, 0);
}

#[tokio::test]
async fn a_selection_means_what_it_says() {
    let world = World::start().await;
    for (result, attempts, hours_ago) in [
        ("pass", 2, 1),
        ("fail", 3, 2),
        ("source-unavailable", 5, 3),
        ("worker-lost", 7, 4),
        ("", 11, 30),
    ] {
        let repository = match result {
            "pass" => "github:a/pass",
            "fail" => "github:a/fail",
            _ => "github:a/other",
        };
        // A repository may have several sessions of a lab: generations.
        let sessions = world.count("lab_session").await + 1;
        world
            .house
            .sql(&format!(
                "ALTER TABLE lab_session ALTER generation SET DEFAULT {sessions}"
            ))
            .await;
        world
            .remember(Past {
                repository,
                result,
                attempts,
                hours_ago,
                ..Past::default()
            })
            .await;
    }
    let delivery = "SELECT delivery_id AS id FROM push WHERE repository = 'github:a/fail'";
    let delivery = &world.rows(delivery).await[0]["id"];
    let session = "SELECT id FROM lab_session WHERE repository = 'github:a/pass'";
    let session = &world.rows(session).await[0]["id"];
    let ago = |hours: u64| now() - std::time::Duration::from_secs(hours * 3_600 + 1_800);
    let writer = world.writer();
    for (selection, meant) in [
        (json!({ "result": "fail" }), 3),
        (json!({ "result": "pass" }), 2),
        (json!({ "result": "error" }), 12),
        (json!({ "result": "none" }), 11),
        (json!({ "cause": "worker-lost" }), 7),
        (
            json!({ "result": "error", "cause": "source-unavailable" }),
            5,
        ),
        (json!({ "lab": "calculator" }), 28),
        (json!({ "repository": "github:a/other" }), 23),
        (json!({ "repository": "github:a/nobody" }), 0),
        (json!({ "session": session }), 2),
        (json!({ "delivery": delivery }), 3),
        (json!({ "since": ago(2), "until": ago(0) }), 5),
        (json!({ "since": ago(3), "result": "error" }), 5),
        (json!({ "until": ago(10) }), 11),
    ] {
        let order = order(serde_json::from_value(selection.clone()).unwrap());
        world.bus.publish(&order).await.unwrap();
        let outcome = world.outcome(order.command).await;
        assert_eq!(
            outcome["result"]["attempts"], meant,
            "{selection} {outcome}"
        );
        let entry = world.finished(order.command).await;
        assert_eq!(entry["assay.attempts"], meant, "{selection}");
        assert_eq!(world.requests_of(order.command).await, meant, "{selection}");
    }
    writer.stop().await;
}

#[tokio::test]
async fn what_comes_after_the_order_is_not_meant_by_it() {
    let world = World::start().await;
    world
        .remember(Past {
            attempts: 12,
            ..Past::default()
        })
        .await;
    let mut order = order(all_that(NewestResult::Fail));
    // Pages of five, and a second between them.
    order.rate_per_second = Some(1);
    world.bus.publish(&order).await.unwrap();
    let writer = world.writer();
    world.outcome(order.command).await;
    // A result of the last one, and an attempt that failed, both later than the order.
    world
        .house
        .sql(
            "INSERT INTO verification_attempt SELECT gen_random_uuid(), request_id, 2, 1, 'pass', \
             NULL, NULL, 1, 1, '[]', '{}', '{}', 'd', 'd', NULL, NULL, 'r', 'w', NULL, now(), \
             now(), now() FROM verification_attempt ORDER BY id LIMIT 1",
        )
        .await;
    world
        .house
        .sql(
            "INSERT INTO lab_attempt SELECT gen_random_uuid(), lab_session_id, push_id, \
             delivery_id, repeat('f', 40), branch, NULL, NULL, NULL, received_at, listed, \
             trace_id, now() FROM lab_attempt ORDER BY received_at DESC LIMIT 1",
        )
        .await;
    let entry = world.finished(order.command).await;
    writer.stop().await;
    assert_eq!(entry["assay.attempts"], 12);
    assert_eq!(world.requests_of(order.command).await, 12);
}

#[tokio::test]
async fn a_limit_takes_the_earliest_and_a_stop_ends_an_order() {
    let world = World::start().await;
    world
        .remember(Past {
            attempts: 900,
            ..Past::default()
        })
        .await;
    let mut limited = order(all_that(NewestResult::Fail));
    limited.limit = Some(600);
    world.bus.publish(&limited).await.unwrap();
    let writer = world.writer();
    let entry = world.finished(limited.command).await;
    assert_eq!(entry["assay.attempts"], 600);
    let later = "lab_attempt AS a WHERE NOT EXISTS (SELECT FROM verification_request AS r \
                 WHERE r.lab_attempt_id = a.id AND cause LIKE 'command:%') \
                 AND received_at < (SELECT max(received_at) FROM lab_attempt AS b \
                 JOIN verification_request AS r ON r.lab_attempt_id = b.id \
                 WHERE cause LIKE 'command:%')";
    assert_eq!(world.count(later).await, 0);

    let mut slow = order(all_that(NewestResult::Fail));
    slow.rate_per_second = Some(1);
    world.bus.publish(&slow).await.unwrap();
    world.outcome(slow.command).await;
    let stop = |stops| ReprocessStopRequested {
        command: CommandId::new(),
        actor: "operator".parse().unwrap(),
        stops,
        reason: "too early".into(),
    };
    let (this, no_order) = (stop(slow.command), stop(CommandId::new()));
    for asked in [&this, &no_order] {
        world.bus.publish(asked).await.unwrap();
    }
    assert_eq!(world.outcome(this.command).await["outcome"], "accepted");
    assert_eq!(world.outcome(no_order.command).await["outcome"], "refused");
    let entry = world.finished(slow.command).await;
    writer.stop().await;
    assert_eq!(entry["assay.stopped"], true);
    let asked = world.requests_of(slow.command).await;
    assert!((0..900).contains(&asked), "{asked}");
}

#[tokio::test]
async fn an_order_that_cannot_hold_together_is_refused_with_its_reason() {
    let world = World::start().await;
    let writer = world.writer();
    let fails = || order(all_that(NewestResult::Fail));
    let mut bare = fails();
    bare.reason = " ".into();
    let mut still = fails();
    still.rate_per_second = Some(0);
    let mut unknown = fails();
    unknown.selection.lab = Some("nobodys".parse().unwrap());
    let mut caused = fails();
    caused.selection.cause = Some("worker-lost".parse().unwrap());
    let mut backwards = fails();
    let moment = Some(now());
    (backwards.selection.since, backwards.selection.until) = (moment, moment);
    for (order, words) in [
        (bare, "a reason is missing"),
        (still, "a rate of 0"),
        (unknown, "no lab nobodys"),
        (caused, "only an error has a cause"),
        (backwards, "ends before it begins"),
    ] {
        world.bus.publish(&order).await.unwrap();
        let outcome = world.outcome(order.command).await;
        assert_eq!(outcome["outcome"], "refused", "{outcome}");
        let reason = outcome["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{reason}");
    }
    let none = fails();
    world.bus.publish(&none).await.unwrap();
    assert_eq!(world.finished(none.command).await["assay.attempts"], 0);
    writer.stop().await;
    assert_eq!(world.count("verification_request").await, 0);
}

#[tokio::test]
async fn a_tree_that_was_never_preserved_is_preserved_first() {
    let world = World::start().await;
    world
        .remember(Past {
            attempts: 3,
            result: "source-unavailable",
            preserved: false,
            ..Past::default()
        })
        .await;
    let order = order(all_that(NewestResult::Error));
    world.bus.publish(&order).await.unwrap();
    let writer = world.writer();
    world.finished(order.command).await;
    world.house.until_queued(&SNAPSHOT_BUILDER_BULK, 1).await;
    writer.stop().await;
    assert_eq!(world.house.queued(&VERIFIER_BULK).await, 0);
    assert_eq!(world.requests_of(order.command).await, 3);
}

mod long {
    use super::*;

    #[tokio::test]
    async fn an_order_goes_on_after_whatever_death_until_all_is_asked_for() {
        let world = World::start().await;
        let attempts = 4_000;
        world
            .remember(Past {
                attempts,
                ..Past::default()
            })
            .await;
        let order = order(all_that(NewestResult::Fail));
        world.bus.publish(&order).await.unwrap();
        for part in 0..6 {
            let writer = world.writer();
            wait::until("it has gone on", async || {
                let asked = world.requests_of(order.command).await;
                let far = asked > part * 500;
                far.then_some(()).ok_or(format!("{asked}"))
            })
            .await;
            drop(writer);
        }
        let writer = world.writer();
        world.finished(order.command).await;
        let all = u64::from(attempts);
        world.house.until_queued(&VERIFIER_BULK, all).await;
        writer.stop().await;
        assert_eq!(world.requests_of(order.command).await, i64::from(attempts));
        assert_eq!(world.dead().await, 0);
    }
}

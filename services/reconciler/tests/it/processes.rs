//! Several reconcilers, commands that come twice, and the schedule.

use testkit::wait;

use crate::world::{World, push};

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_side_by_side_find_each_gap_once_and_compare_by_schedule_once() {
    let world = World::start().await;
    for number in 0..20 {
        let guid = format!("guid-{number}");
        world.api.pretend(world.hook, &push(&guid), 503, 1);
    }
    let (one, other) = (world.begin(), world.begin());
    let scheduled = "reconciliation WHERE cause = 'schedule'";
    wait::until("the comparison by schedule", async || {
        let made = world.count(scheduled).await;
        (made == 1).then_some(()).ok_or(made.to_string())
    })
    .await;
    let asked: Vec<_> = (0..4).map(|_| world.asked()).collect();
    for asked in &asked {
        world.bus.publish(asked).await.unwrap();
    }
    for asked in &asked {
        let outcome = world.outcome(asked.command).await;
        assert_eq!(outcome["outcome"], "accepted", "{outcome}");
    }
    assert_eq!(world.count("reconciliation_gap").await, 20);
    let entries = "SELECT count(*) FROM audit_entry, jsonb_array_elements(entry::jsonb->'assay.rows') AS r \
                   WHERE action = 'gaps-found'";
    let covered = world.house.number(entries).await;
    assert_eq!(covered, 20, "each gap is in the log once");
    one.stop().await;
    other.stop().await;
    assert_eq!(world.count(scheduled).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_of_a_clock_that_was_ahead_neither_stops_the_schedule_nor_hides_a_delivery() {
    let world = World::start().await;
    world.api.pretend(world.hook, &push("refused"), 503, 1);
    world
        .house
        .sql(
            "INSERT INTO reconciliation (id, source, cause, since_at, began_at, hooks, \
               deliveries, repositories, refs, delivery_gaps, ref_gaps, deliveries_complete, \
               outcome, recorded_at) \
             VALUES (gen_random_uuid(), 'github', 'schedule', now(), now() + interval '2 hours', \
               1, 0, 0, 0, 0, 0, true, 'complete', now())",
        )
        .await;
    let reconciler = world.reconciler().await;
    wait::until("the delivery is found missing", async || {
        let gaps = world.count("reconciliation_gap").await;
        (gaps == 1).then_some(()).ok_or(gaps.to_string())
    })
    .await;
    reconciler.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_delivered_twice_compares_once() {
    let world = World::start().await;
    let reconciler = world.reconciler().await;
    world.api.pretend(world.hook, &push("refused"), 503, 1);
    let asked = world.asked();
    world.bus.publish(&asked).await.unwrap();
    world.publish_again(&asked).await;
    world.outcome(asked.command).await;
    world.publish_again(&asked).await;
    wait::until("every command is done", async || {
        let states = world.bus.stream_states().await;
        let states = states.map_err(|error| error.to_string())?;
        let left = states
            .iter()
            .find(|state| state.name == "COMMANDS")
            .unwrap();
        (left.messages == 0)
            .then_some(())
            .ok_or(left.messages.to_string())
    })
    .await;
    let made = format!("reconciliation WHERE cause = 'command:{}'", asked.command);
    assert_eq!(world.count(&made).await, 1);
    assert_eq!(world.tries("refused"), 2);
    assert_eq!(world.count("command").await, 1);
    assert_eq!(world.dead().await, 0);
    reconciler.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_cannot_be_carried_out_is_refused_with_a_reason() {
    let world = World::start().await;
    let reconciler = world.reconciler().await;
    let mut unknown = world.asked();
    unknown.source = "gitlab".parse().unwrap();
    let mut strange = world.asked();
    strange.repository = Some("gitea:octo/hello".parse().unwrap());
    for (asked, reason) in [
        (unknown, "no source gitlab is configured"),
        (
            strange,
            "gitea:octo/hello is no repository of source github",
        ),
    ] {
        world.bus.publish(&asked).await.unwrap();
        let outcome = world.outcome(asked.command).await;
        assert_eq!(outcome["outcome"], "refused");
        assert_eq!(outcome["reason"], reason);
    }
    reconciler.stop().await;
}

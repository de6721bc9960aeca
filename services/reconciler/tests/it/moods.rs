//! A forge that limits our rate, has trouble, answers nonsense, or is away.

use std::net::SocketAddr;

use sample::hooks_api::HooksApi;
use sample::hooks_api::mood::Mood;
use serde_json::Value;
use testkit::port::Port;

use crate::world::{World, push};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_before_the_time_that_a_rate_limit_gives() {
    let world = World::start().await;
    let reconciler = world.reconciler().await;
    for (guid, mood) in [
        ("a", Mood::RetryAfter(1)),
        ("b", Mood::UsedUp(1)),
        ("c", Mood::LastOne(1)),
    ] {
        world.api.pretend(world.hook, &push(guid), 503, 1);
        world.api.set_mood(mood);
        let result = world.compared().await;
        assert_eq!(result["incomplete"], Value::Null, "{mood:?}: {result}");
        assert_eq!(result["delivery_gaps"], 1, "{mood:?}: {result}");
        assert_eq!(world.tries(guid), 2, "{mood:?}");
        world.record(guid).await;
    }
    assert_eq!(world.api.too_early(), 0);
    reconciler.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_limit_leaves_a_comparison_incomplete_and_silences_those_after_it() {
    let world = World::start().await;
    let reconciler = world.reconciler().await;
    world.api.pretend(world.hook, &push("refused"), 503, 1);
    world.api.set_mood(Mood::RetryAfter(3_000));
    let before = world.api.asked().len();
    for _ in 0..3 {
        let result = world.compared().await;
        let reason = result["incomplete"].as_str().unwrap();
        assert!(
            reason.starts_with("the forge limits our rate for "),
            "{reason}"
        );
    }
    assert_eq!(world.api.asked().len(), before + 1);
    assert_eq!(world.dead().await, 0);
    reconciler.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_in_the_midst_of_redeliveries_leaves_the_rest_to_the_next_comparison() {
    let world = World::start().await;
    let reconciler = world.reconciler().await;
    for guid in ["a", "b", "c"] {
        world.api.pretend(world.hook, &push(guid), 503, 1);
    }
    // The hooks, the page, and the first redelivery are answered before the limit.
    let before = world.api.asked().len();
    world.api.set_mood_after(3, Mood::RetryAfter(3_000));
    let result = world.compared().await;
    assert_eq!(result["delivery_gaps"], 3, "{result}");
    assert_eq!(result["redeliveries"], 1, "{result}");
    assert_eq!(world.api.asked().len(), before + 4);
    assert_eq!(world.count("reconciliation_gap").await, 3);
    reconciler.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_with_trouble_makes_a_comparison_incomplete_and_nothing_a_dead_letter() {
    let world = World::start().await;
    let reconciler = world.reconciler().await;
    world.api.pretend(world.hook, &push("refused"), 503, 1);
    for (mood, told) in [
        (Mood::Broken(502), "the forge answers 502 for hooks of octo"),
        (Mood::Broken(403), "the forge answers 403 for hooks of octo"),
        (Mood::Broken(404), "the forge has no hooks of octo"),
        (
            Mood::Garbage,
            "the forge's answer for hooks of octo does not read",
        ),
    ] {
        world.api.set_mood(mood);
        let result = world.compared().await;
        let reason = result["incomplete"].as_str().unwrap_or_default();
        assert!(reason.starts_with(told), "{mood:?}: {result}");
        assert_eq!(result["delivery_gaps"], 0, "{mood:?}: {result}");
    }
    let incomplete = "reconciliation WHERE outcome = 'incomplete' AND NOT deliveries_complete";
    assert_eq!(world.count(incomplete).await, 4);
    world.api.set_mood(Mood::Good);
    let result = world.compared().await;
    assert_eq!(result["delivery_gaps"], 1, "{result}");
    assert_eq!(world.dead().await, 0);
    reconciler.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_away_is_an_outage_and_what_failed_meanwhile_is_found_when_it_is_back() {
    let world = World::start().await;
    let port = Port::take();
    let away: SocketAddr = port.address;
    world.write_settings(&world.source(&format!("http://{away}")));
    let reconciler = world.reconciler().await;
    let result = world.compared().await;
    let reason = result["incomplete"].as_str().unwrap();
    assert!(
        reason.starts_with("the forge's API cannot be reached"),
        "{reason}"
    );
    assert_eq!(
        world
            .count("reconciliation WHERE deliveries_complete")
            .await,
        0
    );

    let back = HooksApi::start_at(away).await.unwrap();
    let hook = back.add_hook("octo", "http://127.0.0.1:9/hooks/github");
    back.pretend(hook, &push("refused"), 503, 86_400);
    let result = world.compared().await;
    assert_eq!(result["incomplete"], Value::Null, "{result}");
    // The window did not move on while nothing could be seen.
    assert_eq!(result["delivery_gaps"], 1, "{result}");
    assert_eq!(world.dead().await, 0);
    reconciler.stop().await;
}

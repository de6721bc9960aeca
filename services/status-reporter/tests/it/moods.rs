//! Forges that limit our rate, have trouble, or refuse us.

use sample::hooks_api::mood::Mood;
use sample::status_api::TOKEN;
use testkit::wait;

use crate::world::{World, until_told};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_before_the_time_that_a_rate_limit_gives() {
    let world = World::start().await;
    let reporter = world.begin();
    let mut told = Vec::new();
    for mood in [Mood::RetryAfter(1), Mood::UsedUp(1), Mood::LastOne(1)] {
        world.github.set_mood(mood);
        for name in ["a", "b"] {
            let repository = format!("github:octo/{name}");
            world.attempt_with_fact(&repository).await;
            told.push("pending");
        }
        until_told(&world.github, &told).await;
    }
    assert_eq!(world.github.too_early(), 0);
    world.until_calm().await;
    reporter.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forge_that_limits_our_rate_or_has_trouble_holds_up_no_other() {
    let world = World::start().await;
    world.github.set_mood(Mood::RetryAfter(3_000));
    world.gitlab.set_mood(Mood::Broken(503));
    let reporter = world.begin();
    for source in ["github", "gitlab", "gitea"] {
        for name in ["a", "b"] {
            world
                .attempt_with_fact(&format!("{source}:octo/{name}"))
                .await;
        }
    }
    until_told(&world.gitea, &["pending", "pending"]).await;
    wait::until("the forge that has trouble is asked again", async || {
        let asked = world.gitlab.asked();
        (asked > 2).then_some(()).ok_or(asked.to_string())
    })
    .await;
    assert!(world.gitlab.posted().is_empty());
    world.gitlab.set_mood(Mood::Good);
    until_told(&world.gitlab, &["pending", "pending"]).await;
    assert_eq!(world.github.asked(), 1);
    // What was told is due until its report is recorded.
    world.until_count("work.status_due", 2).await;
    let waits = "work.status_due WHERE source = 'github'";
    assert_eq!(world.count(waits).await, 2);
    reporter.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_is_one_trouble_and_its_successor_tells_what_waited() {
    let world = World::start().await;
    world.write_token("github", "a-token-of-yesterday");
    let reporter = world.begin();
    for number in 0..10 {
        let repository = format!("github:octo/r{number}");
        world.attempt_with_fact(&repository).await;
    }
    world.until_count("work.status_trouble", 1).await;
    world.attempt_with_fact("gitea:octo/hello").await;
    until_told(&world.gitea, &["pending"]).await;
    assert_eq!(world.github.asked(), 1, "it waits after one refusal");
    let rows = "SELECT source, repository, reason FROM work.status_trouble";
    let rows = world.house.rows(rows).await;
    assert!(rows[0].contains("the forge answers 401"), "{rows:?}");
    assert!(!rows[0].contains("yesterday"), "{rows:?}");

    world.write_token("github", TOKEN);
    until_told(&world.github, &["pending"; 10]).await;
    world.until_count("work.status_trouble", 0).await;
    world.until_calm().await;
    reporter.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_is_gone_is_one_trouble_and_the_others_go_on() {
    let world = World::start().await;
    world.github.forget("octo/gone");
    let reporter = world.begin();
    for _ in 0..3 {
        world.attempt_with_fact("github:octo/gone").await;
    }
    world.until_count("work.status_trouble", 1).await;
    for name in ["a", "b"] {
        world
            .attempt_with_fact(&format!("github:octo/{name}"))
            .await;
    }
    until_told(&world.github, &["pending", "pending"]).await;
    world.until_count("work.status_due", 3).await;
    assert_eq!(world.count("work.status_trouble").await, 1);
    assert_eq!(world.github.asked(), 3);
    reporter.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_is_refused_is_recorded_and_the_next_one_is_told() {
    let world = World::start().await;
    world.github.set_mood(Mood::Broken(422));
    let reporter = world.begin();
    let attempt = world.attempt_with_fact("github:octo/hello").await;
    let refused = "status_report WHERE outcome = 'refused' AND reason LIKE '%422%'";
    world.until_count(refused, 1).await;
    world.fact("lab_attempt", attempt.id).await;
    world.until_calm().await;
    assert_eq!(world.github.asked(), 1, "the same is not told again");
    world.github.set_mood(Mood::Good);
    world.result_with_fact(attempt, 1, "pass").await;
    until_told(&world.github, &["success"]).await;
    reporter.stop().await;
}

//! What forges are told, and how often.

use crate::world::{World, states, until_told};

#[tokio::test(flavor = "multi_thread")]
async fn every_forge_is_told_of_an_attempt_that_waits_and_of_how_it_came_out() {
    let world = World::start().await;
    let reporter = world.begin();
    for (source, api, words) in [
        (
            "github",
            &world.github,
            ["pending", "success", "failure", "error"],
        ),
        (
            "gitea",
            &world.gitea,
            ["pending", "success", "failure", "error"],
        ),
        (
            "gitlab",
            &world.gitlab,
            ["pending", "success", "failed", "canceled"],
        ),
    ] {
        let [pending, success, failure, error] = words;
        let mut told = Vec::new();
        for (result, word) in [("pass", success), ("fail", failure), ("error", error)] {
            let repository = format!("{source}:octo/{result}");
            let attempt = world.attempt_with_fact(&repository).await;
            told.push(pending);
            until_told(api, &told).await;
            world.result_with_fact(attempt, 1, result).await;
            told.push(word);
            let posted = until_told(api, &told).await;
            let last = posted.last().unwrap();
            assert_eq!(last.repository, format!("octo/{result}"));
            assert_eq!(last.context, "assay/intro");
            let url = format!("https://assay.example/{}", attempt.id);
            assert_eq!(last.target_url, Some(url));
        }
        let lines: Vec<_> = api
            .posted()
            .into_iter()
            .map(|one| one.description)
            .collect();
        let wait = "waits to be verified";
        let expected = [
            wait,
            "3 of 4 points",
            wait,
            "3 of 4 points: test adds: expected 4",
            wait,
            "could not be judged (worker-lost): costs no attempt",
        ];
        assert_eq!(lines, expected, "{source}");
    }
    // A report is recorded after the forge was told.
    world.until_calm().await;
    assert_eq!(world.count("status_report").await, 18);
    let covered = "audit_entry, jsonb_array_elements(entry::jsonb->'assay.rows') AS r \
                   WHERE action = 'status-reported'";
    assert_eq!(world.count(covered).await, 18, "each report is in the log");
    reporter.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_that_come_twice_or_in_disorder_are_told_once() {
    let world = World::start().await;
    let reporter = world.begin();
    let attempt = world.attempt("github:octo/hello").await;
    let result = world.result(attempt, 1, "pass").await;
    for _ in 0..2 {
        world.fact("verification_attempt", result).await;
        world.fact("lab_attempt", attempt.id).await;
        world.fact("verification_request", attempt.request).await;
        world.until_calm().await;
    }
    until_told(&world.github, &["success"]).await;
    world.until_calm().await;
    assert_eq!(world.github.asked(), 1);
    assert_eq!(world.count("status_report").await, 1);
    reporter.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_fact_hinted_at_is_found_by_looking() {
    let world = World::start().await;
    let passed = world.attempt("github:octo/one").await;
    world.result(passed, 1, "pass").await;
    world.attempt("github:octo/two").await;
    world.attempt("silent:octo/three").await;
    let reporter = world.begin();
    until_told(&world.github, &["success", "pending"]).await;
    reporter.stop().await;
    // Nothing is new: the next one finds nothing.
    let reporter = world.begin();
    world.attempt_with_fact("github:octo/three").await;
    until_told(&world.github, &["success", "pending", "pending"]).await;
    world.until_calm().await;
    assert_eq!(world.github.asked(), 3);
    reporter.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_try_that_is_tried_again_is_pending_until_it_is_judged() {
    let world = World::start().await;
    let reporter = world.begin();
    let attempt = world.attempt("github:octo/hello").await;
    world.result_with_fact(attempt, 1, "retry").await;
    let posted = until_told(&world.github, &["pending"]).await;
    let line = "not judged yet (fetch), and tried again";
    assert_eq!(posted[0].description, line);
    world.result_with_fact(attempt, 2, "pass").await;
    until_told(&world.github, &["pending", "success"]).await;
    reporter.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_verified_again_is_pending_and_in_bulk_keeps_its_mark_until_it_is_judged() {
    let world = World::start().await;
    let reporter = world.begin();
    let attempt = world.attempt("github:octo/hello").await;
    world.result_with_fact(attempt, 1, "pass").await;
    until_told(&world.github, &["success"]).await;
    let live = world.again(attempt, "live").await;
    until_told(&world.github, &["success", "pending"]).await;
    world.result_with_fact(live, 1, "fail").await;
    until_told(&world.github, &["success", "pending", "failure"]).await;
    let bulk = world.again(attempt, "bulk").await;
    world.until_calm().await;
    reporter.stop().await;
    // The next one's look finds nothing either.
    let reporter = world.begin();
    world.result_with_fact(bulk, 1, "pass").await;
    until_told(&world.github, &["success", "pending", "failure", "success"]).await;
    world.until_calm().await;
    assert_eq!(world.github.asked(), 4);
    reporter.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_not_told_is_not_even_noted() {
    let world = World::start().await;
    let reporter = world.begin();
    world.attempt_with_fact("silent:octo/hello").await;
    world.attempt_with_fact("github:octo/hello").await;
    until_told(&world.github, &["pending"]).await;
    world.until_calm().await;
    assert_eq!(world.count("status_report").await, 1);
    assert!(states(&world.gitea).is_empty());
    reporter.stop().await;
}

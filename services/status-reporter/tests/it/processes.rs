//! Several status-reporters, and one that is killed.

use testkit::wait;

use crate::world::{World, until_told};

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_side_by_side_tell_each_attempt_once() {
    let world = World::start().await;
    let (one, other) = (world.begin(), world.begin());
    for number in 0..20 {
        let repository = format!("github:octo/r{number}");
        world.attempt_with_fact(&repository).await;
    }
    until_told(&world.github, &["pending"; 20]).await;
    world.until_calm().await;
    assert_eq!(world.github.asked(), 20);
    assert_eq!(world.count("status_report").await, 20);
    one.stop().await;
    // Whoever is left tells on.
    world.attempt_with_fact("github:octo/more").await;
    until_told(&world.github, &["pending"; 21]).await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_killed_between_the_forges_answer_and_its_row_tells_it_again() {
    let world = World::start().await;
    for api in [&world.github, &world.gitlab] {
        api.hold(true);
    }
    let killed = world.begin();
    world.attempt_with_fact("github:octo/hello").await;
    world.attempt_with_fact("gitlab:octo/hello").await;
    until_told(&world.github, &["pending"]).await;
    until_told(&world.gitlab, &["pending"]).await;
    killed.kill(&world).await;
    assert_eq!(world.count("status_report").await, 0);
    for api in [&world.github, &world.gitlab] {
        api.hold(false);
    }
    let reporter = world.begin();
    until_told(&world.github, &["pending", "pending"]).await;
    // GitLab refuses what is so already, and it counts as told.
    wait::until("gitlab was asked again", async || {
        let asked = world.gitlab.asked();
        (asked == 2).then_some(()).ok_or(asked.to_string())
    })
    .await;
    world.until_calm().await;
    let accepted = "status_report WHERE outcome = 'accepted'";
    assert_eq!(world.count(accepted).await, 2);
    assert_eq!(world.count("work.status_trouble").await, 0);
    reporter.stop().await;
}

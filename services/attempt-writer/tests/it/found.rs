//! Commits that git has and the payload did not list become attempts of their push.

use bus::topology::ATTEMPT_WRITER_LIVE;
use contract::job::{CommitsFound, FoundCommit, PushOfSession};
use contract::message::Lane;
use testkit::wait;

use crate::deliveries::{Delivery, Push, sha};
use crate::jobs::Jobs;
use crate::world::{ENROLLED, World, Writer};

/// A push whose payload lists its head alone, recorded; and what its job says of it.
async fn pushed(world: &World, jobs: &Jobs) -> (Writer, PushOfSession) {
    let writer = world.writer();
    let push = Push::new(ENROLLED, 1, &[9]);
    world
        .deliver(&[Delivery::new(world, "d", &push.payload())])
        .await;
    let asked = jobs.reach(1).await;
    world.settled().await;
    (writer, asked[0].push.clone())
}

fn found(push: &PushOfSession, numbers: &[u32]) -> CommitsFound {
    let commit = |number: &u32| FoundCommit {
        commit: sha(*number).parse().unwrap(),
        author_email: format!("{number}@example.org"),
        committed_at: None,
    };
    CommitsFound {
        push: push.clone(),
        commits: numbers.iter().map(commit).collect(),
        part: 0,
        parts: 0,
        left_out: 0,
        lane: Lane::Live,
    }
}

/// Waits until what was found is taken in.
async fn recorded(world: &World) {
    world.house.until_queued(&ATTEMPT_WRITER_LIVE, 0).await;
}

#[tokio::test]
async fn found_commits_are_attempts_of_their_push_and_are_preserved() {
    let world = World::start().await;
    let jobs = Jobs::read(&world);
    let (writer, push) = pushed(&world, &jobs).await;
    // 9 is the head, which the payload listed: it is there already.
    world.bus.publish(&found(&push, &[7, 8, 9])).await.unwrap();
    let asked = jobs.reach(2).await;
    recorded(&world).await;
    writer.stop().await;
    let rows = world
        .rows("SELECT commit_sha, listed, push_id FROM lab_attempt ORDER BY commit_sha")
        .await;
    let said: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row["commit_sha"].as_str().unwrap(),
                row["listed"].as_str().unwrap(),
            )
        })
        .collect();
    let shas = [sha(7), sha(8), sha(9)];
    assert_eq!(
        said,
        [
            (&*shas[0], "git"),
            (&*shas[1], "git"),
            (&*shas[2], "payload")
        ]
    );
    assert!(
        rows.iter()
            .all(|row| row["push_id"] == push.push.to_string())
    );
    let job = &asked[1];
    assert_eq!((job.attempts.len(), job.part), (2, 1));
    assert!(job.attempts.iter().all(|attempt| attempt.request.is_none()));
}

#[tokio::test]
async fn found_commits_that_are_found_again_add_nothing() {
    let world = World::start().await;
    let jobs = Jobs::read(&world);
    let (writer, push) = pushed(&world, &jobs).await;
    world.bus.publish(&found(&push, &[7, 8])).await.unwrap();
    jobs.reach(2).await;
    recorded(&world).await;
    let entries = world.count("audit_entry").await;
    // Divided otherwise: another message, the same commits.
    world.bus.publish(&found(&push, &[8, 7])).await.unwrap();
    recorded(&world).await;
    writer.stop().await;
    assert_eq!(world.count("lab_attempt").await, 3);
    assert_eq!(world.count("audit_entry").await, entries);
}

#[tokio::test]
async fn found_commits_of_a_session_that_is_not_there_are_a_dead_letter() {
    let world = World::start().await;
    let jobs = Jobs::read(&world);
    let (writer, mut push) = pushed(&world, &jobs).await;
    push.session = contract::ids::SessionId::new();
    world.bus.publish(&found(&push, &[7])).await.unwrap();
    wait::until("it is a dead letter", async || match world.dead().await {
        1 => Ok(()),
        other => Err(format!("{other}")),
    })
    .await;
    writer.stop().await;
    assert_eq!(world.count("lab_attempt").await, 1);
}

#[tokio::test]
async fn a_push_of_5000_commits_is_5000_attempts_and_each_is_verified_where_the_lab_says_all() {
    let world = World::without_lab().await;
    let all = sample::lab::LAB_TOML.replace("commits = \"head\"", "commits = \"all\"");
    let all = if all.contains("commits = \"all\"") {
        all
    } else {
        all.replace("[verify]", "[verify]\ncommits = \"all\"")
    };
    world.publish_lab(&all).await;
    let jobs = Jobs::read(&world);
    let (writer, push) = pushed(&world, &jobs).await;
    let numbers: Vec<u32> = (10..5_009).collect();
    for (part, numbers) in numbers.chunks(500).enumerate() {
        let mut part_of_it = found(&push, numbers);
        part_of_it.part = u32::try_from(part).unwrap();
        part_of_it.left_out = if part == 0 { 7 } else { 0 };
        world.bus.publish(&part_of_it).await.unwrap();
    }
    let asked = jobs.reach(11).await;
    recorded(&world).await;
    writer.stop().await;
    assert_eq!(world.count("lab_attempt").await, 5_000);
    assert_eq!(world.count("lab_attempt WHERE listed = 'git'").await, 4_999);
    assert_eq!(world.count("verification_request").await, 5_000);
    assert!(asked.iter().all(|job| job.attempts.len() <= 500));
    let requests = asked.iter().flat_map(|job| &job.attempts);
    assert_eq!(
        requests.filter(|attempt| attempt.request.is_some()).count(),
        5_000
    );
    let left_out = world
        .rows("SELECT entry FROM audit_entry WHERE action = 'commits-left-out'")
        .await;
    let entry = left_out[0]["entry"].as_str().unwrap();
    assert!(entry.contains("\"assay.commits.left_out\":7"), "{entry}");
}

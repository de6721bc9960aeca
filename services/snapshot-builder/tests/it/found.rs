//! Handing on the commits that git has and the payload did not list.

use std::collections::BTreeSet;

use contract::job::ATTEMPTS_PER_JOB_MAX;
use sample::lab::{FAILING, PASSING};
use sample::repository::Change;
use serde_json::json;

use crate::office::Office;
use crate::world::sha;

#[tokio::test]
async fn commits_that_the_payload_did_not_list_are_handed_on_until_the_ledger_has_them() {
    let office = Office::open().await;
    let session = office.session().await;
    let learner = &office.world.learner;
    let mut commits = Vec::new();
    for message in ["One", "Two", "Three"] {
        let change = [Change::File(b"notes.md", message.as_bytes())];
        commits.push(sha(&learner
            .commit("main", message, &change)
            .await
            .unwrap()));
    }
    let job = office
        .record_push(&session, "branch", None, &[&commits[2]], json!(null))
        .await;
    office.bus.publish(&job).await.unwrap();
    let found = office.found(1).await;
    let shas: Vec<_> = found[0]
        .commits
        .iter()
        .map(|found| found.commit.clone())
        .collect();
    assert_eq!(shas, commits[..2]);
    assert_eq!(
        found[0].commits[0].author_email,
        sample::repository::AUTHOR_EMAIL
    );
    assert_eq!(found[0].push, job.push);

    let (delivery, push) = (job.push.delivery, job.push.push);
    for commit in &commits[..2] {
        let attempt = contract::ids::AttemptId::new();
        office
            .record_attempt(&session, delivery, push, attempt, commit, &json!(null))
            .await;
    }
    office.settled("snapshot-builder-live").await;
    // What is said again would not be swallowed as a copy: its id is another push's.
    let mut again = job.clone();
    again.push.push = office
        .record_push(
            &session,
            "branch",
            None,
            &[&sha(&"3".repeat(40))],
            json!(null),
        )
        .await
        .push
        .push;
    office.say_again(&again).await;
    office.settled("snapshot-builder-live").await;
    assert_eq!(office.found(1).await.len(), 1);
    office.close().await;
}

#[tokio::test]
async fn a_tag_hands_on_no_commits() {
    let office = Office::open().await;
    let session = office.session().await;
    let learner = &office.world.learner;
    learner.commit("main", "One", FAILING).await.unwrap();
    let two = sha(&learner.commit("main", "Two", PASSING).await.unwrap());
    let job = office
        .record_push(&session, "tag", None, &[&two], json!(null))
        .await;
    office.bus.publish(&job).await.unwrap();
    office.verifications(1).await;
    office.settled("snapshot-builder-live").await;
    assert!(office.found(0).await.is_empty());
    office.close().await;
}

#[tokio::test]
async fn a_push_of_5000_commits_is_handed_on_whole_whatever_its_payload_could_list() {
    // What Gitea and GitLab list.
    hand_on_5000(&[("gitea", 5), ("gitlab", 20)]).await;
}

mod long {
    #[tokio::test]
    async fn a_push_of_5000_commits_is_handed_on_whole_beside_a_full_message_of_listed_ones() {
        // The first message of GitHub's 2,048.
        super::hand_on_5000(&[("github", 500)]).await;
    }
}

async fn hand_on_5000(payloads: &[(&str, usize)]) {
    const COMMITS: u32 = 5_000;
    let office = Office::open().await;
    let session = office.session().await;
    let learner = &office.world.learner;
    for &(branch, listed) in payloads {
        let start = office.world.starting.as_str();
        let begin = [Change::File(b"begin", branch.as_bytes())];
        let begun = learner.commit_onto(Some(start), branch, branch, &begin);
        begun.await.unwrap();
        learner.grow(branch, COMMITS - 1).await.unwrap();
        let all: Vec<_> = learner.newest(branch, COMMITS).await.unwrap();
        let all: Vec<_> = all.iter().map(|commit| sha(commit)).collect();
        let named: Vec<_> = all.iter().take(listed).collect();
        let before = Some(&office.world.starting);
        let job = office
            .record_push(&session, "branch", before, &named, json!(null))
            .await;
        office.bus.publish(&job).await.unwrap();
        let parts = (COMMITS as usize - listed).div_ceil(ATTEMPTS_PER_JOB_MAX);
        let said_before = office.heard.found.lock().unwrap().len();
        let found = office.found(said_before + parts).await;
        let found = &found[said_before..];
        assert!(found.iter().all(|part| part.push == job.push));
        assert!(
            found
                .iter()
                .all(|part| part.commits.len() <= ATTEMPTS_PER_JOB_MAX)
        );
        assert!(found.iter().all(|part| part.left_out == 0));
        let handed_on = found.iter().flat_map(|part| &part.commits);
        let handed_on: Vec<_> = handed_on.map(|found| &found.commit).collect();
        let together: BTreeSet<_> = handed_on.iter().copied().chain(named.clone()).collect();
        assert_eq!(handed_on.len() + named.len(), COMMITS as usize, "{branch}");
        assert_eq!(together, all.iter().collect(), "{branch}");
    }
    office.close().await;
}

#[tokio::test]
async fn a_new_branch_hands_on_only_what_no_earlier_push_has() {
    let office = Office::open().await;
    let session = office.session().await;
    let learner = &office.world.learner;
    let first = sha(&learner.grow("main", 3).await.unwrap());
    let job = office
        .record_push(&session, "branch", None, &[&first], json!(null))
        .await;
    // Made of main, before main's own push was looked into.
    let second = learner.commit_onto(Some(first.as_str()), "other", "Two", PASSING);
    second.await.unwrap();
    let second = sha(&learner.grow("other", 2).await.unwrap());
    let other = office
        .record_push(&session, "branch", None, &[&second], json!(null))
        .await;
    office.bus.publish(&other).await.unwrap();
    let found = office.found(1).await;
    assert_eq!(
        (found[0].push.push, found[0].commits.len()),
        (other.push.push, 2)
    );
    office.bus.publish(&job).await.unwrap();
    let found = office.found(2).await;
    assert_eq!(
        (found[1].push.push, found[1].commits.len()),
        (job.push.push, 2)
    );
    office.close().await;
}

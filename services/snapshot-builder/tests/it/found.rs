//! Handing on the commits that git has and the payload did not list.

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

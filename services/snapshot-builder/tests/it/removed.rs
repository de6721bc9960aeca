//! What was removed and comes again; what is put while a session is swept.

use chrono::TimeDelta;
use contract::ids::SessionId;
use contract::job::PreservedTree;
use objects::owner::Owner;
use sample::lab::{FAILING, PASSING};
use serde_json::json;
use store::work_sweep::Sweeping;
use testkit::wait;

use crate::office::Office;
use crate::world::sha;

/// Notes the removal of a session's snapshots, as retention does before they go.
async fn remove_snapshots(office: &Office, session: SessionId) {
    let remove = format!(
        "INSERT INTO removal SELECT gen_random_uuid(), gen_random_uuid(), 'retention', 'snapshot', \
         id, digest, lab_session_id, now() FROM snapshot WHERE lab_session_id = '{session}'"
    );
    office.house.sql(&remove).await;
}

#[tokio::test]
async fn a_tree_that_is_pushed_again_after_it_was_removed_is_a_snapshot_of_its_own() {
    let office = Office::open().await;
    let session = office.session().await;
    let learner = &office.world.learner;
    let (one, _) = office.preserve_one(&session).await;
    remove_snapshots(&office, session.id).await;
    let owner = Owner::Session(session.id);
    for digest in office.objects.digests(owner).await.unwrap() {
        office.objects.remove(owner, digest).await.unwrap();
    }

    // Another commit of the same tree.
    learner.commit("main", "Two", FAILING).await.unwrap();
    let three = sha(&learner.commit("main", "Three", PASSING).await.unwrap());
    let job = office
        .record_push(&session, "branch", Some(&one), &[&three], json!(null))
        .await;
    office.bus.publish(&job).await.unwrap();
    let asked = office.verifications(2).await;
    let PreservedTree::Kept { digest } = asked[1].tree else {
        panic!("{asked:?}")
    };
    office.settled("snapshot-builder-live").await;
    assert!(office.objects.exists(owner, digest).await.unwrap());
    let (first, second) = (
        "SELECT count(*) FROM attempt_snapshot JOIN snapshot ON snapshot.id = snapshot_id \
         WHERE again IS NULL",
        "SELECT count(*) FROM attempt_snapshot JOIN snapshot ON snapshot.id = snapshot_id \
         WHERE again = 1 AND NOT EXISTS (SELECT FROM removal WHERE subject_id = snapshot.id)",
    );
    assert_eq!(office.house.number(first).await, 1);
    assert_eq!(office.house.number(second).await, 1);
    office.close().await;
}

#[tokio::test]
async fn while_a_session_is_swept_nothing_of_it_is_recorded_and_afterwards_it_is() {
    let office = Office::open().await;
    let session = office.session().await;
    let learner = &office.world.learner;
    let one = sha(&learner.commit("main", "One", PASSING).await.unwrap());
    let job = office
        .record_push(&session, "branch", None, &[&one], json!(null))
        .await;
    let store = office.house.store("assay_attempt_writer", 2);
    let mut sweeping = Sweeping::begin(&store, session.id).await.unwrap().unwrap();
    office.bus.publish(&job).await.unwrap();
    wait::until("the job is put off", async || {
        let states = office.bus.consumer_states().await;
        let states = states.map_err(|error| error.to_string())?;
        let of_builder = |durable: &str| durable == "snapshot-builder-live";
        let state = states.iter().find(|state| of_builder(state.durable));
        let state = state.unwrap();
        (state.redelivered > 0)
            .then_some(())
            .ok_or(format!("{state:?}"))
    })
    .await;
    let rows = "SELECT count(*) FROM snapshot";
    assert_eq!(office.house.number(rows).await, 0);
    sweeping.count().await.unwrap();
    sweeping.end().await.unwrap();
    let asked = office.verifications(1).await;
    assert!(matches!(asked[0].tree, PreservedTree::Kept { .. }));
    assert_eq!(office.house.number(rows).await, 1);
    assert_eq!(office.dead_letters().await, 0);
    office.close().await;
}

#[tokio::test]
async fn what_is_gone_has_no_cache_whether_it_was_pushed_just_now_or_long_ago() {
    let office = Office::open().await;
    let session = office.session().await;
    let (_, mut job) = office.preserve_one(&session).await;
    // The lab's, and the learner's.
    assert_eq!(office.caches(), 2);
    remove_snapshots(&office, session.id).await;
    // Its fetch begins before the ledger says that nothing is to be kept.
    office.say_again(&job).await;
    office.settled("snapshot-builder-live").await;
    assert_eq!(office.caches(), 1);
    // What came long ago is asked of first.
    job.push.received_at -= TimeDelta::hours(1);
    office.say_again(&job).await;
    office.settled("snapshot-builder-live").await;
    assert_eq!(office.caches(), 1);
    assert_eq!(office.dead_letters().await, 0);
    office.close().await;
}

//! A newer push takes the place of older ones, where the lab says so: by what the pushes say, and
//! not by when they came.

use serde_json::{Value, json};

use crate::crowd::{LAB, SUPERSEDING};
use crate::workshop::Workshop;

const A: u128 = 0xa1;
const B: u128 = 0xb1;
const C: u128 = 0xc1;

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_push_takes_the_place_of_older_ones_in_whatever_order_they_come() {
    for newest_first in [false, true] {
        let mut workshop = Workshop::furnish().await;
        let session = workshop.session_of(SUPERSEDING).await;
        let mut links = [(None, A), (Some(A), B), (Some(B), C)];
        if newest_first {
            links.reverse();
        }
        let mut jobs = Vec::new();
        for (before, after) in links {
            let job = workshop.pushed(&session, (before, after), "true\n").await;
            workshop.bus.publish(&job).await.unwrap();
            jobs.push((after, job));
        }
        workshop.serve(1);
        for (after, job) in &jobs {
            let row = workshop.result(job).await;
            let expected = if *after == C { "pass" } else { "superseded" };
            assert_eq!(row["result"], expected, "{after:x} {newest_first}");
            if *after != C {
                assert_eq!((&row["steps"], &row["cause"]), (&json!([]), &Value::Null));
                let detail = row["detail"].as_str().unwrap();
                assert!(
                    detail.starts_with("a newer push took its place"),
                    "{detail}"
                );
            }
        }
        let runs = "SELECT count(*) FROM verification_origin";
        assert_eq!(workshop.house.number(runs).await, 1, "only the head is run");
        workshop.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_place_was_taken_is_stopped_and_its_slot_is_free() {
    let mut workshop = Workshop::furnish().await;
    workshop.serve(1);
    let session = workshop.session_of(SUPERSEDING).await;
    let old = workshop.pushed(&session, (None, A), "sleep 800\n").await;
    workshop.bus.publish(&old).await.unwrap();
    workshop.claimed(1).await;
    let new = workshop.pushed(&session, (Some(A), B), "true\n").await;
    workshop.bus.publish(&new).await.unwrap();
    assert_eq!(workshop.result(&old).await["result"], "superseded");
    assert_eq!(workshop.result(&new).await["result"], "pass");
    // One more fits into the slot, so nothing of the stopped run is left in it.
    let next = workshop
        .pushed(&session, (Some(B), C), "test ! -e left\n")
        .await;
    workshop.bus.publish(&next).await.unwrap();
    assert_eq!(workshop.result(&next).await["result"], "pass");
    workshop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_comes_back_is_verified_again() {
    let mut workshop = Workshop::furnish().await;
    let session = workshop.session_of(SUPERSEDING).await;
    let mut jobs = Vec::new();
    for (before, after) in [(None, A), (Some(A), B), (Some(B), A)] {
        jobs.push(workshop.pushed(&session, (before, after), "true\n").await);
    }
    for job in &jobs[1..] {
        workshop.bus.publish(job).await.unwrap();
    }
    workshop.serve(1);
    assert_eq!(workshop.result(&jobs[1]).await["result"], "superseded");
    assert_eq!(workshop.result(&jobs[2]).await["result"], "pass");
    workshop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_labs_word_every_push_is_judged() {
    let mut workshop = Workshop::furnish().await;
    let session = workshop.session_of(LAB).await;
    let old = workshop.pushed(&session, (None, A), "true\n").await;
    let new = workshop.pushed(&session, (Some(A), B), "false\n").await;
    for job in [&old, &new] {
        workshop.bus.publish(job).await.unwrap();
    }
    workshop.serve(1);
    assert_eq!(workshop.result(&old).await["result"], "pass");
    assert_eq!(workshop.result(&new).await["result"], "fail");
    workshop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_was_deleted_has_no_newer_push() {
    let mut workshop = Workshop::furnish().await;
    let session = workshop.session_of(SUPERSEDING).await;
    let job = workshop.pushed(&session, (None, A), "true\n").await;
    let gone = format!(
        "INSERT INTO push SELECT gen_random_uuid(), delivery_id, 'other', repository, ref_name, kind, \
         after_sha, NULL, false, 0, NULL, now(), now() FROM push WHERE id = '{}'",
        job.push.push
    );
    workshop.house.sql(&gone).await;
    workshop.bus.publish(&job).await.unwrap();
    workshop.serve(1);
    assert_eq!(workshop.result(&job).await["result"], "pass");
    workshop.close().await;
}

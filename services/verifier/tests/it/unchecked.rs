//! Labs that have nothing run.

use contract::ids::RequestId;
use contract::job::PreservedTree;
use contract::unchecked::UncheckedRequested;
use objects::manifest::BlobKind::Regular;
use testkit::wait;

use crate::workshop::{Session, Workshop};

pub(crate) const LAB: &str = "[lab]\nslug = \"unchecked\"\n[verify]\nexecutor = \"none\"\n";

#[tokio::test]
async fn what_nobody_checked_is_unchecked_and_never_a_pass() {
    let mut workshop = Workshop::furnish().await;
    let settings = workshop.settings();
    workshop.serve_as(settings.with("verifier.allow_executor_none", true).unwrap());
    let session = workshop.session(&[("lab.toml", Regular, LAB)]).await;
    let job = workshop.request(&session, PreservedTree::Unneeded).await;
    workshop.bus.publish(&job).await.unwrap();
    let row = workshop.result(&job).await;
    assert_eq!(row["result"], "unchecked");
    assert_eq!((&row["points"], &row["points_max"]), (&0.into(), &0.into()));
    assert!(
        row["snapshot_digest"].is_null() && row["cause"].is_null(),
        "{row}"
    );
    let logged = "SELECT count(*) FROM audit_entry WHERE action = 'verification-recorded' \
                  AND entry::jsonb ->> 'assay.verification.result' = 'unchecked'";
    assert_eq!(workshop.house.number(logged).await, 1);
    let made_of = "SELECT count(*) FROM verification_origin";
    assert_eq!(workshop.house.number(made_of).await, 0);
    workshop.close().await;
}

#[tokio::test]
async fn where_no_setting_allows_it_such_a_lab_is_an_error_that_says_which() {
    let workshop = &mut Workshop::open().await;
    let session = workshop.session(&[("lab.toml", Regular, LAB)]).await;
    let job = workshop.request(&session, PreservedTree::Unneeded).await;
    workshop.bus.publish(&job).await.unwrap();
    let row = workshop.result(&job).await;
    assert_eq!(
        (&row["result"], &row["cause"]),
        (&"error".into(), &"lab-broken".into())
    );
    let detail = row["detail"].as_str().unwrap();
    assert!(detail.contains("verifier.allow_executor_none"), "{detail}");
    workshop.close().await;
}

/// A message of so many new requests of the session.
pub(crate) async fn asked(
    workshop: &Workshop,
    session: &Session,
    count: usize,
) -> UncheckedRequested {
    let mut requests = Vec::new();
    for _ in 0..count {
        let job = workshop.request(session, PreservedTree::Unneeded).await;
        requests.push(job.request);
    }
    UncheckedRequested {
        delivery: session.push.delivery,
        push: session.push.push,
        session: session.id,
        requests,
        try_number: 1,
    }
}

/// Starts the service where such labs are allowed.
pub(crate) fn serve(workshop: &mut Workshop) {
    let settings = workshop.settings();
    workshop.serve_as(settings.with("verifier.allow_executor_none", true).unwrap());
}

/// Waits until there are so many rows.
pub(crate) async fn rows(workshop: &Workshop, table: &str, count: i64) {
    let counting = format!("SELECT count(*) FROM {table}");
    wait::until("the rows are there", async || {
        match workshop.house.number(&counting).await {
            there if there == count => Ok(()),
            there => Err(format!("{there} rows of {table}")),
        }
    })
    .await;
}

#[tokio::test]
async fn many_are_recorded_at_once_and_a_bad_one_among_them_is_given_up_alone() {
    let mut workshop = Workshop::furnish().await;
    let session = workshop.session(&[("lab.toml", Regular, LAB)]).await;
    for _ in 0..8 {
        let good = asked(&workshop, &session, 3).await;
        workshop.bus.publish(&good).await.unwrap();
    }
    let mut bad = asked(&workshop, &session, 2).await;
    bad.requests.push(RequestId::new());
    workshop.bus.publish(&bad).await.unwrap();
    let good = asked(&workshop, &session, 3).await;
    workshop.bus.publish(&good).await.unwrap();
    serve(&mut workshop);
    rows(
        &workshop,
        "verification_attempt WHERE result = 'unchecked'",
        27,
    )
    .await;
    rows(&workshop, "verification_claim", 0).await;
    workshop.unacked("verifier-unchecked", 0).await;
    let states = workshop.bus.stream_states().await.unwrap();
    let dead = states.iter().find(|state| state.name == "DEAD").unwrap();
    assert_eq!(dead.messages, 1);
    let entries = "audit_entry WHERE action = 'unchecked-recorded'";
    rows(&workshop, entries, 9).await;
    let covered = "SELECT count(*) FROM audit_entry, \
                   jsonb_array_elements(entry::jsonb -> 'assay.rows') \
                   WHERE action = 'unchecked-recorded'";
    assert_eq!(workshop.house.number(covered).await, 27);
    workshop.close().await;
}

#[tokio::test]
async fn what_comes_again_and_overlaps_is_recorded_once() {
    let mut workshop = Workshop::furnish().await;
    let session = workshop.session(&[("lab.toml", Regular, LAB)]).await;
    let first = asked(&workshop, &session, 3).await;
    let mut overlapping = asked(&workshop, &session, 2).await;
    overlapping.requests.push(first.requests[1]);
    for _ in 0..3 {
        workshop.say_again(&first).await;
        workshop.say_again(&overlapping).await;
    }
    serve(&mut workshop);
    rows(&workshop, "verification_attempt", 5).await;
    workshop.unacked("verifier-unchecked", 0).await;
    // Once more, when all is over.
    workshop.say_again(&overlapping).await;
    workshop.unacked("verifier-unchecked", 0).await;
    rows(&workshop, "verification_attempt", 5).await;
    rows(&workshop, "verification_claim", 0).await;
    rows(
        &workshop,
        "audit_entry WHERE action = 'unchecked-recorded'",
        2,
    )
    .await;
    workshop.close().await;
}

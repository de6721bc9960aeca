//! A verifier that is killed with a batch in its hands.

use objects::manifest::BlobKind::Regular;
use process::health::Health;
use testkit::wait;
use tokio_util::sync::CancellationToken;

use crate::unchecked::{LAB, asked, rows, serve};
use crate::workshop::Workshop;

/// Keeps whoever writes results waiting.
const HOLD: &str = "BEGIN; LOCK TABLE verification_attempt IN EXCLUSIVE MODE; SELECT pg_sleep(600)";
/// Ends that.
const LET_GO: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                      WHERE query LIKE 'BEGIN; LOCK%'";

/// Waits until somebody has the lock on the results, or waits for it.
async fn granted(workshop: &Workshop, granted: bool) {
    let locks = format!(
        "SELECT count(*) FROM pg_locks WHERE relation = 'verification_attempt'::regclass \
         AND mode IN ('ExclusiveLock', 'RowExclusiveLock') AND granted = {granted}"
    );
    wait::until("there is such a lock", async || {
        match workshop.house.number(&locks).await {
            0 => Err("there is none".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_verifier_is_killed_is_recorded_once_by_the_next_one() {
    let mut workshop = Workshop::furnish().await;
    let session = workshop.session(&[("lab.toml", Regular, LAB)]).await;
    for _ in 0..20 {
        let message = asked(&workshop, &session, 3).await;
        workshop.bus.publish(&message).await.unwrap();
    }
    let killing = async {
        granted(&workshop, true).await;
        let settings = workshop.settings();
        let settings = settings.with("verifier.allow_executor_none", true).unwrap();
        let killed = tokio::spawn(async move {
            let stop = CancellationToken::new();
            verifier::run::run(&settings, &Health::new(), stop).await
        });
        // It waits in its transaction, with its claims written.
        granted(&workshop, false).await;
        killed.abort();
        assert!(killed.await.unwrap_err().is_cancelled());
        workshop.house.number(LET_GO).await;
    };
    let (held, ()) = tokio::join!(workshop.house.sql_as("assay_owner", HOLD), killing);
    assert!(held.is_err(), "it ends with its connection");
    serve(&mut workshop);
    rows(
        &workshop,
        "verification_attempt WHERE result = 'unchecked'",
        60,
    )
    .await;
    workshop.unacked("verifier-unchecked", 0).await;
    rows(&workshop, "verification_attempt", 60).await;
    rows(&workshop, "verification_claim", 0).await;
    rows(
        &workshop,
        "audit_entry WHERE action = 'unchecked-recorded'",
        20,
    )
    .await;
    workshop.close().await;
}

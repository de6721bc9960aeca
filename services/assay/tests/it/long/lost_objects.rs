//! The object store is lost, with all that is in it and without a backup: what waits is preserved
//! anew from the forge, labs are published again, and nobody's code fails for it.

use process::settings::service::Service;
use sample::lab::PASSING;
use sample::repository::Change;
use serde_json::Value;
use testkit::wait;

use crate::site::Site;

/// A change beside the one that passes.
const MORE: &[Change<'_>] = &[Change::File(b"notes.md", b"It works.\n")];

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_object_store_costs_no_learner_anything() {
    let mut site = Site::start().await;
    let (lab, learner) = site.publish_lab().await;
    let first = site.push(&learner, PASSING).await;
    site.until_judged(&first).await;
    // Preserved, and not judged yet.
    site.stop(Service::Verifier).await;
    let second = site.push(&learner, MORE).await;
    wait::until("the second tree is preserved", async || {
        match site
            .house
            .number("SELECT count(*) FROM attempt_snapshot")
            .await
        {
            2 => Ok(()),
            count => Err(count.to_string()),
        }
    })
    .await;
    let running = Service::ALL
        .into_iter()
        .filter(|each| *each != Service::Verifier);
    for service in running {
        site.stop(service).await;
    }
    std::fs::remove_dir_all(site.folder().join("objects")).unwrap();
    site.start_all().await;

    // Whose fault it is, until the lab's own objects are there again: ours.
    wait::until("it is said that trees are lost", async || {
        let lost = "SELECT count(*) FROM verification_attempt \
            WHERE result = 'error' AND cause = 'snapshot-unavailable'";
        match site.house.number(lost).await {
            0 => Err("no try says so".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
    site.assay(&["lab", "publish", &lab.clone_url()]).await;
    wait::until(
        "the second push is judged from what was preserved anew",
        async || {
            let said = site
                .assay_json(&["trace", "--json", &second.forge_id])
                .await;
            let tries = said["verifications"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let passed = |tried: &Value| tried["result"] == "pass";
            tries
                .iter()
                .any(passed)
                .then_some(())
                .ok_or(said.to_string())
        },
    )
    .await;
    let failed = "SELECT count(*) FROM verification_attempt WHERE result = 'fail'";
    assert_eq!(site.house.number(failed).await, 0);
    site.misses_nothing(0).await;
    // The log is in the ledger, and its files are written from there.
    let proven = "SELECT count(*) FROM ledger_pending";
    wait::until("every entry has its leaf", async || {
        match site.house.number(proven).await {
            0 => Ok(()),
            count => Err(count.to_string()),
        }
    })
    .await;
    site.stop_all().await;
    site.assay_ok(&["verify-log", "--ledger"]).await;
}

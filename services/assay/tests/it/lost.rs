//! The broker's data is lost with all that was in its queues: what the ledger has is finished all
//! the same, once, without the forge sending anything again.

use process::settings::service::Service;
use sample::delivery::{Push, sign};
use sample::lab::{FAILING, PASSING};
use serde_json::json;
use testkit::house::House;
use testkit::wait;

use crate::push::LEARNER;
use crate::site::{SECRET, Site};

/// Work that was lost is looked for every second, once the broker's data is lost: before, a slow
/// machine's work would be taken for lost, asked for again, and once more only after minutes.
const SEEKING: &str = "[writer]\nlost_every_seconds = 1\nlost_after_seconds = 1";
/// Commits of a branch, of which its payload lists one.
const UNLISTED: u32 = 6;

async fn until_counted(site: &Site, what: &str, count: i64) {
    let query = format!("SELECT count(*) FROM {what}");
    wait::until(&format!("there are {count} of {what}"), async || {
        let found = site.house.number(&query).await;
        (found == count).then_some(()).ok_or(format!("{found}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_is_finished_although_every_queue_was_lost() {
    let mut site = Site::furnish(House::start().await, "").await;
    let before = [
        Service::WebhookIngest,
        Service::AttemptWriter,
        Service::SnapshotBuilder,
    ];
    for service in before {
        site.start_one(service);
    }
    for service in before {
        site.until_ready(service).await;
    }
    let (_lab, learner) = site.publish_lab().await;
    // Preserved, and waits for a verifier that is not there.
    site.push(&learner, PASSING).await;
    until_counted(&site, "attempt_snapshot", 1).await;
    // Recorded, and waits for a builder: two commits at once, and a branch that is hardly listed.
    site.kill(Service::SnapshotBuilder);
    let base = learner.head("main").await.unwrap();
    learner.commit("main", "one", FAILING).await.unwrap();
    let head = learner.commit("main", "two", PASSING).await.unwrap();
    let two = Push {
        branch: "main",
        before: Some(&base),
        after: Some(&head),
    };
    site.post_push(&learner, two).await;
    let topic = learner.commit_onto(Some(&head), "topic", "topic", FAILING);
    topic.await.unwrap();
    let tip = learner.grow("topic", UNLISTED - 1).await.unwrap();
    let branch = Push {
        branch: "topic",
        before: None,
        after: Some(&tip),
    };
    let mut payload = branch.payload(&learner).await.unwrap();
    payload["commits"] = json!([payload["head_commit"]]);
    let signed = sign("push", "hardly-listed", &payload, SECRET);
    site.answers("the branch", &signed, reqwest::StatusCode::ACCEPTED)
        .await;
    until_counted(&site, "lab_attempt", 4).await;
    until_counted(&site, "verification_request", 3).await;

    lose_the_broker(&mut site).await;
    let settings = std::fs::read_to_string(site.config()).unwrap();
    std::fs::write(site.config(), format!("{settings}\n{SEEKING}\n")).unwrap();
    site.start_all().await;
    let attempts = 3 + i64::from(UNLISTED);
    until_counted(&site, "lab_attempt", attempts).await;
    until_counted(&site, "attempt_snapshot", attempts).await;
    until_counted(&site, "verification_attempt", 3).await;
    until_counted(&site, "listing_part", 1).await;
    until_counted(
        &site,
        "lab_attempt WHERE listed = 'git'",
        i64::from(UNLISTED) - 1,
    )
    .await;
    let requests = "verification_request WHERE EXISTS (SELECT FROM verification_attempt \
                    WHERE request_id = verification_request.id AND result <> 'error')";
    until_counted(&site, requests, 3).await;
    site.misses_nothing(0).await;
    site.stop_all().await;
    let log = site.assay_ok(&["verify-log", "--ledger"]).await;
    assert!(log.contains("0 entries waiting"), "{LEARNER}: {log}");
}

/// Everything ends; the server's folder is removed, and it begins with nothing.
async fn lose_the_broker(site: &mut Site) {
    for service in [Service::WebhookIngest, Service::AttemptWriter] {
        site.kill(service);
    }
    site.house.nats_mut().stop().await.unwrap();
    let store = site.house.nats().log().parent().unwrap().join("store");
    std::fs::remove_dir_all(&store).unwrap();
    site.house.nats_mut().start_again().await.unwrap();
    site.assay_ok(&["topology", "apply"]).await;
}

//! A delivery takes effect once, whatever the queue forgot and whoever received it (promise P2).

use std::time::Duration;

use futures::future::join_all;
use process::health::Health;
use process::settings::Settings;
use process::settings::service::Service;
use reqwest::StatusCode;
use sample::delivery::{SignedDelivery, sign};
use serde_json::json;
use testkit::house::House;
use testkit::wait;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::site::{SECRET, Site};

/// The shortest window that JetStream has.
const WINDOW: Duration = Duration::from_millis(100);
/// The services that a delivery needs to be recorded.
const RECORDING: [Service; 2] = [Service::WebhookIngest, Service::AttemptWriter];

/// A push of one commit to a repository without a session.
fn push(forge_id: &str, head: char) -> SignedDelivery {
    let sha = |digit: char| digit.to_string().repeat(40);
    let commit = json!({
        "id": sha(head), "message": "x", "timestamp": "2026-01-05T09:00:00Z",
        "author": { "name": "A Learner", "email": "a@example.org" },
        "added": [], "modified": [], "removed": [],
    });
    let payload = json!({
        "ref": "refs/heads/main", "before": sha('1'), "after": sha(head),
        "created": false, "deleted": false, "forced": false,
        "repository": { "full_name": "someone/else" },
        "commits": [commit], "head_commit": commit,
        "sender": { "id": 1, "login": "a" }, "pusher": { "name": "a" },
    });
    sign("push", forge_id, &payload, SECRET)
}

async fn start(site: &mut Site) {
    for service in RECORDING {
        site.start_one(service);
    }
    for service in RECORDING {
        site.until_ready(service).await;
    }
}

/// Waits until the ledger has so many of a kind.
async fn until_counted(site: &Site, what: &str, count: i64) {
    let query = format!("SELECT count(*) FROM {what}");
    wait::until(&format!("there are {count} of {what}"), async || match site
        .house
        .number(&query)
        .await
    {
        found if found == count => Ok(()),
        found => Err(format!("{found}")),
    })
    .await;
}

/// A second ingest, that runs in this process by the same settings.
struct Second {
    url: String,
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Second {
    async fn start(site: &Site) -> Self {
        let settings = Settings::load_from(Some(&site.config()), []).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks/github", listener.local_addr().unwrap());
        let (health, stop) = (Health::new(), CancellationToken::new());
        let told = stop.clone();
        let running =
            async move { webhook_ingest::run::run(&settings, listener, &health, told).await };
        Self {
            url,
            stop,
            running: tokio::spawn(running),
        }
    }

    async fn post(&self, site: &Site, delivery: &SignedDelivery) -> serde_json::Value {
        let mut request = site.client.post(&self.url).body(delivery.body.clone());
        for (name, value) in &delivery.headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        answer.json().await.unwrap()
    }

    async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
    }
}

const REPEATS: &str = "audit_entry WHERE action = 'delivery-repeated'";

#[tokio::test]
async fn a_delivery_has_one_effect_whatever_the_queue_forgot_between_its_copies() {
    let mut site = Site::furnish(House::start().await, "").await;
    start(&mut site).await;
    let delivery = push("the-one", '2');
    let first = site.answers("first", &delivery, StatusCode::ACCEPTED).await;
    until_counted(&site, "delivery", 1).await;

    // Within the window.
    let again = site.answers("again", &delivery, StatusCode::ACCEPTED).await;
    assert_eq!(again["duplicate"], true);
    until_counted(&site, REPEATS, 1).await;

    // The server forgets ids whose messages are gone when it starts again, and so does a new
    // ingest: for both this is as long after the window.
    site.kill(Service::WebhookIngest);
    site.house.nats_mut().stop().await.unwrap();
    site.house.nats_mut().start_again().await.unwrap();
    site.start_one(Service::WebhookIngest);
    site.until_ready(Service::WebhookIngest).await;
    let after_restart = site
        .answers("restart", &delivery, StatusCode::ACCEPTED)
        .await;
    assert_eq!(after_restart["duplicate"], false, "the queue knows nothing");
    until_counted(&site, REPEATS, 2).await;

    // The server's data is lost.
    for service in RECORDING {
        site.kill(service);
    }
    site.house.nats_mut().stop().await.unwrap();
    let store = site.house.nats().log().parent().unwrap().join("store");
    std::fs::remove_dir_all(&store).unwrap();
    site.house.nats_mut().start_again().await.unwrap();
    site.assay_ok(&["topology", "apply"]).await;
    start(&mut site).await;
    let after_loss = site.answers("loss", &delivery, StatusCode::ACCEPTED).await;
    until_counted(&site, REPEATS, 3).await;

    for copy in [&again, &after_restart, &after_loss] {
        assert_eq!(copy["delivery"], first["delivery"], "it names the first");
        assert_eq!(copy["trace_id"], first["trace_id"]);
    }
    for table in [
        "delivery_receipt",
        "delivery",
        "push",
        "privacy.delivery_body",
    ] {
        until_counted(&site, table, 1).await;
    }
    until_counted(&site, "audit_entry WHERE action = 'delivery-recorded'", 1).await;
    until_counted(&site, "delivery_conflict", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_comes_again_after_the_window_has_one_effect() {
    let mut site = Site::furnish(House::start().await, "").await;
    start(&mut site).await;
    // Whom it came to remembers it; the other one asks the queue.
    let second = Second::start(&site).await;
    let probe = second.post(&site, &push("another", '3')).await;
    assert_eq!(probe["duplicate"], false, "it is connected");
    until_counted(&site, "delivery", 1).await;
    site.house.shorten_window("DELIVERIES", WINDOW).await;
    let delivery = push("the-one", '2');
    let first = site.answers("first", &delivery, StatusCode::ACCEPTED).await;
    until_counted(&site, "delivery", 2).await;
    // The window's own time: nothing tells when it is over.
    tokio::time::sleep(WINDOW * 10).await;
    let again = second.post(&site, &delivery).await;
    assert_eq!(again["duplicate"], false, "the queue has forgotten it");
    assert_eq!(again["delivery"], first["delivery"], "it names the first");
    until_counted(&site, REPEATS, 1).await;
    for table in ["delivery_receipt", "delivery", "push"] {
        until_counted(&site, table, 2).await;
    }
    until_counted(&site, "delivery_conflict", 0).await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_that_come_at_once_to_two_ingest_processes_have_one_effect() {
    const DELIVERIES: usize = 40;
    let mut site = Site::furnish(House::start().await, "").await;
    start(&mut site).await;
    let second = Second::start(&site).await;
    let deliveries: Vec<_> = (0..DELIVERIES)
        .map(|number| push(&format!("d-{number}"), '2'))
        .collect();
    let sending = deliveries.iter().map(|delivery| async {
        let here = site.answers("here", delivery, StatusCode::ACCEPTED);
        let (here, there) = tokio::join!(here, second.post(&site, delivery));
        assert_eq!(here["delivery"], there["delivery"]);
        // Whether a receipt says so is best effort (decision 0155): the first is no duplicate, and
        // the second is known for one unless it was stored in a bundle.
        let both = [&here, &there].iter().all(|told| told["duplicate"] == true);
        assert!(!both, "one of them was the first: {here} {there}");
    });
    join_all(sending).await;
    let all = DELIVERIES as i64;
    until_counted(&site, REPEATS, all).await;
    for table in ["delivery_receipt", "delivery", "push"] {
        until_counted(&site, table, all).await;
    }
    until_counted(&site, "delivery_conflict", 0).await;
    second.stop().await;
}

#[tokio::test]
async fn another_body_under_a_known_id_is_recorded_for_good_and_counted() {
    let mut site = Site::furnish(House::start().await, "").await;
    start(&mut site).await;
    site.answers("first", &push("d", '2'), StatusCode::ACCEPTED)
        .await;
    until_counted(&site, "delivery", 1).await;
    let other = site
        .answers("other", &push("d", '3'), StatusCode::ACCEPTED)
        .await;
    assert_eq!(other["duplicate"], false, "it is not swallowed");
    until_counted(&site, "delivery_conflict", 1).await;
    until_counted(&site, "push", 2).await;
    until_counted(&site, "audit_entry WHERE action = 'delivery-conflicted'", 1).await;
    let counted = "assay_delivery_conflicts_total{source=\"github\"} 1";
    site.until_counted(Service::AttemptWriter, counted).await;
}

#[tokio::test]
async fn deliveries_of_a_source_that_was_added_while_all_ran_are_recorded() {
    let mut site = Site::furnish(House::start().await, "").await;
    start(&mut site).await;
    let settings = std::fs::read_to_string(site.config()).unwrap();
    let added = settings.split("[sources.github]").nth(1).unwrap();
    let added = format!("{settings}\n[sources.added]{added}");
    std::fs::write(site.config(), added).unwrap();
    let url = site.hooks_url().replace("github", "added");
    let delivery = push("d", '2');
    wait::until("the source is there", async || {
        let mut request = site.client.post(&url).body(delivery.body.clone());
        for (name, value) in &delivery.headers {
            request = request.header(*name, value);
        }
        match request.send().await.unwrap().status() {
            StatusCode::ACCEPTED => Ok(()),
            status => Err(status.to_string()),
        }
    })
    .await;
    until_counted(&site, "delivery WHERE source = 'added'", 1).await;
    until_counted(&site, "push", 1).await;
}

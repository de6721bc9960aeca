//! A key at NATS is changed while webhooks come in, and nobody outside can tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bus::connect::{Bus, ConnectSettings};
use bus::key::UserKey;
use process::settings::service::Service;
use reqwest::{Client, StatusCode};
use sample::delivery::{SignedDelivery, sign};
use serde_json::json;
use testkit::wait;

use crate::site::{SECRET, Site, write};

/// Webhooks that are answered in each part of the change.
const EACH: i64 = 20;
/// Takes deliveries in, and is given another key.
const CHANGED: Service = Service::AttemptWriter;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_changed_under_load_and_every_webhook_is_accepted_and_recorded() {
    let mut site = Site::start().await;
    let load = Load::begin(&site);
    until_recorded(&site, EACH).await;

    // Both keys hold: first of all, nobody who has the old one is cut off.
    let (old, new) = (
        site.house.key_of(CHANGED.as_str()).clone(),
        UserKey::generate(),
    );
    site.house.let_in_by(CHANGED.as_str(), &[&old, &new]);
    until_let_in(&site, &new).await;
    assert!(connects(&site, &old).await, "the old key is still good");
    let recorded = recorded(&site).await;
    until_recorded(&site, recorded + EACH).await;

    // The process that has the new one takes over.
    let file = site.folder().join(format!("nats-{CHANGED}"));
    write(&file, &new.seed);
    site.stop(CHANGED).await;
    site.start_one(CHANGED);
    site.until_ready(CHANGED).await;
    let recorded = self::recorded(&site).await;
    until_recorded(&site, recorded + EACH).await;

    // The old one is good for nothing any more.
    site.house.let_in_by(CHANGED.as_str(), &[&new]);
    wait::until("the old key is refused", async || {
        match connects(&site, &old).await {
            false => Ok(()),
            true => Err("it still connects".to_owned()),
        }
    })
    .await;
    let recorded = self::recorded(&site).await;
    until_recorded(&site, recorded + EACH).await;

    let sent = load.end().await;
    until_recorded(&site, sent).await;
    assert_eq!(self::recorded(&site).await, sent, "each once");
    site.misses_nothing(0).await;
    site.stop_all().await;
}

/// Webhooks one after another, each of which must be answered 202.
struct Load {
    is_over: Arc<AtomicBool>,
    sending: tokio::task::JoinHandle<i64>,
}

impl Load {
    fn begin(site: &Site) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, url, client) = (Arc::clone(&is_over), site.hooks_url(), Client::new());
        let sending = tokio::spawn(async move {
            let mut sent = 0;
            while !over.load(Ordering::Relaxed) {
                let answered = post(&client, &url, &webhook(sent)).await;
                assert_eq!(answered, StatusCode::ACCEPTED, "webhook {sent}");
                sent += 1;
            }
            sent
        });
        Self { is_over, sending }
    }

    /// Ends it; gives how many were accepted.
    async fn end(self) -> i64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.sending.await.expect("every webhook was accepted")
    }
}

/// A push to a repository that nobody has a session for.
fn webhook(number: i64) -> SignedDelivery {
    let sha = |number: i64| format!("{number:040x}");
    let payload = json!({
        "ref": "refs/heads/main",
        "before": sha(number + 1),
        "after": sha(number + 2),
        "repository": { "full_name": "nobody/nothing", "default_branch": "main" },
        "commits": [],
        "head_commit": null,
    });
    sign("push", &format!("under-load-{number}"), &payload, SECRET)
}

async fn post(client: &Client, url: &str, sent: &SignedDelivery) -> StatusCode {
    let mut request = client.post(url).body(sent.body.clone());
    for (name, value) in &sent.headers {
        request = request.header(*name, value);
    }
    request.send().await.expect("an answer").status()
}

async fn recorded(site: &Site) -> i64 {
    site.house
        .number("SELECT count(*) FROM delivery_receipt")
        .await
}

async fn until_recorded(site: &Site, wanted: i64) {
    wait::until(
        &format!("{wanted} webhooks are recorded"),
        async || match recorded(site).await {
            enough if enough >= wanted => Ok(()),
            few => Err(format!("{few}")),
        },
    )
    .await;
}

async fn until_let_in(site: &Site, key: &UserKey) {
    wait::until("the new key is let in", async || {
        match connects(site, key).await {
            true => Ok(()),
            false => Err("it is refused".to_owned()),
        }
    })
    .await;
}

async fn connects(site: &Site, key: &UserKey) -> bool {
    let settings = ConnectSettings {
        key: Some(key.clone()),
        ..site.house.connect_settings_of(CHANGED.as_str())
    };
    Bus::connect(&settings, CHANGED.as_str()).await.is_ok()
}

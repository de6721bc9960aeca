//! What each service says of itself, while all is well and while a server is down.

use process::settings::service::Service;
use reqwest::StatusCode;
use sample::lab::{FAILING, PASSING};
use serde_json::Value;
use testkit::wait;

use crate::site::Site;

/// What each service has counted after a push.
const COUNTED: [(Service, &str); 5] = [
    (Service::WebhookIngest, "assay_hooks_total{"),
    (Service::AttemptWriter, "assay_deliveries_recorded_total{"),
    (Service::SnapshotBuilder, "assay_snapshots_preserved_total "),
    (Service::Verifier, "assay_verifications_total{"),
    (Service::Auditor, "assay_log_leaves_total "),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_service_says_how_it_is_and_comes_back_after_an_outage() {
    let mut site = Site::start().await;
    let (_lab, learner) = site.publish_lab().await;
    let first = site.push(&learner, PASSING).await;
    site.until_judged(&first).await;
    for (service, counter) in COUNTED {
        says(&site, service, "/live", "alive").await;
        says(&site, service, "/ready", "\"ready\":true").await;
        says(&site, service, "/metrics", counter).await;
    }

    site.house.postgres_mut().kill().await.unwrap();
    for service in Service::ALL
        .into_iter()
        .filter(|service| service.role().is_some())
    {
        let part = if service == Service::Auditor {
            "log"
        } else {
            "ledger"
        };
        blames(&site, service, part, "connect").await;
        says(&site, service, "/live", "alive").await;
    }
    // What is received needs no ledger: a push is taken in and judged when that is back.
    says(&site, Service::WebhookIngest, "/ready", "\"ready\":true").await;
    let during = site.push(&learner, FAILING).await;
    assert_eq!(during.status, StatusCode::ACCEPTED);
    site.house.postgres_mut().start_again().await.unwrap();
    for service in Service::ALL {
        site.until_ready(service).await;
    }
    let seen = site.until_judged(&during).await;
    assert_eq!(seen["verifications"][0]["result"], "fail");

    site.house.nats_mut().kill().await.unwrap();
    for service in Service::ALL
        .into_iter()
        .filter(|service| *service != Service::Auditor)
    {
        blames(&site, service, "bus", "").await;
    }
    // The log goes on without the bus.
    says(&site, Service::Auditor, "/ready", "\"ready\":true").await;
    is_asked_to_come_again(&site, &first.signed).await;
    site.house.nats_mut().start_again().await.unwrap();
    for service in Service::ALL {
        site.until_ready(service).await;
    }
    let last = site.push(&learner, PASSING).await;
    let seen = site.until_judged(&last).await;
    assert_eq!(seen["verifications"][0]["result"], "pass");
    site.stop_all().await;
    site.assay_ok(&["verify-log"]).await;
}

/// Waits until a service says this: what is counted is counted a moment after it is done.
async fn says(site: &Site, service: Service, path: &str, what: &str) {
    wait::until(
        &format!("{service} {path} says {what:?}"),
        async || match site.ask(service, path).await? {
            (StatusCode::OK, body) if body.contains(what) => Ok(()),
            (status, body) => Err(format!("{status} {body}")),
        },
    )
    .await;
}

/// Waits until a service is not ready because of this part, with a reason that has this word.
async fn blames(site: &Site, service: Service, part: &str, word: &str) {
    wait::until(&format!("{service} says that {part} is away"), async || {
        let (status, body) = site.ask(service, "/ready").await?;
        let report: Value = serde_json::from_str(&body).unwrap_or_default();
        let reason = report["parts"][part]["reason"].as_str();
        let has_the_word = reason.is_some_and(|reason| reason.contains(word));
        match has_the_word && status == StatusCode::SERVICE_UNAVAILABLE {
            true => Ok(()),
            false => Err(format!("{status} {body}")),
        }
    })
    .await;
}

async fn is_asked_to_come_again(site: &Site, signed: &sample::delivery::SignedDelivery) {
    let mut request = site.client.post(site.hooks_url()).body(signed.body.clone());
    for (name, value) in &signed.headers {
        request = request.header(*name, value);
    }
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key("retry-after"), "{answer:?}");
}

//! What was accepted and is not in the ledger is named, whatever the broker did with it: a bit that
//! flipped in its file, a consumer that passed a message over, a process that ended without a word.

use std::collections::BTreeSet;
use std::time::Instant;

use bus::topology::ATTEMPT_WRITER;
use contract::ids::DeliveryId;
use process::settings::service::Service;
use reqwest::StatusCode;
use sample::delivery::sign;
use serde_json::{Value, json};
use testkit::house::House;
use testkit::wait;
use uuid::Uuid;

use crate::site::{SECRET, Site};

/// Deliveries that are posted.
const DELIVERIES: usize = 24;

/// The services that completeness is about.
const STARTED: [Service; 2] = [Service::WebhookIngest, Service::Auditor];

/// A site whose deliveries stay in their queue: nobody takes them in yet.
async fn site() -> Site {
    let mut site = Site::furnish(House::start().await, "").await;
    for service in STARTED {
        site.start_one(service);
    }
    for service in STARTED {
        site.until_ready(service).await;
    }
    site
}

/// A push to a repository of nobody's: it is recorded, and nothing comes of it.
fn nobodys_push() -> Value {
    let sha = |digit: char| digit.to_string().repeat(40);
    json!({
        "ref": "refs/heads/main", "before": sha('1'), "after": sha('2'),
        "created": false, "deleted": false, "forced": false,
        "repository": { "full_name": "someone/else" },
        "commits": [], "head_commit": null,
        "sender": { "id": 1, "login": "a" }, "pusher": { "name": "a" },
    })
}

/// Posts deliveries that must be accepted; gives their ids.
async fn post(site: &Site, count: usize) -> BTreeSet<Uuid> {
    let mut accepted = BTreeSet::new();
    for _ in 0..count {
        let name = Uuid::now_v7().to_string();
        let signed = sign("push", &name, &nobodys_push(), SECRET);
        site.answers("a delivery", &signed, StatusCode::ACCEPTED)
            .await;
        accepted.insert(DeliveryId::compute("github", &name).as_uuid());
    }
    accepted
}

async fn ids(site: &Site, query: &str) -> BTreeSet<Uuid> {
    let rows = site.house.rows(query).await.into_iter();
    let id = |row: String| -> Uuid {
        let row: Value = serde_json::from_str(&row).unwrap();
        row["id"].as_str().unwrap().parse().unwrap()
    };
    rows.map(id).collect()
}

/// Waits until the lane told of so many numbers, and the auditor has heard it.
async fn until_told(site: &Site, numbers: usize) {
    let query = format!("SELECT count(*) FROM work.lane WHERE through_number >= {numbers}");
    wait::until("the auditor knows what was promised", async || {
        match site.house.number(&query).await {
            1.. => Ok(()),
            _ => Err(site.house.rows("SELECT * FROM work.lane").await.join("\n")),
        }
    })
    .await;
}

/// Waits until every accepted delivery is in the ledger or named as missing; gives the missing.
async fn until_accounted_for(site: &Site, accepted: &BTreeSet<Uuid>) -> BTreeSet<Uuid> {
    wait::until("every accepted delivery is accounted for", async || {
        let missing = "SELECT delivery_id AS id FROM lane_hole WHERE what = 'missing'";
        let missing = ids(site, missing).await;
        let taken = ids(site, "SELECT delivery_id AS id FROM delivery_receipt").await;
        let known: BTreeSet<Uuid> = missing.union(&taken).copied().collect();
        let unknown = accepted.difference(&known).count();
        (unknown == 0)
            .then_some(missing)
            .ok_or(format!("{unknown} are not"))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bit_that_flips_in_the_brokers_file_loses_nothing_in_silence() {
    let mut site = site().await;
    let accepted = post(&site, DELIVERIES).await;
    until_told(&site, DELIVERIES).await;
    site.house.nats_mut().stop().await.unwrap();
    // In the middle of a field's name of some delivery.
    site.house
        .flip_a_bit(ATTEMPT_WRITER.stream, b"forge_delivery");
    let restarted = Instant::now();
    site.house.nats_mut().start_again().await.unwrap();
    let up = restarted.elapsed();
    site.start_one(Service::AttemptWriter);
    let missing = until_accounted_for(&site, &accepted).await;
    println!(
        "{} of {DELIVERIES} deliveries are missing after one bit flipped: all were accounted for \
         {:?} after the restart began, which took {up:?}",
        missing.len(),
        restarted.elapsed(),
    );
    assert!(
        !missing.is_empty(),
        "the flipped bit did no harm: another one must be chosen"
    );
    for delivery in &missing {
        let known = ids(&site, "SELECT delivery_id AS id FROM delivery_receipt").await;
        assert!(!known.contains(delivery), "{delivery} is in the ledger");
    }
    is_alarmed(&site, missing.len()).await;
    site.house.entries_are_by_the_schema().await;
    site.stop(Service::AttemptWriter).await;
}

/// The alarm is in `/ready`, in `/metrics` and in the audit log.
async fn is_alarmed(site: &Site, missing: usize) {
    wait::until("the auditor says so", async || {
        let (status, ready) = site.ask(Service::Auditor, "/ready").await?;
        let (_, metrics) = site.ask(Service::Auditor, "/metrics").await?;
        let words = format!("{missing} accepted deliveries are missing");
        let gauge = format!("assay_lane_holes_open {missing}");
        if status == StatusCode::OK && ready.contains(&words) && metrics.contains(&gauge) {
            return Ok(());
        }
        Err(format!("{status} {ready}\n{metrics}"))
    })
    .await;
    let entries = "SELECT count(*) FROM audit_entry WHERE action = 'delivery-missing'";
    assert_eq!(site.house.number(entries).await, missing as i64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_its_consumer_passed_over_is_found_in_the_stream_and_handed_again() {
    let mut site = site().await;
    let mut accepted = post(&site, 1).await;
    until_told(&site, 1).await;
    site.house
        .pass_over(ATTEMPT_WRITER.stream, ATTEMPT_WRITER.durable)
        .await;
    accepted.extend(post(&site, 4).await);
    let skipped = Instant::now();
    site.start_one(Service::AttemptWriter);
    let missing = until_accounted_for(&site, &accepted).await;
    println!(
        "what was passed over was taken in after {:?}",
        skipped.elapsed()
    );
    assert_eq!(missing, BTreeSet::new());
    let handed = "SELECT count(*) FROM lane_hole WHERE what = 'handed-again'";
    assert_eq!(site.house.number(handed).await, 1);
    let entries = "SELECT count(*) FROM audit_entry WHERE action = 'delivery-handed-again'";
    assert_eq!(site.house.number(entries).await, 1);
    wait::until("nothing lies in the queue", async || {
        match site.house.messages(ATTEMPT_WRITER.stream).await.len() {
            0 => Ok(()),
            left => Err(format!("{left} messages")),
        }
    })
    .await;
    wait::until("the auditor has nothing to complain of", async || {
        let (_, ready) = site.ask(Service::Auditor, "/ready").await?;
        let read: Value = serde_json::from_str(&ready).unwrap();
        let part = &read["parts"]["completeness"];
        part.get("note").is_none().then_some(()).ok_or(ready)
    })
    .await;
    site.house.entries_are_by_the_schema().await;
    site.stop(Service::AttemptWriter).await;
}

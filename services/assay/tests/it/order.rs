//! Pushes in whatever order, before their session was opened, and around a deadline: what counts is
//! what they say of the ref, and when they were admitted.

use process::settings::service::Service;
use sample::delivery::Push;
use sample::lab::{FAILING, LAB as LAB_FILES, LAB_TOML, PASSING};
use sample::repository::{Change, Clock, Repository};
use serde_json::{Value, json};
use testkit::house::House;
use testkit::wait;

use crate::push::{LAB, LEARNER, Posted};
use crate::site::Site;

/// A repository that no lab enrols by itself.
const OTHER: &str = "someone/else";

/// A repository with the lab's files in its first commit.
async fn begun(site: &Site, name: &str) -> (Repository, String) {
    let learner = site.forge.create(name, Clock::Fixed).await.unwrap();
    let start = learner.commit("main", "begin", LAB_FILES).await.unwrap();
    (learner, start)
}

async fn post(site: &Site, learner: &Repository, before: &str, after: &str) -> Posted {
    let push = Push {
        branch: "main",
        before: Some(before),
        after: Some(after),
    };
    site.post_push(learner, push).await
}

async fn row_of(site: &Site, repository: &str) -> Value {
    let rows = site
        .assay_json(&["results", "--lab", "calculator", "--json"])
        .await;
    let mut rows = rows.as_array().unwrap().iter();
    let name = format!("github:{repository}");
    rows.find(|row| row["repository"] == name.as_str())
        .unwrap_or_else(|| panic!("no session of {name}"))
        .clone()
}

/// Publishes the lab with this deadline.
async fn publish(site: &Site, closes_at: &str) {
    let toml = LAB_TOML.replacen(
        "[session]",
        &format!("[session]\ncloses_at = {closes_at}"),
        1,
    );
    let files = [LAB_FILES, &[Change::File(b"lab.toml", toml.as_bytes())]].concat();
    let lab = site.forge.create(LAB, Clock::Fixed).await.unwrap();
    lab.commit("main", "Write the lab", &files).await.unwrap();
    site.assay_ok(&["lab", "publish", &lab.clone_url()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_count_by_before_and_after_and_by_when_they_were_admitted() {
    let mut site = Site::furnish(House::start().await, "").await;
    for service in [Service::WebhookIngest, Service::SnapshotBuilder] {
        site.start_one(service);
        site.until_ready(service).await;
    }
    let (learner, a) = begun(&site, LEARNER).await;
    let (other, start) = begun(&site, OTHER).await;
    let b = learner.commit("main", "b", FAILING).await.unwrap();
    let c = learner.commit("main", "c", PASSING).await.unwrap();
    let x = other.commit("main", "x", PASSING).await.unwrap();
    // The second push comes first; and nobody knows a lab yet.
    let second = post(&site, &learner, &b, &c).await;
    let first = post(&site, &learner, &a, &b).await;
    let early = post(&site, &other, &start, &x).await;
    // The deadline is when the last of them was admitted: all of it is recorded after that.
    let closes_at = early.receipt["received_at"].as_str().unwrap();
    publish(&site, closes_at).await;
    for service in Service::ALL {
        if ![Service::WebhookIngest, Service::SnapshotBuilder].contains(&service) {
            site.start_one(service);
        }
    }
    for posted in [&second, &first] {
        site.until_judged(posted).await;
    }
    let row = row_of(&site, LEARNER).await;
    assert_eq!(
        (&row["attempts"], &row["late"]),
        (&json!(2), &json!(0)),
        "{row}"
    );
    assert_eq!(
        (&row["result"], &row["commit_sha"]),
        (&json!("pass"), &json!(c)),
        "{row}"
    );

    // One more, after the deadline, although its commit is years older than that.
    let d = learner.commit("main", "d", FAILING).await.unwrap();
    let late = post(&site, &learner, &c, &d).await;
    site.until_judged(&late).await;
    let row = row_of(&site, LEARNER).await;
    assert_eq!(
        (&row["attempts"], &row["late"]),
        (&json!(3), &json!(1)),
        "{row}"
    );
    assert_eq!(
        (&row["result"], &row["commit_sha"]),
        (&json!("pass"), &json!(c)),
        "{row}"
    );
    let status = site.assay_json(&["status", "--json"]).await;
    assert_eq!(status["ledger"]["late"], 1, "{status}");

    is_linked(&site, [&b, &c, &d]).await;
    taken_in_when_its_session_is_opened(&site, &early, &start, &x).await;
    site.misses_nothing(0).await;
    site.stop_all().await;
}

/// Checks that the pushes are linked as they were made: the first two came the other way round.
async fn is_linked(site: &Site, [b, c, d]: [&str; 3]) {
    let linked = "SELECT link.after_sha, before.after_sha AS led_by, link.unmatched \
                  FROM push_link AS link LEFT JOIN push AS before \
                      ON before.id = link.predecessor_id \
                  WHERE link.repository LIKE '%intro-ada' ORDER BY link.received_at";
    let linked: Vec<Value> = site
        .house
        .rows(linked)
        .await
        .iter()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect();
    let link = |after: &str, led_by: Option<&str>| {
        let unmatched = led_by.is_none();
        json!({ "after_sha": after, "led_by": led_by, "unmatched": unmatched })
    };
    assert_eq!(linked, [link(c, Some(b)), link(b, None), link(d, Some(c))]);
    let head = "SELECT count(*) FROM ref_head WHERE repository LIKE '%intro-ada' AND gaps = 0 \
                AND head_sha = ";
    assert_eq!(site.house.number(&format!("{head}'{d}'")).await, 1);
}

/// What was pushed before its session was opened is taken in, and is in time.
async fn taken_in_when_its_session_is_opened(site: &Site, early: &Posted, start: &str, x: &str) {
    let repository = format!("github:{OTHER}");
    let of_other = format!("SELECT count(*) FROM push WHERE repository = '{repository}'");
    wait::until("the early push is recorded", async || {
        let pushes = site.house.number(&of_other).await;
        (pushes == 1).then_some(()).ok_or(format!("{pushes}"))
    })
    .await;
    let attempts = format!("SELECT count(*) FROM lab_attempt WHERE commit_sha = '{x}'");
    assert_eq!(
        site.house.number(&attempts).await,
        0,
        "nobody knows whose it is"
    );
    let open = [
        "session",
        "open",
        "--lab",
        "calculator",
        "--repository",
        &repository,
    ];
    site.assay_ok(&[&open[..], &["--starting", start]].concat())
        .await;
    site.until_judged(early).await;
    let row = row_of(site, OTHER).await;
    assert_eq!(
        (&row["attempts"], &row["late"]),
        (&json!(1), &json!(0)),
        "{row}"
    );
    assert_eq!(
        (&row["result"], &row["commit_sha"]),
        (&json!("pass"), &json!(x)),
        "{row}"
    );
    let at: contract::time::Timestamp = early.receipt["received_at"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let received = format!(
        "SELECT count(*) FROM lab_attempt WHERE commit_sha = '{x}' AND received_at = '{at}'"
    );
    assert_eq!(site.house.number(&received).await, 1);
}

//! Deliveries that failed or were lost are found at the forge's API and made again; and what the
//! command says of it.

use process::settings::service::Service;
use reqwest::StatusCode;
use sample::delivery::{Push, SignedDelivery, sign};
use sample::hooks_api::{HooksApi, TOKEN};
use sample::lab::{FAILING, PASSING};
use sample::repository::Repository;
use serde_json::Value;
use tempfile::TempDir;
use testkit::house::House;
use testkit::wait;

use crate::push::LEARNER;
use crate::reconcile::{AT_ONCE, until_number};
use crate::site::{SECRET, Site, open_folder, write};

/// What adds GitHub's API to the source of a site, and the folder that its token is in.
pub(crate) fn with_api(api: &HooksApi) -> (String, TempDir) {
    let folder = open_folder();
    let token = folder.path().join("token");
    write(&token, TOKEN);
    let more = format!(
        "{AT_ONCE}\n[sources.github.api]\nurl = \"{}\"\ntoken_file = \"{}\"\n",
        api.url(),
        token.display()
    );
    (more, folder)
}

/// A learner's commit, with the webhook that tells of it and its GUID.
async fn missed(learner: &Repository) -> (String, SignedDelivery, String) {
    let before = learner.head("main").await.unwrap();
    let after = learner.commit("main", "missed", PASSING).await.unwrap();
    let push = Push {
        branch: "main",
        before: Some(&before),
        after: Some(&after),
    };
    let payload = push.payload(learner).await.unwrap();
    let guid = uuid::Uuid::now_v7().to_string();
    (after, sign("push", &guid, &payload, SECRET), guid)
}

pub(crate) async fn until_judged_once(site: &Site, commit: &str) {
    let of_commit = format!(
        "FROM verification_attempt v JOIN verification_request r ON r.id = v.request_id \
         JOIN lab_attempt a ON a.id = r.lab_attempt_id WHERE a.commit_sha = '{commit}'"
    );
    let judged = format!("SELECT count(*) {of_commit} AND v.result = 'pass'");
    until_number(site, "the push that was missed is judged", &judged, 1).await;
    let requests = format!("SELECT count(*) {of_commit}");
    assert_eq!(site.house.number(&requests).await, 1);
    let attempts = format!("SELECT count(*) FROM lab_attempt WHERE commit_sha = '{commit}'");
    assert_eq!(site.house.number(&attempts).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_was_answered_503_is_made_again_and_recorded_once_without_anybodys_doing() {
    let api = HooksApi::start().await.unwrap();
    let (more, _folder) = with_api(&api);
    let mut site = Site::furnish(House::start().await, &more).await;
    site.start_all().await;
    let (_lab, learner) = site.publish_lab().await;
    let hook = api.add_hook(LEARNER, &site.hooks_url());
    let first = site.push(&learner, FAILING).await;
    site.until_judged(&first).await;

    site.house.nats_mut().kill().await.unwrap();
    site.until_not_ready(Service::WebhookIngest, "bus").await;
    let (commit, signed, guid) = missed(&learner).await;
    assert_eq!(api.deliver(hook, &signed).await, 503);
    site.house.nats_mut().start_again().await.unwrap();

    // webhook-ingest asks for the comparison by itself.
    until_judged_once(&site, &commit).await;
    let tries: Vec<u16> = wait::until("it is made again", async || {
        let tries = api.tries(&guid);
        let statuses = tries.iter().map(|one| one.status).collect::<Vec<_>>();
        (tries.len() > 1)
            .then_some(statuses)
            .ok_or("once".to_owned())
    })
    .await;
    assert_eq!(tries, [503, 202]);
    let received = format!("SELECT count(*) FROM delivery_receipt WHERE forge_delivery = '{guid}'");
    until_number(&site, "the delivery is recorded", &received, 1).await;
    let status = site.assay_json(&["reconcile", "status", "--json"]).await;
    let gaps = status["gaps"].as_array().unwrap();
    let gap = gaps
        .iter()
        .find(|gap| gap["subject"] == guid.as_str())
        .unwrap();
    assert_eq!(gap["kind"], "delivery-failed", "{gap}");
    assert_eq!(gap["last_status"], 503, "{gap}");
    assert!(gap["closed_at"].is_string(), "{gap}");
    site.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_finds_a_lost_delivery_has_it_made_again_and_tells_of_it() {
    let api = HooksApi::start().await.unwrap();
    let (more, _folder) = with_api(&api);
    let mut site = Site::furnish(House::start().await, &more).await;
    site.start_all().await;
    let (_lab, learner) = site.publish_lab().await;
    let hook = api.add_hook(LEARNER, &site.hooks_url());
    let first = site.push(&learner, FAILING).await;
    site.until_judged(&first).await;
    let (commit, signed, guid) = missed(&learner).await;
    api.pretend(hook, &signed, 202, 5);

    let said = site.assay_ok(&["reconcile", "--plan"]).await;
    assert!(
        said.contains("1 seen at 1 hooks, 0 failed, 1 lost, 0 asked for again"),
        "{said}"
    );
    assert!(said.contains("a plan: nothing was asked for"), "{said}");
    assert_eq!(api.tries(&guid).len(), 1);

    let said = site.assay_ok(&["reconcile", "--source", "github"]).await;
    assert!(
        said.contains("1 seen at 1 hooks, 0 failed, 1 lost, 1 asked for again"),
        "{said}"
    );
    assert!(said.contains("2 compared in 1 repositories") || said.contains("1 compared in 1"));
    assert!(said.contains("gaps        all closed"), "{said}");
    assert!(said.contains(&guid), "{said}");
    until_judged_once(&site, &commit).await;

    let said = site.assay_json(&["reconcile", "--json"]).await;
    assert_eq!(said[0]["outcome"], "accepted", "{said}");
    assert_eq!(said[0]["result"]["delivery_gaps"], 0, "{said}");
    let said = site.assay_ok(&["reconcile", "status"]).await;
    assert!(
        said.contains("github delivery-lost: 1 found, 1 closed, 0 open, 0 expired"),
        "{said}"
    );
    let refused = site.assay(&["reconcile", "--source", "gitlab"]).await;
    assert_eq!(refused.code, Some(64), "{refused:?}");
    assert!(
        refused
            .err
            .contains("no source gitlab is configured; there is github"),
        "{refused:?}"
    );

    let asked = "assay_reconcile_redeliveries_requested_total{source=\"github\"} 1";
    site.until_counted(Service::Reconciler, asked).await;
    site.stop_all().await;
    for service in Service::ALL {
        let log = site.folder().join(format!("{service}.log"));
        let log = std::fs::read_to_string(log).unwrap();
        assert!(!log.contains(TOKEN), "{service} shows the token");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_made_no_delivery_is_found_and_brings_nothing_twice() {
    let mut site = Site::furnish(House::start().await, AT_ONCE).await;
    site.start_all().await;
    let (_lab, learner) = site.publish_lab().await;
    let first = site.push(&learner, PASSING).await;
    site.until_judged(&first).await;
    // One on what was pushed, and one on what nobody has pushed: a fork has such.
    learner.tag("v1", &first.head).await.unwrap();
    let strange = learner
        .commit("strange", "of a fork", FAILING)
        .await
        .unwrap();
    learner.tag("v0", &strange).await.unwrap();
    learner.delete_branch("strange").await.unwrap();
    let said = site.assay_json(&["reconcile", "--json"]).await;
    let result = &said[0]["result"];
    assert_eq!(result["ref_gaps"], 1, "{said}");
    assert_eq!(result["found"][0]["ref"], "refs/tags/v1", "{said}");
    assert_eq!(result["not_asked"], "the source has no api in the settings");
    let origin = "SELECT event, key, kind, after_sha FROM push p \
                  JOIN delivery d ON d.id = p.delivery_id WHERE ref_name = 'refs/tags/v1'";
    let row: Value = serde_json::from_str(&site.house.rows(origin).await[0]).unwrap();
    assert_eq!(row["event"], "assay-ref-found");
    assert_eq!(row["key"], "assay-reconciler");
    assert_eq!(
        (&row["kind"], &row["after_sha"]),
        (&"tag".into(), &first.head.as_str().into())
    );
    until_judged_once(&site, &first.head).await;
    let said = site.assay_json(&["reconcile", "--json"]).await;
    assert_eq!(said[0]["result"]["ref_gaps"], 0, "{said}");

    // Nobody but reconciler says such a thing, whoever signs it.
    let found = serde_json::json!({
        "repository": format!("github:{LEARNER}"), "ref_name": "refs/heads/main",
        "before": null, "after": first.head, "since": null,
    });
    let forged = sign("assay-ref-found", "forged", &found, SECRET);
    let refused = site
        .answers("a forged ref", &forged, StatusCode::BAD_REQUEST)
        .await;
    assert_eq!(refused["error"], "malformed", "{refused}");
    site.stop_all().await;
}

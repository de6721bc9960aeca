//! What a forge sends: everything that was recorded from GitHub, branches and tags.

use reqwest::StatusCode;
use sample::delivery::{Push, sign};
use sample::lab::PASSING;
use sample::repository::{Change, Repository};
use serde::Deserialize;
use serde_json::{Value, json};
use testkit::wait;
use uuid::Uuid;

use crate::push::LEARNER;
use crate::site::{SECRET, Site};

/// Deliveries recorded from GitHub; their licence is in the folder's README.
const RECORDED: &str = include_str!("../../../../shared/forge/tests/data/github-deliveries.jsonl");

#[derive(Deserialize)]
struct Recorded {
    event: String,
    payload: Value,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_github_sends_is_answered_recorded_and_followed() {
    let mut site = Site::start().await;
    let (_lab, learner) = site.publish_lab().await;
    let first = site.push(&learner, PASSING).await;
    site.until_judged(&first).await;
    let pushes = answers_what_github_sends(&site).await;
    follows_branches_and_tags(&site, &learner, &first.head).await;
    let last = site.push(&learner, PASSING_AGAIN).await;
    site.until_judged(&last).await;
    // The first, the last, a new branch, its deletion and a tag.
    let recorded = site.house.number("SELECT count(*) FROM delivery").await;
    assert_eq!(recorded, pushes + 5);
    site.misses_nothing(0).await;
    site.stop_all().await;
    site.assay_ok(&["verify-log"]).await;
}

/// A change that leaves what passes.
const PASSING_AGAIN: &[Change<'static>] = &[Change::File(b"notes.txt", b"!\n")];

/// Sends what was recorded from GitHub, signed; gives how many pushes were in it.
async fn answers_what_github_sends(site: &Site) -> i64 {
    let mut pushes = 0;
    for line in RECORDED.lines() {
        let Recorded { event, payload } = serde_json::from_str(line).unwrap();
        let id = Uuid::now_v7().to_string();
        let sent = sign(&event, &id, &payload, SECRET);
        let status = match event.as_str() {
            "ping" => StatusCode::OK,
            _ => StatusCode::ACCEPTED,
        };
        let body = site.answers(&event, &sent, status).await;
        match event.as_str() {
            "ping" => assert_eq!(body, json!({ "pong": true })),
            "push" => {
                pushes += 1;
                assert!(body["delivery"].is_string(), "{body}");
                let again = site.answers(&event, &sent, status).await;
                assert_eq!(again["duplicate"], true, "{again}");
                assert_eq!(again["delivery"], body["delivery"]);
            }
            _ => assert_eq!(body, json!({ "ignored": event })),
        }
    }
    wait::until("each push is recorded, and its repeat", async || {
        let deliveries = "SELECT count(*) FROM delivery WHERE event = 'push'";
        let repeats = "SELECT count(*) FROM audit_entry WHERE action = 'delivery-repeated'";
        let seen = (
            site.house.number(deliveries).await,
            site.house.number(repeats).await,
        );
        // The learner's first push is there too.
        (seen == (pushes + 1, pushes))
            .then_some(())
            .ok_or(format!("{seen:?} of {pushes}"))
    })
    .await;
    pushes
}

/// A new branch brings an attempt, a tag of a known commit and a branch's deletion bring none.
async fn follows_branches_and_tags(site: &Site, learner: &Repository, known: &str) {
    let change = [PASSING, PASSING_AGAIN].concat();
    let tip = learner
        .commit_onto(Some(known), "topic", "On a branch", &change)
        .await;
    let tip = tip.unwrap();
    let attempts = "SELECT count(*) FROM lab_attempt";
    let before = site.house.number(attempts).await;
    let new = Push {
        branch: "topic",
        before: None,
        after: Some(&tip),
    };
    let seen = site.until_judged(&site.post_push(learner, new).await).await;
    assert_eq!(seen["verifications"][0]["result"], "pass", "{seen}");
    // A forge lists what no other branch has; the sample lists all. What is known is no news, and
    // the commit that the session began with is no attempt.
    assert_eq!(site.house.number(attempts).await, before + 1);

    learner.delete_branch("topic").await.unwrap();
    let gone = Push {
        branch: "topic",
        before: Some(&tip),
        after: None,
    };
    let gone = site.post_push(learner, gone).await;
    let tag = learner.tag("v1", known).await.unwrap();
    let mut payload = Push {
        branch: "main",
        before: None,
        after: Some(known),
    }
    .payload(learner)
    .await
    .unwrap();
    payload["ref"] = json!("refs/tags/v1");
    payload["after"] = json!(tag);
    payload["commits"] = json!([]);
    let forge_id = Uuid::now_v7().to_string();
    let (status, _) = site
        .post(&sign("push", &forge_id, &payload, SECRET))
        .await
        .unwrap();
    for answered in [gone.status, status] {
        assert_eq!(answered, StatusCode::ACCEPTED);
    }
    wait::until("both are recorded as pushes without attempts", async || {
        let query = "SELECT kind, after_sha IS NULL AS gone FROM push
            WHERE repository = 'github:%' ORDER BY received_at DESC LIMIT 2"
            .replace('%', LEARNER);
        let rows = site.house.rows(&query).await;
        let wanted = [
            r#"{"kind":"tag","gone":false}"#,
            r#"{"kind":"branch","gone":true}"#,
        ];
        (rows == wanted).then_some(()).ok_or(format!("{rows:?}"))
    })
    .await;
    assert_eq!(site.house.number(attempts).await, before + 1);
}

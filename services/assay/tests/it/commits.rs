//! Every commit of a push is an attempt, marked by who named it; the template's history is none.

use process::settings::service::Service;
use sample::delivery::Push;
use sample::dialect::Dialect;
use serde_json::{Value, json};
use testkit::house::House;
use testkit::wait;

use crate::forges::{add_sources, post_push, repository};
use crate::site::Site;

/// The services that a push meets before it is verified.
const RECORDING: [Service; 3] = [
    Service::WebhookIngest,
    Service::AttemptWriter,
    Service::SnapshotBuilder,
];
/// Commits of the template before the learner's.
const HISTORY: u32 = 30;

/// Pushes a branch of so many commits, of which the forge lists so many, and waits until all are
/// attempts. `is_new` is a branch that was not there before.
pub(crate) async fn all_are_attempts(dialect: Dialect, commits: u32, listed: i64, is_new: bool) {
    let mut site = Site::furnish(House::start().await, "").await;
    add_sources(&site);
    for service in RECORDING {
        site.start_one(service);
    }
    for service in RECORDING {
        site.until_ready(service).await;
    }
    let (_lab, learner) = site.publish_lab().await;
    let start = learner.grow("main", HISTORY).await.unwrap();
    let repository = repository(dialect);
    let open = ["session", "open", "--lab", "calculator", "--repository"];
    let open = [&open[..], &[&repository, "--starting", &start]].concat();
    site.assay_ok(&open).await;
    // A branch at the template's end brings nothing.
    let begin = Push {
        branch: "main",
        before: None,
        after: Some(&start),
    };
    post_push(&site, dialect, &learner, begin).await;

    let first = [sample::repository::Change::File(b"begin", b"")];
    learner
        .commit_onto(Some(&start), "work", "begin", &first)
        .await
        .unwrap();
    let head = learner.grow("work", commits - 1).await.unwrap();
    let push = Push {
        branch: "work",
        before: (!is_new).then_some(&*start),
        after: Some(&head),
    };
    post_push(&site, dialect, &learner, push).await;
    until_all(&site, i64::from(commits)).await;

    let by = "SELECT listed, count(*)::integer AS count, count(DISTINCT commit_sha)::integer \
              AS shas, bool_and(branch = 'work') AS all_of_it \
              FROM lab_attempt GROUP BY 1 ORDER BY 1";
    let count = |rows: &[Value], listed: &str| {
        let row = rows.iter().find(|row| row["listed"] == listed).unwrap();
        assert_eq!(row["count"], row["shas"]);
        assert_eq!(row["all_of_it"], true, "the template's: {rows:?}");
        row["count"].as_i64().unwrap()
    };
    let rows = site.house.rows(by).await;
    let rows: Vec<Value> = rows
        .iter()
        .map(|r| serde_json::from_str(r).unwrap())
        .collect();
    let (git, payload) = (count(&rows, "git"), count(&rows, "payload"));
    assert_eq!(git + payload, i64::from(commits));
    // The head is named beside the list where the list ends before it.
    assert!((listed..=listed + 1).contains(&payload), "{rows:?}");
    println!("{dialect:?}: {payload} by the payload, {git} by git");
    assert_eq!(
        site.assay_json(&["status", "--json"]).await["ledger"]["attempts"],
        json!(commits)
    );
}

/// Waits until there are so many attempts, as long as the work goes on.
async fn until_all(site: &Site, attempts: i64) {
    let recorded = "SELECT count(*) FROM lab_attempt";
    let work =
        "SELECT (SELECT count(*) FROM lab_attempt) + (SELECT count(*) FROM attempt_snapshot)";
    let mut seen = -1;
    // Ends: each turn has seen more than the one before, or the wait gives up.
    while site.house.number(recorded).await < attempts {
        seen = wait::until("more of it is done", async || {
            let done = site.house.number(work).await;
            (done > seen).then_some(done).ok_or(format!("{done}"))
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_branch_brings_its_own_commits_listed_or_not_and_none_of_the_template() {
    all_are_attempts(Dialect::GitlabToken, 45, 20, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_moved_brings_all_of_its_commits_though_five_are_listed() {
    all_are_attempts(Dialect::Bitbucket, 45, 5, false).await;
}

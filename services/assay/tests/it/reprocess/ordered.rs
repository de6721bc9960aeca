//! Orders while they run and once they are carried out: rate, watch, stop, and what tells of them.

use sample::lab::{FAILING, PASSING};
use serde_json::json;
use testkit::wait;

use crate::reprocess::{REASON, site_with_a_past};
use crate::site::Site;
use testkit::past::Past;

#[tokio::test(flavor = "multi_thread")]
async fn an_order_under_a_rate_is_shown_while_it_runs_watched_and_stopped() {
    let site = site_with_a_past().await;
    let past = Past {
        repository: "github:a/slow",
        lab: "slow",
        result: "fail",
        attempts: 40,
        hours_ago: 1,
        ..Past::default()
    };
    past.write(&site.house).await;
    let give = [
        "reprocess",
        "--repository",
        "github:a/slow",
        "--rate",
        "2/s",
        "--reason",
        REASON,
    ];
    let said = site
        .assay_json(&[&give[..], &["--detach", "--json"]].concat())
        .await;
    let command = said["command"].as_str().unwrap();
    let of_order = format!("FROM verification_request WHERE cause = 'command:{command}'");
    // Pages of five seconds' worth, five seconds apart.
    let count = format!("SELECT count(*) {of_order}");
    wait::until("a second page is asked for", async || {
        let asked = site.house.number(&count).await;
        (asked > 10).then_some(()).ok_or(format!("{asked}"))
    })
    .await;
    let faster = format!(
        "SELECT count(*) FROM (SELECT recorded_at, \
         lag(recorded_at, 10) OVER (ORDER BY recorded_at) \
         AS tenth_before {of_order}) AS each WHERE recorded_at < tenth_before + interval '4.9 s'"
    );
    assert_eq!(
        site.house.number(&faster).await,
        0,
        "ten in five seconds at most"
    );

    is_shown(&site, command).await;

    let stop = ["reprocess", "stop", command, "--reason", "too early"];
    let stopped = site.assay_ok(&stop).await;
    assert!(stopped.contains("asks for nothing more"), "{stopped}");
    ends_judged(&site, &of_order).await;
    let watched = site
        .assay_json(&["reprocess", "watch", command, "--json"])
        .await;
    assert_eq!(watched["stopped"], true, "{watched}");
    assert_eq!(watched["progress"]["waiting"], 0, "{watched}");
    let asked = site.house.number(&count).await;
    assert!((11..40).contains(&asked), "{asked}");
    let status = site.assay_json(&["status", "--json"]).await;
    assert_eq!(status["orders"], json!([]), "{status}");
    let again = site.assay(&stop).await;
    assert!(
        again.err.contains("has asked for everything already"),
        "{again:?}"
    );
}

/// Checks that the status tells of an order that is under way.
async fn is_shown(site: &Site, command: &str) {
    let status = site.assay_json(&["status", "--json"]).await;
    let order = &status["orders"][0];
    assert_eq!(order["command"], command, "{status}");
    assert_eq!(order["attempts"], 40);
    assert_eq!(order["reason"], REASON);
    assert!(
        order["progress"]["requests"].as_i64().unwrap() > 10,
        "{order}"
    );
    let text = site.assay_ok(&["status"]).await;
    assert!(
        text.contains(&format!("order      {command} by operator")),
        "{text}"
    );
}

/// Waits until the order asks for nothing more, and lets all that it asked for pass.
async fn ends_judged(site: &Site, of_order: &str) {
    // What was asked for by then is judged, and the watch ends with it.
    let over = "SELECT count(*) FROM audit_entry WHERE action = 'reprocess-finished'";
    wait::until("the order is over", async || {
        let over = site.house.number(over).await;
        (over == 1).then_some(()).ok_or(format!("{over}"))
    })
    .await;
    site.house
        .sql(&format!(
            "INSERT INTO verification_attempt SELECT gen_random_uuid(), id, 1, 1, 'pass', NULL, \
             NULL, 1, 1, '[]', '{{}}', '{{}}', 'd', 'd', NULL, NULL, 'r', 'w', NULL, now(), now(), \
             now() {of_order}"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_verified_again_is_judged_and_says_who_ordered_it_and_why() {
    let mut site = Site::start().await;
    let (_lab, learner) = site.publish_lab().await;
    let failing = site.push(&learner, FAILING).await;
    site.until_judged(&failing).await;
    let passing = site.push(&learner, PASSING).await;
    site.until_judged(&passing).await;
    let give = [
        "reprocess",
        "--result",
        "fail",
        "--reason",
        REASON,
        "--actor",
        "ada",
        "--json",
    ];
    let done = site.assay_json(&give).await;
    assert_eq!(done["attempts"], 1, "{done}");
    assert_eq!(
        (&done["stopped"], &done["progress"]["failed"]),
        (&json!(false), &json!(1))
    );
    let command = done["command"].as_str().unwrap();
    let text = site.assay_ok(&["trace", &failing.forge_id]).await;
    let lineage = format!("asked for again by ada: {REASON} (command {command})");
    assert!(text.contains(&lineage), "{text}");
    let seen = site
        .assay_json(&["trace", "--json", &failing.forge_id])
        .await;
    let verifications = seen["verifications"].as_array().unwrap();
    assert_eq!(verifications.len(), 2, "{seen}");
    assert!(
        verifications.iter().any(|v| v["command_id"] == command),
        "{seen}"
    );
    // The other one was not asked for again.
    let other = site
        .assay_json(&["trace", "--json", &passing.forge_id])
        .await;
    assert_eq!(
        other["verifications"].as_array().unwrap().len(),
        1,
        "{other}"
    );
    site.misses_nothing(0).await;
    site.stop_all().await;
    site.assay_ok(&["verify-log", "--ledger"]).await;
}

//! A push's whole way through five processes, and what the operator is told of it.

use process::settings::service::Service;
use sample::lab::{FAILING, PASSING};
use serde_json::{Value, json};
use testkit::wait;

use crate::metrics;
use crate::push::LEARNER;
use crate::site::Site;

#[tokio::test(flavor = "multi_thread")]
async fn five_processes_judge_each_push_and_the_operators_commands_say_so() {
    let mut site = Site::start().await;
    let (_lab, learner) = site.publish_lab().await;
    let starting = learner.head("main").await.unwrap();
    let repository = format!("github:{LEARNER}");
    let opening = ["session", "open", "--lab", "calculator"];
    let opening = [&opening[..], &["--repository", &repository]].concat();
    let opening = [&opening[..], &["--starting", &starting]].concat();
    let opened = site.assay_ok(&opening).await;
    assert!(opened.starts_with("accepted: session "), "{opened}");
    let refused = site.assay(&opening).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused
            .err
            .contains("has an open session of calculator already"),
        "{refused:?}"
    );

    let passing = site.push(&learner, PASSING).await;
    let passed = site.until_judged(&passing).await;
    let failing = site.push(&learner, FAILING).await;
    let failed = site.until_judged(&failing).await;
    assert_eq!(passed["verifications"][0]["result"], "pass");
    assert_eq!(passed["verifications"][0]["points"], 10);
    assert_eq!(failed["verifications"][0]["result"], "fail");
    let detail = failed["verifications"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("subtracts"), "{detail}");
    for seen in [&passed, &failed] {
        assert_eq!(seen["attempts"].as_array().unwrap().len(), 1, "{seen}");
        assert!(seen["attempts"][0]["snapshot_digest"].is_string(), "{seen}");
    }

    says_the_results(&site, &passing.head).await;
    says_the_way(&site, &passing.forge_id, &passing.receipt, &passed).await;
    says_how_it_stands(&site).await;
    metrics::are_told(&site, &passing).await;
    site.stop_all().await;
    let log = site.assay_ok(&["verify-log"]).await;
    assert!(log.contains("0 entries waiting"), "{log}");
}

/// The passing commit counts, although a failing one came after it.
async fn says_the_results(site: &Site, passing: &str) {
    let results = ["results", "--lab", "calculator"];
    let rows = site.assay_json(&[&results[..], &["--json"]].concat()).await;
    let [row] = rows.as_array().unwrap().as_slice() else {
        panic!("one session has one row: {rows}");
    };
    for (key, value) in [
        ("repository", json!(format!("github:{LEARNER}"))),
        ("result", json!("pass")),
        ("points", json!(10)),
        ("points_max", json!(10)),
        ("commit_sha", json!(passing)),
        ("attempts", json!(2)),
        ("errors", json!(0)),
        ("waiting", json!(0)),
    ] {
        assert_eq!(row[key], value, "{key} in {row}");
    }
    let csv = site.assay_ok(&[&results[..], &["--csv"]].concat()).await;
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 2, "{csv}");
    assert!(
        lines[1].starts_with(&format!("github:{LEARNER},pass,10,10,{passing},")),
        "{csv}"
    );
    let table = site.assay_ok(&results).await;
    assert!(table.contains(LEARNER) && table.contains("pass"), "{table}");
}

/// A delivery is found by the forge's id, by ours and by its trace id, and is the receipt's.
async fn says_the_way(site: &Site, forge_id: &str, receipt: &Value, seen: &Value) {
    let id = receipt["delivery"].as_str().unwrap();
    let trace = receipt["trace_id"].as_str().unwrap();
    for name in [id, trace] {
        let same = site.assay_json(&["trace", "--json", name]).await;
        assert_eq!(same["delivery"], seen["delivery"], "{name}");
    }
    assert_eq!(seen["delivery"]["trace_id"], trace);
    let text = site.assay_ok(&["trace", forge_id]).await;
    for part in [
        "admitted: push of github",
        "delivery recorded",
        "attempt recorded",
        "snapshot ",
        "result: pass, 10 of 10 points",
        "log leaf",
        "checkpoint of",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let unknown = site.assay(&["trace", "never-sent"]).await;
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(
        unknown.err.contains("no delivery never-sent is recorded"),
        "{unknown:?}"
    );
}

async fn says_how_it_stands(site: &Site) {
    let status = site.assay_json(&["status", "--json"]).await;
    for (key, value) in [
        ("deliveries", 2),
        ("pushes", 2),
        ("sessions", 1),
        ("attempts", 2),
        ("requests", 2),
        ("passed", 1),
        ("failed", 1),
        ("errors", 0),
        ("retrying", 0),
        ("running", 0),
        ("queued_to_verify", 0),
        ("queued_to_snapshot", 0),
        ("pending", 0),
        ("conflicts", 0),
    ] {
        assert_eq!(status["ledger"][key], value, "{key} in {status}");
    }
    assert_eq!(status["missing"], 0, "{status}");
    // What is acked leaves its queue a moment later.
    wait::until("every queue is empty", async || {
        let status = site.assay_json(&["status", "--json"]).await;
        let full = |stream: &&Value| stream["name"] != "FACTS" && stream["messages"] != 0;
        match status["streams"].as_array().unwrap().iter().find(full) {
            None => Ok(()),
            Some(stream) => Err(stream.to_string()),
        }
    })
    .await;
    site.until_ready(Service::Auditor).await;
}

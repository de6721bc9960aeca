//! Pushes that made no delivery are found in git, and recorded as any other: once.

use bus::connect::Bus;
use contract::command::ReconcileRequested;
use contract::ids::CommandId;
use process::settings::service::Service;
use sample::delivery::Push;
use sample::lab::{FAILING, PASSING};
use serde_json::Value;
use testkit::house::House;
use testkit::wait;

use crate::push::LEARNER;
use crate::site::Site;

/// What is on its way needs no time to arrive in these tests: nothing is.
pub(crate) const AT_ONCE: &str = "[reconcile]\ngrace_seconds = 0\nevery_seconds = 86400";

/// Asks for a comparison; gives the command.
async fn ask(bus: &Bus, plan: bool) -> CommandId {
    let command = CommandId::new();
    let asked = ReconcileRequested {
        command,
        actor: "operator".parse().unwrap(),
        source: "github".parse().unwrap(),
        repository: None,
        since: None,
        reason: "a test".to_owned(),
        plan,
    };
    bus.publish(&asked).await.unwrap();
    command
}

/// What came of a command.
async fn result_of(site: &Site, command: CommandId) -> Value {
    let query = format!("SELECT outcome, result FROM command WHERE id = '{command}'");
    let row: Value = wait::until("the comparison has an outcome", async || {
        let rows = site.house.rows(&query).await;
        let row = rows.first().ok_or("none yet")?;
        serde_json::from_str(row).map_err(|error| error.to_string())
    })
    .await;
    assert_eq!(row["outcome"], "accepted", "{row}");
    row["result"].clone()
}

pub(crate) async fn until_number(site: &Site, what: &str, query: &str, expected: i64) {
    wait::until(what, async || {
        let found = site.house.number(query).await;
        (found == expected).then_some(()).ok_or(format!("{found}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_without_a_delivery_is_found_recorded_and_verified_once() {
    let mut site = Site::furnish(House::start().await, AT_ONCE).await;
    site.start_all().await;
    let (_lab, learner) = site.publish_lab().await;
    let first = site.push(&learner, FAILING).await;
    site.until_judged(&first).await;
    // The webhooks are off: a push, and a branch that is made and one that is there no more.
    let before = learner.head("main").await.unwrap();
    let missed = learner.commit("main", "unseen", PASSING).await.unwrap();

    let bus = site.house.bus("assay").await;
    let plan = ask(&bus, true).await;
    let planned = result_of(&site, plan).await;
    assert_eq!(planned["ref_gaps"], 1, "{planned}");
    assert_eq!(planned["found"][0]["after"], missed.as_str());
    let gaps = "SELECT count(*) FROM reconciliation_gap";
    assert_eq!(site.house.number(gaps).await, 0, "a plan changes nothing");

    // Two at a time, and another process of the service that looks as well.
    let both = [ask(&bus, false).await, ask(&bus, false).await];
    for command in both {
        result_of(&site, command).await;
    }
    let judged = format!(
        "SELECT count(*) FROM verification_attempt v JOIN verification_request r \
         ON r.id = v.request_id JOIN lab_attempt a ON a.id = r.lab_attempt_id \
         WHERE a.commit_sha = '{missed}' AND v.result = 'pass'"
    );
    until_number(&site, "the push that was missed is judged", &judged, 1).await;
    assert_eq!(site.house.number(gaps).await, 1);
    let found = "SELECT count(*) FROM delivery WHERE event = 'assay-ref-found'";
    assert_eq!(site.house.number(found).await, 1);

    // Its delivery comes after all.
    let late = Push {
        branch: "main",
        before: Some(&before),
        after: Some(&missed),
    };
    site.post_push(&learner, late).await;
    let pushes = format!("SELECT count(*) FROM push WHERE after_sha = '{missed}'");
    until_number(&site, "the late delivery is recorded", &pushes, 2).await;
    let requests = format!(
        "SELECT count(*) FROM verification_request r JOIN lab_attempt a \
         ON a.id = r.lab_attempt_id WHERE a.commit_sha = '{missed}'"
    );
    let attempts = format!("SELECT count(*) FROM lab_attempt WHERE commit_sha = '{missed}'");
    assert_eq!(site.house.number(&attempts).await, 1);
    assert_eq!(site.house.number(&requests).await, 1);
    let again = ask(&bus, false).await;
    let again = result_of(&site, again).await;
    assert_eq!(again["ref_gaps"], 0, "{again}");

    let none = "assay_reconcile_gaps{source=\"github\",kind=\"ref\"} 0";
    site.until_counted(Service::Reconciler, none).await;
    site.stop_all().await;
    let log = site.assay_ok(&["verify-log", "--ledger"]).await;
    assert!(log.contains("0 entries waiting"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_that_were_made_forced_and_deleted_unseen_are_found_as_what_they_are() {
    let mut site = Site::furnish(House::start().await, AT_ONCE).await;
    site.start_all().await;
    let (_lab, learner) = site.publish_lab().await;
    let template = learner.head("main").await.unwrap();
    let first = site.push(&learner, FAILING).await;
    site.until_judged(&first).await;
    let bus = site.house.bus("assay").await;
    // A new branch, and main is forced elsewhere.
    let topic = learner
        .commit_onto(Some(&first.head), "topic", "a topic", PASSING)
        .await
        .unwrap();
    let forced = learner
        .commit_onto(Some(&template), "main", "anew", PASSING)
        .await
        .unwrap();
    let result = result_of(&site, ask(&bus, false).await).await;
    assert_eq!(result["ref_gaps"], 2, "{result}");
    let heads =
        format!("SELECT count(*) FROM lab_attempt WHERE commit_sha IN ('{topic}', '{forced}')");
    until_number(&site, "both heads are attempts", &heads, 2).await;
    learner.delete_branch("topic").await.unwrap();
    let result = result_of(&site, ask(&bus, false).await).await;
    assert_eq!(result["ref_gaps"], 1, "{result}");
    assert_eq!(result["found"][0]["after"], Value::Null, "{result}");
    let gone =
        "SELECT count(*) FROM push WHERE ref_name = 'refs/heads/topic' AND after_sha IS NULL";
    until_number(&site, "the deletion is recorded", gone, 1).await;
    let result = result_of(&site, ask(&bus, false).await).await;
    assert_eq!(result["ref_gaps"], 0, "{result}");
    let history = format!("SELECT count(*) FROM lab_attempt WHERE commit_sha = '{template}'");
    assert_eq!(
        site.house.number(&history).await,
        0,
        "the template's history of {LEARNER}"
    );
    site.stop_all().await;
}

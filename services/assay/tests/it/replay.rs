//! A result is reproduced from what is kept of it, or it is said that it is not.

use sample::lab::PASSING;
use sample::repository::{Change, Clock, Repository};
use serde_json::{Value, json};

use crate::push::LEARNER;
use crate::site::Site;

/// A lab whose only step comes out one way or the other by chance.
const BY_CHANCE: &str = r#"
[lab]
slug = "chance"
[session]
enrol = ["github:chance/*"]
[[step]]
name = "toss"
run = "test $(od -An -N1 -tu1 /dev/urandom) -lt 128"
points = 4
"#;
/// Replays after which a result by chance has surely come out both ways.
const TOSSES: &str = "30";

async fn verification(site: &Site, learner: &Repository, changes: &[Change<'_>]) -> String {
    let posted = site.push(learner, changes).await;
    let judged = site.until_judged(&posted).await;
    let id = judged["verifications"][0]["id"].as_str();
    id.expect("a verification has an id").to_owned()
}

async fn results(site: &Site) -> Vec<String> {
    let rows = "SELECT id, result, points FROM verification_attempt ORDER BY id";
    site.house.rows(rows).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_is_run_again_from_what_is_kept_and_its_result_stays() {
    let site = Site::start().await;
    let (_lab, learner) = site.publish_lab().await;
    let id = verification(&site, &learner, PASSING).await;
    let before = results(&site).await;

    let replayed = site
        .assay_json(&["replay", &id, "--times", "2", "--json"])
        .await;
    assert_eq!(replayed["verdict"], "agrees", "{replayed:#}");
    assert_eq!(
        (&replayed["times"], &replayed["agreeing"]),
        (&json!(2), &json!(2))
    );
    for replay in replayed["replays"].as_array().unwrap() {
        assert_eq!(
            (&replay["result"], &replay["points"]),
            (&json!("pass"), &json!(10))
        );
        assert_eq!(replay["differences"], json!([]));
        assert_eq!(
            (&replay["same_box"], &replay["same_tools"]),
            (&json!(true), &json!(true))
        );
    }
    let said = site.assay_ok(&["replay", &id]).await;
    assert!(said.contains("agrees: 1 of 1 came out as before"), "{said}");
    assert_eq!(
        results(&site).await,
        before,
        "nothing was added, nothing was changed"
    );
    let orders = "SELECT count(*) FROM command WHERE kind = 'replay' AND outcome = 'accepted'";
    assert_eq!(site.house.number(orders).await, 3, "each is on record");

    for (unknown, why) in [(uuid::Uuid::nil().to_string(), "no verification")] {
        let refused = site.assay(&["replay", &unknown]).await;
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.err.contains(why), "{refused:?}");
    }

    // What made the result is gone: that is said, and nothing is made up.
    let labs = site.folder().join("objects/labs");
    std::fs::remove_dir_all(&labs).unwrap();
    std::fs::create_dir(&labs).unwrap();
    let refused = site.assay(&["replay", &id]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused
            .err
            .contains("it could not be run again: snapshot-unavailable"),
        "{refused:?}"
    );
    assert_eq!(results(&site).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_comes_out_both_ways_is_said_to_be_flaky() {
    let site = Site::start().await;
    let lab = site
        .forge
        .create("labs/chance", Clock::Fixed)
        .await
        .unwrap();
    let toml = Change::File(b"lab.toml", BY_CHANCE.as_bytes());
    lab.commit("main", "Write it", &[toml]).await.unwrap();
    site.assay_ok(&["lab", "publish", &lab.clone_url()]).await;
    let learner = site.forge.create("chance/ada", Clock::Fixed).await.unwrap();
    let first = Change::File(b"README.md", b"begin\n");
    learner.commit("main", "Begin", &[first]).await.unwrap();
    let change = Change::File(b"README.md", b"go on\n");
    let id = verification(&site, &learner, &[change]).await;

    let said = site
        .assay(&["replay", &id, "--times", TOSSES, "--json"])
        .await;
    assert_eq!(said.code, Some(1), "it is not reproduced: {said:?}");
    let replayed: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(replayed["verdict"], "flaky", "{replayed:#}");
    let replays = replayed["replays"].as_array().unwrap();
    let differing = replays.iter().find(|replay| replay["agrees"] == false);
    let differences = differing.unwrap()["differences"].as_array().unwrap();
    let told = differences.iter().any(|line| {
        let line = line.as_str().unwrap();
        line.starts_with("toss: ended: exit code ")
    });
    assert!(told, "{differences:?}");
    assert_eq!(results(&site).await.len(), 1, "{LEARNER}");
}

//! Labs that have nothing run.

use sample::lab::PASSING;
use sample::repository::{Change, Clock};
use serde_json::json;

use crate::office::{Office, publish};
use crate::world::sha;

const LAB: &str = "[lab]\nslug = \"unchecked\"\n[verify]\nexecutor = \"none\"\n";

async fn location(office: &Office) -> String {
    let forge = &office.world.forge;
    let lab = forge.create("labs/unchecked", Clock::Fixed).await.unwrap();
    let content = [Change::File(b"lab.toml", LAB.as_bytes())];
    lab.commit("main", "Ask for nothing", &content)
        .await
        .unwrap();
    lab.clone_url()
}

#[tokio::test]
async fn a_lab_whose_executor_is_none_is_refused_unless_a_setting_allows_it() {
    let office = Office::open().await;
    let request = publish(&location(&office).await, None);
    office.bus.publish(&request).await.unwrap();
    let command = office.command(&request).await;
    assert_eq!(command["outcome"], "refused", "{command}");
    let reason = command["reason"].as_str().unwrap();
    assert!(reason.contains("verifier.allow_executor_none"), "{reason}");
    office.close().await;
}

#[tokio::test]
async fn a_push_to_such_a_lab_is_handed_on_and_nothing_is_fetched_or_kept() {
    let office = Office::open_with("verifier.allow_executor_none", true).await;
    let request = publish(&location(&office).await, None);
    let session = office.session_of(&request).await;
    let fetches = office.world.forge.fetch_count();
    let learner = &office.world.learner;
    let one = sha(&learner.commit("main", "One", PASSING).await.unwrap());
    let before = Some(&office.world.starting);
    let job = office
        .record_push(&session, "branch", before, &[&one], json!({}))
        .await;
    office.bus.publish(&job).await.unwrap();
    let asked = office.unchecked(1).await;
    assert_eq!(asked[0].requests, [job.attempts[0].request.unwrap()]);
    assert_eq!((asked[0].push, asked[0].try_number), (job.push.push, 1));
    office.settled("snapshot-builder-live").await;
    assert_eq!(office.world.forge.fetch_count(), fetches);
    let kept = "SELECT count(*) FROM attempt_snapshot";
    assert_eq!(office.house.number(kept).await, 0);
    // Who waits for what git has beyond the payload hears that it is nothing.
    let mut lists = job.clone();
    lists.lists = true;
    office.say_again(&lists).await;
    let found = office.found(1).await;
    assert!(found[0].commits.is_empty() && found[0].parts == 1);
    office.close().await;
}

//! A push's mark at its forge, in the whole house; and whoever marks may die at any time.

use process::settings::service::Service;
use sample::lab::{FAILING, PASSING};
use sample::status_api::{Dialect, Posted, StatusApi, TOKEN};
use testkit::house::House;
use testkit::wait;

use crate::push::LEARNER;
use crate::site::{Site, write};

/// A site whose forge takes commit statuses.
async fn marking(api: &StatusApi) -> Site {
    let house = House::start().await;
    let token = house.folder("marks").join("token");
    write(&token, TOKEN);
    let more = format!(
        "[sources.github.status]\nurl = \"{}\"\ntoken_file = \"{}\"\n\
         target_url = \"https://assay.example/{{attempt}}\"",
        api.url(),
        token.display()
    );
    let mut site = Site::furnish(house, &more).await;
    site.start_all().await;
    site
}

/// What the forge was told of a commit, in order.
fn told(api: &StatusApi, commit: &str) -> Vec<Posted> {
    let mut posted = api.posted();
    posted.retain(|one| one.commit == commit);
    posted
}

/// Waits until the newest mark of a commit is this one.
async fn until_marked(api: &StatusApi, commit: &str, state: &str) -> Posted {
    wait::until(&format!("{commit} is marked: {state}"), async || {
        let told = told(api, commit);
        let last = told.last().filter(|last| last.state == state);
        last.cloned().ok_or(format!("{told:?}"))
    })
    .await
}

/// Waits until the ledger has this mark as the newest of a commit, and nothing is due.
async fn until_kept(site: &Site, commit: &str, state: &str) {
    let newest = format!(
        "SELECT r.state FROM status_report r JOIN lab_attempt a ON a.id = r.lab_attempt_id \
         WHERE a.commit_sha = '{commit}' ORDER BY r.number DESC LIMIT 1"
    );
    wait::until(&format!("{state} is on record"), async || {
        let due = site
            .house
            .number("SELECT count(*) FROM work.status_due")
            .await;
        let kept = site.house.rows(&newest).await;
        let is_kept = due == 0 && kept.first().is_some_and(|row| row.contains(state));
        is_kept.then_some(()).ok_or(format!("{due} due, {kept:?}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_push_is_marked_at_its_forge_and_who_marks_may_die_meanwhile() {
    let api = StatusApi::start(Dialect::Github).await.unwrap();
    let mut site = marking(&api).await;
    let (_lab, learner) = site.publish_lab().await;

    let passing = site.push(&learner, PASSING).await;
    let mark = until_marked(&api, &passing.head, "success").await;
    assert_eq!(
        (mark.repository.as_str(), mark.context.as_str()),
        (LEARNER, "assay/calculator")
    );
    assert_eq!(mark.description, "10 of 10 points");
    let seen = site.until_judged(&passing).await;
    let attempt = seen["attempts"][0]["id"].as_str().unwrap();
    assert_eq!(
        mark.target_url,
        Some(format!("https://assay.example/{attempt}"))
    );
    until_kept(&site, &passing.head, "success").await;

    // Killed between the forge's answer and its row, while all others go on.
    api.hold(true);
    let failing = site.push(&learner, FAILING).await;
    wait::until("the forge is told", async || {
        let told = told(&api, &failing.head);
        told.first()
            .map(|_| ())
            .ok_or_else(|| "nothing yet".to_owned())
    })
    .await;
    site.kill(Service::StatusReporter);
    api.hold(false);
    site.until_judged(&failing).await;
    // Nobody is there to be told of this one.
    let unseen = site.push(&learner, PASSING).await;
    site.until_judged(&unseen).await;
    assert_eq!(told(&api, &unseen.head), []);

    site.start_one(Service::StatusReporter);
    let mark = until_marked(&api, &failing.head, "failure").await;
    assert!(mark.description.contains("subtracts"), "{mark:?}");
    until_marked(&api, &unseen.head, "success").await;
    for (commit, state) in [(&failing.head, "failure"), (&unseen.head, "success")] {
        until_kept(&site, commit, state).await;
    }
    assert_eq!(told(&api, &passing.head).last().unwrap().state, "success");
    site.misses_nothing(0).await;
    site.stop_all().await;
    let log = site.assay_ok(&["verify-log", "--ledger"]).await;
    assert!(log.contains("0 entries waiting"), "{log}");
}

//! Verifiers that die, stop for longer than their lease, or work for longer than the queue waits.

use process::health::Health;
use process::settings::Settings;
use process::settings::service::Service;
use rustix::process::Signal;
use sample::lab::LAB_TOML;
use sample::repository::{Change, Clock, Repository};
use serde_json::{Value, json};
use testkit::wait;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::push::Posted;
use crate::site::{Site, open_folder};

/// A second verifier, in this process, by the site's settings but in a folder of its own.
struct Second {
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
    _scratch: tempfile::TempDir,
}

impl Second {
    fn start(site: &Site) -> Self {
        let settings = Settings::load_from(Some(&site.config()), []).unwrap();
        let scratch = open_folder();
        let folder = json!(scratch.path().join("scratch"));
        let settings = settings.with("verifier.scratch_folder", folder).unwrap();
        let stop = CancellationToken::new();
        let told = stop.clone();
        let task =
            tokio::spawn(async move { verifier::run::run(&settings, &Health::new(), told).await });
        Self {
            stop,
            task,
            _scratch: scratch,
        }
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }
}

/// A push whose check takes so many seconds, posted.
async fn slow_push(site: &Site, seconds: u32) -> Posted {
    let toml = LAB_TOML
        .replace("sh tests/run.sh", &format!("sleep {seconds}"))
        .replace("junit:report.xml", "exit-code")
        .replace("wall_seconds = 20", "wall_seconds = 600")
        .replace("expected_tests = [\"adds\", \"subtracts\"]", "");
    let make = async |name: &str| -> Repository {
        let repository = site.forge.create(name, Clock::Fixed).await.unwrap();
        let toml = Change::File(b"lab.toml", toml.as_bytes());
        repository.commit("main", "Begin", &[toml]).await.unwrap();
        repository
    };
    let lab = make("labs/slow").await;
    site.assay_ok(&["lab", "publish", &lab.clone_url()]).await;
    let learner = make("course-1/intro-ada").await;
    let change = Change::File(b"answer", b"42\n");
    site.push(&learner, &[change]).await
}

async fn until_number(site: &Site, query: &str, number: i64) {
    wait::until(query, async || match site.house.number(query).await {
        found if found == number => Ok(()),
        found => Err(format!("{found}, not {number}")),
    })
    .await;
}

async fn row(site: &Site, query: &str) -> Value {
    serde_json::from_str(&site.house.rows(query).await[0]).unwrap()
}

const CLAIMS: &str = "SELECT count(*) FROM verification_claim";
const RESULTS: &str = "SELECT count(*) FROM verification_attempt";
const RESULT: &str = "SELECT result, token, worker FROM verification_attempt";

#[tokio::test(flavor = "multi_thread")]
async fn a_job_longer_than_the_ack_wait_runs_once() {
    let site = Site::start().await;
    let second = Second::start(&site);
    slow_push(&site, 35).await;
    until_number(&site, CLAIMS, 1).await;
    until_number(&site, RESULTS, 1).await;
    assert_eq!(site.house.number(CLAIMS).await, 1, "nobody else began it");
    assert_eq!(row(&site, RESULT).await["result"], "pass");
    second.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_in_a_run_leads_to_one_result_by_another() {
    let mut site = Site::start().await;
    slow_push(&site, 5).await;
    until_number(&site, CLAIMS, 1).await;
    site.kill(Service::Verifier);
    let second = Second::start(&site);
    until_number(&site, RESULTS, 1).await;
    let result = row(&site, RESULT).await;
    assert_eq!(
        (&result["result"], &result["token"]),
        (&json!("pass"), &json!(2))
    );
    let first = row(
        &site,
        "SELECT worker FROM verification_claim WHERE token = 1",
    )
    .await;
    assert_ne!(result["worker"], first["worker"]);
    second.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_late_result_of_a_worker_that_lost_its_lease_is_refused_and_recorded() {
    let mut site = Site::start().await;
    slow_push(&site, 3).await;
    until_number(&site, CLAIMS, 1).await;
    let mut stopped = site.take(Service::Verifier);
    stopped.signal(Signal::STOP);
    let second = Second::start(&site);
    until_number(&site, RESULTS, 1).await;
    let counted = row(&site, RESULT).await;
    assert_eq!(
        (&counted["result"], &counted["token"]),
        (&json!("pass"), &json!(2))
    );

    stopped.signal(Signal::CONT);
    until_number(&site, "SELECT count(*) FROM verification_refused", 1).await;
    let late = row(&site, "SELECT token, worker FROM verification_refused").await;
    assert_eq!(late["token"], 1);
    assert_ne!(late["worker"], counted["worker"]);
    let entries = "SELECT count(*) FROM audit_entry WHERE action = 'verification-refused'";
    assert_eq!(site.house.number(entries).await, 1);
    assert_eq!(site.house.number(RESULTS).await, 1, "one result counts");
    stopped.signal(Signal::TERM);
    assert!(stopped.ended().await.success());
    second.end().await;
}

//! What stands still behind a part that is stopped: it is accepted up to a bound, refused beyond it,
//! and done in its order once the part is back. Nothing is lost, and no message dies of it; the
//! checker says so too.

use process::settings::service::Service;
use reqwest::StatusCode;
use sample::lab::{FAILING, PASSING};
use sample::repository::Repository;
use testkit::bucket::BucketServer;
use testkit::wait;
use witness::account::Account;

use crate::long::bucket;
use crate::push::Posted;
use crate::site::{Site, open_folder};

/// Deliveries that the queue takes beyond those that are on their way.
const ROOM: usize = 6;
/// Pushes that are made at most until one is refused.
const PUSHES_MAX: usize = 60;

/// A learner's pushes, as they were answered, and what the checker is told of them.
struct Pushes<'a> {
    learner: &'a Repository,
    account: Account,
    accepted: Vec<Posted>,
}

impl<'a> Pushes<'a> {
    /// The learner has made one push, and it is judged.
    async fn begin(site: &Site, learner: &'a Repository) -> Self {
        let account = Account::begin(&site.folder().join("sent.jsonl"));
        let mut pushes = Self {
            learner,
            account,
            accepted: Vec::new(),
        };
        assert!(pushes.push(site).await.is_none());
        site.until_judged(&pushes.accepted[0]).await;
        pushes
    }

    /// Pushes what passes and what fails, by turns. Gives it back where it is refused for now.
    async fn push(&mut self, site: &Site) -> Option<(Posted, &'static str)> {
        let (changes, result) = match self.accepted.len() % 2 {
            0 => (PASSING, "pass"),
            _ => (FAILING, "fail"),
        };
        let posted = site.push(self.learner, changes).await;
        posted.note(&self.account, result);
        match posted.status {
            StatusCode::ACCEPTED => self.accepted.push(posted),
            StatusCode::SERVICE_UNAVAILABLE => return Some((posted, result)),
            other => panic!("{other}: {}", posted.receipt),
        }
        None
    }

    /// Pushes until one is refused: gives that one, how it must come out, and how many were
    /// accepted before it.
    async fn until_refused(&mut self, site: &Site) -> (Posted, &'static str, usize) {
        let before = self.accepted.len();
        for _ in 0..PUSHES_MAX {
            if let Some((refused, result)) = self.push(site).await {
                return (refused, result, self.accepted.len() - before);
            }
        }
        panic!("none of {PUSHES_MAX} pushes was refused")
    }
}

/// What is refused for now says when to come again.
async fn says_when_to_come_again(site: &Site, refused: &Posted) {
    let mut request = site.client.post(site.hooks_url());
    for (name, value) in &refused.signed.headers {
        request = request.header(*name, value);
    }
    let answer = request.body(refused.signed.body.clone()).send().await;
    let answer = answer.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let wait = answer.headers()["retry-after"].to_str().unwrap();
    assert!(wait.parse::<u64>().unwrap() > 0, "{wait}");
    let (status, _) = site.ask(Service::WebhookIngest, "/live").await.unwrap();
    assert_eq!(status, StatusCode::OK);
}

/// Everything that was accepted is judged, in the ledger once, and taken in in its order; what was
/// refused is taken now.
async fn all_is_done(site: &mut Site, pushes: Pushes<'_>, refused: &Posted, result: &str) {
    for posted in &pushes.accepted {
        site.until_judged(posted).await;
    }
    let again = wait::until("what was refused is taken", async || {
        match site.post(&refused.signed).await {
            Ok((StatusCode::ACCEPTED, receipt)) => Ok(receipt),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert_eq!(again["duplicate"], false, "{again}");
    refused.note_answer(&pushes.account, result, StatusCode::ACCEPTED, &again);
    let all = i64::try_from(pushes.accepted.len() + 1).unwrap();
    for each in ["delivery", "verification_attempt"] {
        wait::until("each is recorded and judged", async || {
            let query = format!("SELECT count(*) FROM {each}");
            match site.house.number(&query).await {
                count if count == all => Ok(()),
                count => Err(format!("{count} of {all} in {each}")),
            }
        })
        .await;
    }
    let younger_first = "SELECT count(*) FROM delivery AS older JOIN delivery AS younger \
        ON older.received_at < younger.received_at AND older.recorded_at > younger.recorded_at";
    assert_eq!(site.house.number(younger_first).await, 0);
    site.misses_nothing(0).await;
    let empty = "assay_consumer_drain_seconds{consumer=\"attempt-writer\"} 0";
    site.until_counted(Service::AttemptWriter, empty).await;
    site.assay_ok(&["completeness"]).await;
    site.stop_all().await;
    let log = site.assay_ok(&["verify-log", "--ledger"]).await;
    assert!(log.contains("0 entries waiting"), "{log}");
    site.the_checker_agrees(&pushes.account).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_postgres_deliveries_are_taken_to_the_bound_and_none_of_them_is_lost() {
    let mut site = Site::start().await;
    let (_lab, learner) = site.publish_lab().await;
    let mut pushes = Pushes::begin(&site, &learner).await;
    site.house.postgres_mut().kill().await.unwrap();
    site.until_not_ready(Service::AttemptWriter, "ledger").await;
    let (refused, result) = is_taken_to_the_bound(&site, &mut pushes).await;
    site.house.postgres_mut().start_again().await.unwrap();
    all_is_done(&mut site, pushes, &refused, result).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_object_store_deliveries_are_taken_to_the_bound_and_none_of_them_is_lost() {
    let scratch = open_folder();
    let mut server = BucketServer::start(&scratch.path().join("weed")).await;
    let mut site = bucket::furnish(&server, scratch.path()).await;
    site.start_all().await;
    let (_lab, learner) = site.publish_lab().await;
    let mut pushes = Pushes::begin(&site, &learner).await;
    server.kill();
    let stand_on_it = [
        Service::AttemptWriter,
        Service::SnapshotBuilder,
        Service::Verifier,
    ];
    for service in stand_on_it {
        site.until_not_ready(service, "objects").await;
    }
    let (refused, result) = is_taken_to_the_bound(&site, &mut pushes).await;
    server.start_again().await;
    all_is_done(&mut site, pushes, &refused, result).await;
}

/// While nobody takes anything in, webhooks are accepted up to the bound and refused beyond it; it
/// is predicted that this never ends. Gives what was refused and how it must come out.
async fn is_taken_to_the_bound(site: &Site, pushes: &mut Pushes<'_>) -> (Posted, &'static str) {
    let room = i64::try_from(ROOM).unwrap();
    site.house.bound_stream("DELIVERIES", room).await;
    let (refused, result, taken) = pushes.until_refused(site).await;
    assert_eq!(taken, ROOM);
    says_when_to_come_again(site, &refused).await;
    // Nothing is handled, and that is what is predicted.
    let never = "assay_consumer_drain_seconds{consumer=\"attempt-writer\"} 604800";
    site.until_counted(Service::AttemptWriter, never).await;
    (refused, result)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_verifier_each_stage_before_it_waits_and_none_gives_a_message_up() {
    let mut site = Site::start().await;
    let (_lab, learner) = site.publish_lab().await;
    let mut pushes = Pushes::begin(&site, &learner).await;
    site.stop(Service::Verifier).await;
    // One of a session waits in the live lane, the others behind it in bulk, and all are here.
    site.house.bound_stream("JOBS", 10).await;
    for number in 0..8_i64 {
        assert!(pushes.push(&site).await.is_none());
        let preserved = "SELECT count(*) FROM attempt_snapshot";
        wait::until("the tree is preserved", async || {
            match site.house.number(preserved).await {
                count if count == number + 2 => Ok(()),
                count => Err(count.to_string()),
            }
        })
        .await;
    }
    site.until_not_ready(Service::AttemptWriter, "JOBS is 80 % full")
        .await;
    site.until_ready(Service::SnapshotBuilder).await;
    let room = i64::try_from(ROOM).unwrap();
    site.house.bound_stream("DELIVERIES", room).await;
    let (refused, result, taken) = pushes.until_refused(&site).await;
    // A pull that was under way when the intake was shut may still take one.
    assert!([ROOM, ROOM + 1].contains(&taken), "{taken}");
    says_when_to_come_again(&site, &refused).await;
    // Who starts refuses streams that are not as they must be; who runs goes on.
    for stream in ["JOBS", "DELIVERIES"] {
        site.house.bound_stream(stream, -1).await;
    }
    site.start_one(Service::Verifier);
    all_is_done(&mut site, pushes, &refused, result).await;
}

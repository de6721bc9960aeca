//! What stands still behind a part that is stopped: it is accepted up to a bound, refused beyond it,
//! and done in its order once the part is back. Nothing is lost, and no message dies of it.

use process::settings::service::Service;
use reqwest::StatusCode;
use sample::lab::{FAILING, PASSING};
use sample::repository::Repository;
use testkit::wait;

use crate::push::Posted;
use crate::site::Site;

/// Deliveries that the queue takes beyond those that are on their way.
const ROOM: usize = 6;
/// Pushes that are made at most until one is refused.
const PUSHES_MAX: usize = 60;

/// Pushes until one is refused, and gives those that were accepted and the one that was not.
async fn push_until_refused(site: &Site, learner: &Repository) -> (Vec<Posted>, Posted) {
    let mut accepted: Vec<Posted> = Vec::new();
    for number in 0..PUSHES_MAX {
        let changes = if number % 2 == 0 { PASSING } else { FAILING };
        let posted = site.push(learner, changes).await;
        match posted.status {
            StatusCode::ACCEPTED => accepted.push(posted),
            StatusCode::SERVICE_UNAVAILABLE => return (accepted, posted),
            other => panic!("{other}: {}", posted.receipt),
        }
    }
    panic!("none of {PUSHES_MAX} pushes was refused")
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
async fn all_is_done(site: &mut Site, accepted: &[Posted], refused: &Posted) {
    for posted in accepted {
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
    let all = i64::try_from(accepted.len() + 1).unwrap();
    wait::until("each is recorded", async || {
        match site.house.number("SELECT count(*) FROM delivery").await {
            count if count == all => Ok(()),
            count => Err(format!("{count} of {all}")),
        }
    })
    .await;
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
}

#[tokio::test(flavor = "multi_thread")]
async fn without_postgres_deliveries_are_taken_to_the_bound_and_none_of_them_is_lost() {
    let mut site = Site::start().await;
    let (_lab, learner) = site.publish_lab().await;
    let first = site.push(&learner, PASSING).await;
    site.until_judged(&first).await;
    site.house.postgres_mut().kill().await.unwrap();
    site.until_not_ready(Service::AttemptWriter, "ledger").await;
    let room = i64::try_from(ROOM).unwrap();
    site.house.bound_stream("DELIVERIES", room).await;
    let (mut accepted, refused) = push_until_refused(&site, &learner).await;
    assert_eq!(accepted.len(), ROOM);
    says_when_to_come_again(&site, &refused).await;
    // Nothing is handled, and that is what is predicted.
    let never = "assay_consumer_drain_seconds{consumer=\"attempt-writer\"} 604800";
    site.until_counted(Service::AttemptWriter, never).await;
    site.house.postgres_mut().start_again().await.unwrap();
    accepted.push(first);
    all_is_done(&mut site, &accepted, &refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_verifier_each_stage_before_it_waits_and_none_gives_a_message_up() {
    let mut site = Site::start().await;
    let (_lab, learner) = site.publish_lab().await;
    let mut accepted = vec![site.push(&learner, PASSING).await];
    site.until_judged(&accepted[0]).await;
    site.stop(Service::Verifier).await;
    // One of a session waits in the live lane, the others behind it in bulk, and all are here.
    site.house.bound_stream("JOBS", 10).await;
    for number in 0..8_i64 {
        accepted.push(site.push(&learner, FAILING).await);
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
    let (more, refused) = push_until_refused(&site, &learner).await;
    // A pull that was under way when the intake was shut may still take one.
    assert!([ROOM, ROOM + 1].contains(&more.len()), "{}", more.len());
    accepted.extend(more);
    says_when_to_come_again(&site, &refused).await;
    // Who starts refuses streams that are not as they must be; who runs goes on.
    for stream in ["JOBS", "DELIVERIES"] {
        site.house.bound_stream(stream, -1).await;
    }
    site.start_one(Service::Verifier);
    all_is_done(&mut site, &accepted, &refused).await;
}

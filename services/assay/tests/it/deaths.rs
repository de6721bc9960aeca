//! Every process dies again and again, and so do the servers, while pushes come in: nothing that
//! was answered 2xx is lost (promise P1), and nothing takes effect twice (P2).

use std::sync::Arc;
use std::time::Duration;

use process::settings::service::Service;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use reqwest::{Client, StatusCode};
use sample::delivery::{Push, SignedDelivery, sign};
use sample::lab::{FAILING, PASSING, make_learner};
use sample::repository::{Change, Clock};
use serde_json::{Value, json};
use testkit::wait;
use tokio::task::JoinSet;

use crate::site::{SECRET, Site};

/// Deliveries that differ.
const DELIVERIES: usize = 300;
/// Of each so many, one is sent twice.
const REPEAT_EVERY: usize = 10;
/// Commits of each.
const COMMITS: usize = 3;
/// Learners with a repository that can be fetched, and pushes that each of them makes.
const LEARNERS: usize = 4;
const PUSHES_OF_EACH: usize = 4;
/// Repositories that the forge does not have.
const UNKNOWN_REPOSITORIES: usize = 4;
/// Deliveries that are posted at once.
const POSTED_AT_ONCE: usize = 8;
/// Longest pause before one of them, in milliseconds.
const PAUSE_MS_MAX: u64 = 150;
/// Longest time between the begin of a wave of deliveries and the death in it, and between that and
/// the new start, in milliseconds.
const MOMENT_MS_MAX: u64 = 300;
/// How often a delivery is posted until it is answered 2xx, and the pause between, in milliseconds.
const TRIES_MAX: usize = 600;
const TRY_AGAIN_MS: u64 = 50;
/// How often each service dies.
const DEATHS_OF_EACH: usize = 2;

/// Who dies in a wave of deliveries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Death {
    Of(Service),
    OfNats,
    OfPostgres,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_answered_is_lost_or_done_twice_whoever_dies() {
    let seed: u64 = rand::thread_rng().r#gen();
    println!("the seed of this run's deaths is {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let mut site = Site::start().await;
    let (lab, _) = site.publish_lab().await;
    let (deliveries, judged) = deliveries(&site, &lab, &mut dice).await;

    let mut deaths = vec![Death::OfNats, Death::OfPostgres];
    deaths.extend(Service::ALL.map(Death::Of).repeat(DEATHS_OF_EACH));
    deaths.shuffle(&mut dice);
    let size = deliveries.len().div_ceil(deaths.len());
    for (death, wave) in deaths.into_iter().zip(deliveries.chunks(size)) {
        let wave = tokio::spawn(post_all(
            site.client.clone(),
            site.hooks_url(),
            wave.to_vec(),
        ));
        let mut moment = || Duration::from_millis(dice.gen_range(0..MOMENT_MS_MAX));
        // Not waiting for anything: the moment of a death is chosen by chance.
        tokio::time::sleep(moment()).await;
        let pause = moment();
        println!("{death:?} dies for {pause:?}");
        die(&mut site, death, pause).await;
        wave.await.expect("every delivery is answered");
    }
    is_all_there(&site).await;
    is_judged_right(&site, &judged).await;
    site.stop_all().await;
    let log = site.assay_ok(&["verify-log"]).await;
    assert!(log.contains(" 0 entries waiting"), "{log}");
}

async fn die(site: &mut Site, death: Death, pause: Duration) {
    match death {
        Death::Of(service) => {
            site.kill(service);
            tokio::time::sleep(pause).await;
            site.start_one(service);
        }
        Death::OfNats => {
            site.house.nats_mut().kill().await.expect("a kill");
            tokio::time::sleep(pause).await;
            site.house.nats_mut().start_again().await.expect("a start");
        }
        Death::OfPostgres => {
            site.house.postgres_mut().kill().await.expect("a kill");
            tokio::time::sleep(pause).await;
            site.house
                .postgres_mut()
                .start_again()
                .await
                .expect("a start");
        }
    }
}

/// Everything that is to be posted, mixed, some of it twice; and which heads must come out how.
async fn deliveries(
    site: &Site,
    lab: &sample::repository::Repository,
    dice: &mut StdRng,
) -> (Vec<SignedDelivery>, Vec<(String, &'static str)>) {
    let (mut deliveries, mut judged) = (Vec::new(), Vec::new());
    for whose in 0..LEARNERS {
        let name = format!("course-2026/intro-learner-{whose}");
        let learner = make_learner(&site.forge, lab, &name, Clock::System)
            .await
            .unwrap();
        for number in 0..PUSHES_OF_EACH {
            let before = learner.head("main").await.unwrap();
            for note in 1..COMMITS {
                let text = format!("{whose} {number} {note}\n");
                let note = Change::File(b"notes.txt", text.as_bytes());
                learner
                    .commit("main", "Take a note", &[note])
                    .await
                    .unwrap();
            }
            let (change, result) = if number % 2 == 0 {
                (PASSING, "pass")
            } else {
                (FAILING, "fail")
            };
            let after = learner.commit("main", "An answer", change).await.unwrap();
            let push = Push {
                branch: "main",
                before: Some(&before),
                after: Some(&after),
            };
            let payload = push.payload(&learner).await.unwrap();
            deliveries.push(sign(
                "push",
                &format!("real-{}", deliveries.len()),
                &payload,
                SECRET,
            ));
            judged.push((after, result));
        }
    }
    for number in deliveries.len()..DELIVERIES {
        let payload = of_nowhere(number, dice);
        deliveries.push(sign("push", &format!("nowhere-{number}"), &payload, SECRET));
    }
    let repeats: Vec<_> = deliveries.iter().step_by(REPEAT_EVERY).cloned().collect();
    deliveries.extend(repeats);
    deliveries.shuffle(dice);
    (deliveries, judged)
}

/// A push in GitHub's shape whose commits are nowhere: in a repository that lacks them, or in one
/// that is not there.
fn of_nowhere(number: usize, dice: &mut StdRng) -> Value {
    let mut sha = || hex::encode(dice.r#gen::<[u8; 20]>());
    let (before, shas) = (sha(), [(); COMMITS].map(|()| sha()));
    let learner = number % (LEARNERS + UNKNOWN_REPOSITORIES);
    let name = format!("intro-learner-{learner}");
    let who = json!({ "name": "Nobody", "email": "nobody@example.org", "username": "nobody" });
    let commit = |sha: &String| {
        json!({
            "id": sha, "message": "Lost", "timestamp": "2026-01-05T09:00:00Z",
            "author": who, "committer": who,
            "added": [], "removed": [], "modified": ["calc.sh"],
        })
    };
    let commits: Vec<Value> = shas.iter().map(commit).collect();
    json!({
        "ref": "refs/heads/main", "before": before, "after": shas[COMMITS - 1],
        "created": false, "deleted": false, "forced": false,
        "repository": {
            "id": learner, "name": name, "full_name": format!("course-2026/{name}"),
            "owner": { "login": "course-2026" },
        },
        "pusher": { "name": "nobody", "email": "nobody@example.org" },
        "sender": { "login": "nobody", "id": 1, "type": "User" },
        "commits": commits, "head_commit": commits[COMMITS - 1],
    })
}

/// Posts each until it has a 2xx, as a forge's redelivery would in the end.
async fn post_all(client: Client, url: String, deliveries: Vec<SignedDelivery>) {
    let (deliveries, mut posting) = (Arc::new(deliveries), JoinSet::new());
    for first in 0..POSTED_AT_ONCE {
        let (client, url, deliveries) = (client.clone(), url.clone(), Arc::clone(&deliveries));
        posting.spawn(async move {
            let mut dice = StdRng::from_entropy();
            for signed in deliveries.iter().skip(first).step_by(POSTED_AT_ONCE) {
                // Pushes come when they come: a death then meets some of them under way.
                let pause = dice.gen_range(0..PAUSE_MS_MAX);
                tokio::time::sleep(Duration::from_millis(pause)).await;
                post_until_accepted(&client, &url, signed).await;
            }
        });
    }
    while let Some(posted) = posting.join_next().await {
        posted.expect("every delivery is answered");
    }
}

async fn post_until_accepted(client: &Client, url: &str, signed: &SignedDelivery) {
    let mut last = String::new();
    for _ in 0..TRIES_MAX {
        let mut request = client.post(url).body(signed.body.clone());
        for (name, value) in &signed.headers {
            request = request.header(*name, value);
        }
        match request.send().await {
            Ok(answer) if answer.status().is_success() => return,
            Ok(answer) => {
                let status = answer.status();
                assert_eq!(
                    status,
                    StatusCode::SERVICE_UNAVAILABLE,
                    "asked to come again"
                );
                last = status.to_string();
            }
            Err(error) => last = error.to_string(),
        }
        tokio::time::sleep(Duration::from_millis(TRY_AGAIN_MS)).await;
    }
    panic!("no 2xx after {TRIES_MAX} tries; last {last}");
}

/// Everything is recorded once, and every head has a result, be it one that says that it is to be
/// tried again.
async fn is_all_there(site: &Site) {
    let count = async |what: &str| site.house.number(what).await;
    let (all, attempts) = (signed(DELIVERIES), signed(DELIVERIES * COMMITS));
    let deliveries = "SELECT count(*) FROM delivery";
    let open = "SELECT count(*) FROM verification_request AS request WHERE NOT EXISTS \
                (SELECT FROM verification_attempt WHERE request_id = request.id)";
    // What a process held when it died is given to somebody else after half a minute.
    for (what, query, number) in [
        ("every delivery is recorded", deliveries, all),
        ("every head has a result", open, 0),
    ] {
        wait::until(what, async || {
            let seen = count(query).await;
            (seen == number).then_some(()).ok_or(seen.to_string())
        })
        .await;
    }
    for (query, number) in [
        ("SELECT count(*) FROM delivery_receipt", all),
        ("SELECT count(*) FROM delivery_conflict", 0),
        ("SELECT count(*) FROM push", all),
        ("SELECT count(*) FROM verification_request", all),
        ("SELECT count(*) FROM lab_attempt", attempts),
        (
            "SELECT count(DISTINCT commit_sha) FROM lab_attempt",
            attempts,
        ),
        (
            "SELECT count(*) FROM lab_attempt WHERE listed <> 'payload'",
            0,
        ),
        (
            "SELECT count(*) FROM (SELECT FROM lab_attempt GROUP BY delivery_id \
             HAVING count(*) <> 3) AS odd",
            0,
        ),
        (
            "SELECT count(*) FROM verification_request WHERE cause NOT LIKE 'push:%'",
            0,
        ),
        (
            "SELECT count(*) FROM audit_entry WHERE action = 'delivery-recorded'",
            all,
        ),
    ] {
        assert_eq!(count(query).await, number, "{query}");
    }
    let status = site.assay_json(&["status", "--json"]).await;
    assert_eq!(status["missing"], 0, "{status}");
    let dead = |stream: &&Value| stream["name"] == "DEAD";
    let dead = status["streams"].as_array().unwrap().iter().find(dead);
    assert_eq!(dead.unwrap()["messages"], 0, "{status}");
}

/// Real heads were judged by what is in them; the others could not be, and are nobody's failure.
async fn is_judged_right(site: &Site, judged: &[(String, &'static str)]) {
    for (head, result) in judged {
        let results = format!(
            "SELECT result.result, count(*) FROM verification_result AS result \
             JOIN verification_request AS request ON request.id = result.request_id \
             JOIN lab_attempt AS attempt ON attempt.id = request.lab_attempt_id \
             WHERE attempt.commit_sha = '{head}' GROUP BY result.result"
        );
        let rows = site.house.rows(&results).await;
        assert_eq!(
            rows,
            [format!(r#"{{"result":"{result}","count":1}}"#)],
            "{head}"
        );
    }
    let others = "SELECT result, cause, count(*) FROM verification_result \
                  WHERE result NOT IN ('pass', 'fail') GROUP BY result, cause";
    let count = DELIVERIES - judged.len();
    let wanted = format!(r#"{{"result":"error","cause":"source-unavailable","count":{count}}}"#);
    assert_eq!(site.house.rows(others).await, [wanted]);
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).expect("a count of this test")
}

//! Owns a flood of deliveries: what is in it, and the driver that posts each until it is taken.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use reqwest::{Client, StatusCode};
use sample::delivery::{Push, SignedDelivery, sign};
use sample::lab::{FAILING, PASSING, make_learner};
use sample::repository::{Change, Clock, Repository};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::site::{SECRET, Site};

/// Deliveries that differ.
pub(crate) const DELIVERIES: usize = 300;
/// Of each so many, one is sent twice.
const REPEAT_EVERY: usize = 10;
/// Commits of each.
pub(crate) const COMMITS: usize = 3;
/// Learners with a repository that can be fetched, and pushes that each of them makes.
const LEARNERS: usize = 4;
const PUSHES_OF_EACH: usize = 4;
/// Repositories that the forge does not have.
const UNKNOWN_REPOSITORIES: usize = 4;
/// Deliveries that are posted at once.
const POSTED_AT_ONCE: usize = 8;
/// Longest pause before one of them, in milliseconds.
const PAUSE_MS_MAX: u64 = 150;
/// How often a delivery is posted until it is answered 2xx, and the pause between, in milliseconds.
const TRIES_MAX: usize = 600;
const TRY_AGAIN_MS: u64 = 50;

/// Everything that is to be posted, mixed, some of it twice; and which heads must come out how.
pub(crate) async fn deliveries(
    site: &Site,
    lab: &Repository,
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
pub(crate) async fn post_all(client: Client, url: String, deliveries: Vec<SignedDelivery>) {
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

//! Owns the learners: real repositories of an enrolled lab, pushed to one commit after the other,
//! so that snapshots are made and verified.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rand::Rng as _;
use sample::delivery::Push;
use sample::lab::{FAILING, PASSING, make_lab, make_learner};
use sample::repository::{Change, Clock, Repository};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::driver::Driver;
use crate::ground::{Ground, SOURCE};
use crate::traffic::Ready;
use witness::dice::Seed;

/// The lab's repository.
const LAB: &str = "course-2026/lab-calculator";
/// Most commits before the head of a push.
const NOTES_MAX: usize = 3;

/// How much is verified.
#[derive(Clone, Copy, Debug)]
pub struct Class {
    /// Learners.
    pub learners: usize,
    /// Most pushes of each.
    pub pushes_max: u64,
    /// Longest pause before a push, in milliseconds.
    pub pause_ms_max: u64,
    /// Most pushes of the learner whose webhooks do not come.
    pub silent_max: u64,
}

/// Publishes the lab and makes the learners' repositories, and one more for the learner whose
/// webhooks do not come: the last.
///
/// # Errors
/// What git or the lab's publication says.
pub async fn enrol(ground: &Ground, class: Class) -> Result<Vec<Repository>> {
    let lab = make_lab(&ground.forge, LAB, Clock::Fixed).await?;
    let published = ground.assay(&["lab", "publish", &lab.clone_url()]).await;
    published.context("publish the lab")?;
    let mut learners = Vec::with_capacity(class.learners + 1);
    for number in 0..=class.learners {
        let name = format!("course-2026/intro-{number}");
        learners.push(make_learner(&ground.forge, &lab, &name, Clock::Fixed).await?);
    }
    Ok(learners)
}

/// Pushes until the driver is closed or each has made its pushes.
pub async fn push_all(driver: Arc<Driver>, seed: Seed, class: Class, learners: Vec<Repository>) {
    let mut pushing = JoinSet::new();
    for (number, learner) in learners.into_iter().enumerate() {
        let driver = Arc::clone(&driver);
        pushing.spawn(async move {
            for push in 0..class.pushes_max {
                if driver.is_closed() {
                    return;
                }
                let mut dice = seed.dice(&format!("learner {number}"), push);
                let pause = dice.gen_range(0..=class.pause_ms_max);
                tokio::time::sleep(Duration::from_millis(pause)).await;
                let notes = dice.gen_range(0..=NOTES_MAX);
                let passes = dice.r#gen();
                let made = make(&learner, number, push, notes, passes).await;
                driver.send(&made.expect("git makes commits")).await;
            }
        });
    }
    while let Some(pushed) = pushing.join_next().await {
        pushed.expect("a learner does not panic");
    }
}

/// Commits notes and an answer, and makes the webhook of their push.
///
/// # Errors
/// What git says.
pub async fn make(
    learner: &Repository,
    number: usize,
    push: u64,
    notes: usize,
    passes: bool,
) -> Result<Ready> {
    let before = learner.head("main").await?;
    let mut commits = Vec::new();
    for note in 0..notes {
        let text = format!("{number} {push} {note}\n");
        let note = Change::File(b"notes.txt", text.as_bytes());
        commits.push(learner.commit("main", "Take a note", &[note]).await?);
    }
    // A file of its own, or the same answer twice would be no change.
    let text = format!("{number} {push}\n");
    let mark = [Change::File(b"push.txt", text.as_bytes())];
    let (answer, result) = if passes {
        (PASSING, "pass")
    } else {
        (FAILING, "fail")
    };
    let changes = [answer, &mark[..]].concat();
    let after = learner.commit("main", "An answer", &changes).await?;
    commits.push(after.clone());
    let pushed = Push {
        branch: "main",
        before: Some(&before),
        after: Some(&after),
    };
    let payload: Value = pushed.payload(learner).await?;
    let pushes = json!([{
        "repository": format!("{SOURCE}:{}", learner.full_name()), "ref": "refs/heads/main",
        "before": before, "after": after, "commits": commits, "enrolled": true, "result": result,
    }]);
    Ok(Ready::of(
        "push",
        &format!("learner-{number}-{push}"),
        &payload,
        pushes,
    ))
}

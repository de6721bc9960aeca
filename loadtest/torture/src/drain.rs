//! Waits until the house has done what waits in it, within a limit, and says how far it is.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use tokio::time::Instant;

use crate::driver::Driver;
use crate::ground::Ground;
use crate::redeliver;
use crate::seat::RECONCILER;

/// The pause between two looks, in milliseconds.
const LOOK_MS: u64 = 500;
/// How often it is said how far the house is, in looks.
const SAY_EVERY: u64 = 20;
/// How often in a row nothing may wait until that is believed: what is between two queues is in
/// neither.
const CALM_LOOKS: u64 = 4;

const WAITING: &str = "SELECT \
    (SELECT count(*) FROM verification_request AS request WHERE NOT EXISTS \
     (SELECT FROM verification_attempt WHERE request_id = request.id)) AS requests, \
    (SELECT count(*) FROM listing_due AS due WHERE NOT EXISTS \
     (SELECT FROM listing_part AS part WHERE part.push_id = due.push_id \
      AND part.lab_session_id = due.lab_session_id)) AS lists, \
    (SELECT count(*) FROM ledger_pending) AS entries, \
    (SELECT count(*) FROM work.status_due) AS untold, \
    (SELECT count(*) FROM delivery_receipt) AS deliveries";
const ATTEMPTS: &str = "SELECT commit_sha FROM lab_attempt";
/// What the newest mark of each judged commit must be. One of which a try was an error may be
/// pending.
const MARKS: &str = "SELECT attempt.commit_sha, 'assay/' || lab.slug AS context, \
    array_agg(DISTINCT CASE verification.result WHEN 'pass' THEN 'success' \
        ELSE 'failure' END) AS states \
    FROM verification_attempt AS verification \
    JOIN verification_request AS request ON request.id = verification.request_id \
    JOIN lab_attempt AS attempt ON attempt.id = request.lab_attempt_id \
    JOIN lab_session AS session ON session.id = attempt.lab_session_id \
    JOIN lab ON lab.id = session.lab_id \
    WHERE session.repository LIKE 'github:%' \
    GROUP BY attempt.commit_sha, lab.slug \
    HAVING bool_and(verification.result IN ('pass', 'fail'))";
/// The streams that must be empty. In `JOBS` a retry may wait for its time for half an hour.
const QUEUES: [&str; 2] = ["DELIVERIES", "COMMANDS"];

/// How a drain ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Drained {
    /// Whether nothing waits any more.
    pub is_done: bool,
    /// What was last seen.
    pub seen: String,
}

/// Waits until nothing waits in the queues, every request has a result, every push that no webhook
/// told of was found, and every judged commit is marked at the forge as it came out; then reconciler is taken away, or the log would grow for ever.
///
/// # Errors
/// If the ledger cannot be read.
pub async fn drain(ground: &Ground, driver: &Driver, limit: Duration) -> Result<Drained> {
    let until = Instant::now() + limit;
    let (mut calm, mut looks) = (0, 0_u64);
    loop {
        let (waits, mut seen) = look(ground, driver).await;
        calm = if waits { 0 } else { calm + 1 };
        if calm == CALM_LOOKS {
            // In a spool, not found yet, or lost: the limit will tell.
            let unsaid = unfound(ground, driver).await;
            let missing = redeliver::missing(ground, driver).await;
            let unmarked = unmarked(ground).await;
            if unsaid + missing + unmarked > 0 {
                seen = format!(
                    "{seen}; {missing} not recorded, {unsaid} not found, {unmarked} not marked"
                );
                calm = 0;
            }
        }
        // It writes an entry every few seconds for ever: what it was to find, it has.
        if calm == CALM_LOOKS && ground.seat(RECONCILER).kill().await {
            calm = 0;
        }
        let is_done = calm >= CALM_LOOKS;
        if is_done || Instant::now() > until {
            return Ok(Drained { is_done, seen });
        }
        looks += 1;
        if looks % SAY_EVERY == 0 {
            println!("draining: {seen}");
        }
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
}

/// How many pushes of which no webhook told reconciler has not found.
async fn unfound(ground: &Ground, driver: &Driver) -> usize {
    let rows = ground.house().await.rows(ATTEMPTS).await;
    let known: HashSet<String> = rows.iter().filter_map(|row| sha_of(row)).collect();
    let silent = driver.silent();
    silent.iter().filter(|head| !known.contains(*head)).count()
}

/// How many judged commits have another mark at the forge, or none.
async fn unmarked(ground: &Ground) -> usize {
    let mut newest = HashMap::new();
    for mark in ground.marks.posted() {
        newest.insert((mark.commit, mark.context), mark.state);
    }
    let rows = ground.house().await.rows(MARKS).await;
    let is_marked = |row: &&String| {
        let row: Value = serde_json::from_str(row).unwrap_or_default();
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let mark = newest.get(&(text("commit_sha"), text("context")));
        let states = row["states"].as_array();
        states.is_some_and(|states| mark.is_some_and(|mark| states.iter().any(|one| one == mark)))
    };
    rows.iter().filter(|row| !is_marked(row)).count()
}

fn sha_of(row: &str) -> Option<String> {
    let row: Value = serde_json::from_str(row).ok()?;
    row["commit_sha"].as_str().map(str::to_owned)
}

async fn look(ground: &Ground, driver: &Driver) -> (bool, String) {
    let status = match ground.assay(&["status", "--json"]).await {
        Ok(out) => serde_json::from_str::<Value>(&out).unwrap_or_default(),
        Err(error) => return (true, format!("{error:#}")),
    };
    let empty = Vec::new();
    let streams = status["streams"].as_array().unwrap_or(&empty);
    let queued = |wanted: &str| {
        let found = streams.iter().find(|stream| stream["name"] == wanted);
        found.and_then(|stream| stream["messages"].as_u64())
    };
    let rows = ground.house().await.rows(WAITING).await;
    let row: Value = serde_json::from_str(&rows[0]).unwrap_or_default();
    let number = |name: &str| row[name].as_u64().unwrap_or(u64::MAX);
    let (requests, entries, lists) = (number("requests"), number("entries"), number("lists"));
    let untold = number("untold");
    let in_queues = QUEUES
        .iter()
        .map(|name| queued(name))
        .collect::<Option<Vec<_>>>();
    let waits = requests > 0
        || lists > 0
        || entries > 0
        || untold > 0
        || in_queues.is_none_or(|queued| queued.iter().any(|number| *number > 0));
    let seen = format!(
        "{} bodies promised, {} deliveries recorded; {requests} requests without a result, \
         {lists} lists to be completed, {entries} entries without a leaf, {untold} attempts \
         to be told of; queued: DELIVERIES {:?}, JOBS {:?}",
        driver.promised().len(),
        number("deliveries"),
        queued("DELIVERIES").unwrap_or_default(),
        queued("JOBS").unwrap_or_default(),
    );
    (waits, seen)
}

//! Waits until the house has done what waits in it, within a limit, and says how far it is.

use std::collections::HashSet;
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
    (SELECT count(*) FROM delivery_receipt) AS deliveries";
const ATTEMPTS: &str = "SELECT commit_sha FROM lab_attempt";
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

/// Waits until nothing waits in the queues, every request has a result, and every push that no
/// webhook told of was found; then reconciler is taken away, or the log would grow for ever.
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
            if unsaid + missing > 0 {
                seen = format!("{seen}; {missing} not recorded, {unsaid} not found");
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
    let in_queues = QUEUES
        .iter()
        .map(|name| queued(name))
        .collect::<Option<Vec<_>>>();
    let waits = requests > 0
        || lists > 0
        || entries > 0
        || in_queues.is_none_or(|queued| queued.iter().any(|number| *number > 0));
    let seen = format!(
        "{} bodies promised, {} deliveries recorded; {requests} requests without a result, \
         {lists} lists to be completed, {entries} entries without a leaf; queued: DELIVERIES {:?}, JOBS {:?}",
        driver.promised().len(),
        number("deliveries"),
        queued("DELIVERIES").unwrap_or_default(),
        queued("JOBS").unwrap_or_default(),
    );
    (waits, seen)
}

//! Plays the forge after the broker lost its disk: sends again what the ledger does not have, as a
//! reconciliation would ask for. Each is a request like any other, and its answer counts.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::Result;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::driver::Driver;
use crate::ground::Ground;

/// Deliveries that are sent again at once.
const AT_ONCE: usize = 8;
/// Every body that the ledger has, with the forge's id of its delivery.
const KNOWN: &str = "SELECT forge_delivery AS id, body_digest AS body FROM delivery_receipt \
    UNION ALL SELECT receipt.forge_delivery, conflict.body_digest \
    FROM delivery_conflict AS conflict JOIN delivery_receipt AS receipt USING (delivery_id)";
/// The deliveries whose requests have no result: what was to follow may have been lost as well.
const OPEN: &str = "SELECT DISTINCT receipt.forge_delivery AS id, push.body_digest AS body \
    FROM verification_request AS request JOIN push ON request.cause = 'push:' || push.id \
    JOIN delivery_receipt AS receipt USING (delivery_id) \
    WHERE NOT EXISTS (SELECT FROM verification_attempt WHERE request_id = request.id)";

/// Sends again what was answered 2xx and is not in the ledger, or has no result; says how many.
///
/// # Errors
/// If the ledger cannot be read.
pub async fn what_is_missing(ground: &Ground, driver: &Arc<Driver>) -> Result<usize> {
    // Before the ledger is read: what is promised from here on is held by the new broker.
    let promised = driver.promised();
    let (known, open) = {
        let house = ground.house().await;
        (
            keys(&house.rows(KNOWN).await),
            keys(&house.rows(OPEN).await),
        )
    };
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let (mut sending, mut sent) = (JoinSet::new(), 0);
    for mut ready in promised {
        let key = ready.key();
        if known.contains(&key) && !open.contains(&key) {
            continue;
        }
        // A forge that is asked to send again does not give up.
        (ready.twin, ready.gives_up) = (false, false);
        let permit = Arc::clone(&permits).acquire_owned().await?;
        let driver = Arc::clone(driver);
        sending.spawn(async move {
            driver.send(&ready).await;
            drop(permit);
        });
        sent += 1;
    }
    while let Some(done) = sending.join_next().await {
        done?;
    }
    Ok(sent)
}

/// How many bodies that were answered 2xx the ledger does not have.
pub async fn missing(ground: &Ground, driver: &Driver) -> usize {
    let promised = driver.promised();
    let known = keys(&ground.house().await.rows(KNOWN).await);
    let missing = promised
        .iter()
        .filter(|ready| !known.contains(&ready.key()));
    missing.count()
}

fn keys(rows: &[String]) -> HashSet<(String, String)> {
    let key = |row: &String| {
        let row: Value = serde_json::from_str(row).unwrap_or_default();
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        (text("id"), text("body"))
    };
    rows.iter().map(key).collect()
}

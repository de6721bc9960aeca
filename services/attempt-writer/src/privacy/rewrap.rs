//! Owns the rotation of master keys: people's keys are wrapped anew, page by page, and stay the keys
//! that they were.

use bus::consume::Outcome;
use contract::command::privacy::RewrapRequested;
use contract::time::now;
use serde_json::{Map, json};
use store::error::StoreError;
use store::{person_key, transaction};
use uuid::Uuid;

use crate::outcome::{self, Decided};
use crate::privacy::{Privacy, reason_is_good};

/// Keys of one transaction.
const PAGE_MAX: i64 = 500;

/// Wraps every key that another master key wraps, and says how many.
pub(super) async fn rewrap(desk: &Privacy, asked: &RewrapRequested) -> Result<(), Outcome> {
    let refused = |error: StoreError| desk.refused(&error);
    if desk.is_decided(asked.command).await.map_err(refused)? {
        return Ok(());
    }
    let outcome = match reason_is_good(&asked.reason) {
        Ok(()) => all(desk).await.map_err(refused)?,
        Err(why) => Err(why),
    };
    let outcome = outcome.map(|(keys, first)| json!({ "rewrapped": keys, "master_key": first }));
    let mut conn = desk.ground.store.connection().await.map_err(refused)?;
    let work = async |conn: &mut _| {
        let mut fields = Map::new();
        fields.insert("assay.reason".into(), json!(asked.reason));
        let decided = Decided {
            command: asked.command,
            kind: RewrapRequested::NAME,
            actor: &asked.actor,
            body: json!({ "reason": asked.reason }),
            outcome: outcome.clone(),
            fields,
        };
        outcome::record(conn, decided, now()).await
    };
    transaction::run(&mut conn, work).await.map_err(refused)
}

async fn all(desk: &Privacy) -> Result<Result<(usize, String), String>, StoreError> {
    let first = desk.masters.first().map_err(StoreError::from)?.to_owned();
    let (mut beyond, mut done) = (Uuid::nil(), 0);
    let mut conn = desk.ground.store.connection().await?;
    // Ends: each page begins beyond the one before it.
    loop {
        let work = async |conn: &mut _| {
            let rows = person_key::wrapped_otherwise(conn, &first, beyond, PAGE_MAX).await?;
            for row in &rows {
                person_key::rewrap(conn, &desk.masters.rewrap(row)?).await?;
            }
            Ok::<_, StoreError>(rows)
        };
        let rows = match transaction::run(&mut conn, work).await {
            Ok(rows) => rows,
            // A key that none of ours opens is the operator's to find, not a reason to wait.
            Err(StoreError::Sealed { reason }) => return Ok(Err(reason)),
            Err(error) => return Err(error),
        };
        let Some(last) = rows.last() else {
            return Ok(Ok((done, first)));
        };
        beyond = last.owner_id;
        done += rows.len();
    }
}

//! Owns what the ledger says of numbers: under which number of which lane each message came that
//! webhook-ingest published, repeats and dead ones included. The auditor holds it against what the
//! lanes say that they gave.

use bus::letter::DeadLetter;
use contract::delivery::{DELIVERY_HEADER, RECONCILER_KEY};
use contract::ids::LaneId;
use contract::time::Timestamp;
use serde::Deserialize;
use store::error::StoreError;
use store::lane::{DEAD, LaneMessageRow, TAKEN};
use store::transaction::LedgerConnection;

use crate::plan::sorted;
use crate::taken::Taken;

/// Records the numbers of deliveries that are taken. What reconciler makes is promised to nobody,
/// and its lanes say nothing of their numbers.
pub(crate) async fn take(
    conn: &mut LedgerConnection,
    takens: &[Taken],
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows = takens
        .iter()
        .map(|taken| &taken.received)
        .filter(|received| received.key != RECONCILER_KEY)
        .map(|received| row(received.lane, received.number, TAKEN, now));
    let rows = sorted(rows, |row| (row.lane_id, row.number));
    LaneMessageRow::insert(conn, &rows).await?;
    Ok(())
}

/// The part of a delivery's description that says which number it has: the rest need not be
/// readable.
#[derive(Deserialize)]
struct Numbered {
    lane: LaneId,
    number: u64,
    key: Option<String>,
}

/// The row of a delivery that died; none of a letter that tells no number.
pub(crate) fn of_dead(letter: &DeadLetter, now: Timestamp) -> Option<LaneMessageRow> {
    if letter.stream != "DELIVERIES" {
        return None;
    }
    let numbered: Numbered = serde_json::from_str(letter.header(DELIVERY_HEADER)?).ok()?;
    let is_promised = numbered.number > 0 && numbered.key.as_deref() != Some(RECONCILER_KEY);
    is_promised.then(|| row(numbered.lane, numbered.number, DEAD, now))
}

fn row(lane: LaneId, number: u64, how: &str, now: Timestamp) -> LaneMessageRow {
    LaneMessageRow {
        lane_id: lane.as_uuid(),
        // Postgres has no unsigned numbers; none of ours comes near the border.
        number: i64::try_from(number).unwrap_or(i64::MAX),
        how: how.to_owned(),
        recorded_at: now,
    }
}

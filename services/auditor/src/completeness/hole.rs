//! Owns what the ledger says of holes, each with its entry of the audit log in one transaction.

use contract::ids::{DeliveryId, HoleId, LaneId};
use contract::time::Timestamp;
use serde_json::json;
use store::audit_entry;
use store::error::StoreError;
use store::lane_hole::{FOUND, HANDED_AGAIN, HoleRow, MISSING};
use store::pool::Store;
use store::row::LedgerRow;
use store::transaction;
use uuid::Uuid;

use crate::completeness::entry::{self, Told};
use crate::completeness::manifest::{column, number};

/// A number that is missing, or was.
#[derive(Clone, Debug)]
pub(crate) struct Hole {
    pub(crate) lane: LaneId,
    pub(crate) number: u64,
    pub(crate) delivery: Uuid,
    /// Its message's place in the queue, if it was found there.
    pub(crate) sequence: Option<u64>,
}

impl Hole {
    pub(crate) fn of(row: &HoleRow) -> Self {
        Self {
            lane: LaneId::from_uuid(row.lane_id),
            number: number(row.number),
            delivery: row.delivery_id,
            sequence: row.sequence.map(number),
        }
    }

    fn row(&self, what: &str, now: Timestamp) -> HoleRow {
        HoleRow {
            id: HoleId::compute(self.lane, self.number, what).as_uuid(),
            lane_id: self.lane.as_uuid(),
            number: column(self.number),
            delivery_id: self.delivery,
            what: what.to_owned(),
            sequence: self.sequence.map(column),
            recorded_at: now,
        }
    }
}

/// Records what is said of holes; gives those of which it was not said before.
///
/// # Errors
/// What the database answers.
pub(crate) async fn record(
    store: &Store,
    holes: &[Hole],
    what: &'static str,
    now: Timestamp,
) -> Result<Vec<Hole>, StoreError> {
    if holes.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows: Vec<HoleRow> = holes.iter().map(|hole| hole.row(what, now)).collect();
    rows.sort_by_key(|row| row.id);
    let mut conn = store.connection().await?;
    let rows = &rows;
    let work = async |conn: &mut _| {
        let new = HoleRow::insert(conn, rows).await?;
        let new: Vec<&HoleRow> = rows.iter().filter(|row| new.contains(&row.id)).collect();
        let entries: Vec<_> = new.iter().map(|row| told(row, what)).collect();
        audit_entry::append(conn, &entries).await?;
        Ok(new.into_iter().map(Hole::of).collect::<Vec<_>>())
    };
    let new = transaction::run(&mut conn, work).await?;
    metrics::counter!("assay_lane_holes_total", "what" => what).increment(new.len() as u64);
    Ok(new)
}

fn told(row: &HoleRow, what: &str) -> audit_entry::PendingEntry {
    let (action, reason) = match what {
        MISSING => (
            "delivery-missing",
            "it was accepted, and is in no queue and not in the ledger",
        ),
        HANDED_AGAIN => (
            "delivery-handed-again",
            "it was stored where no consumer would have been given it",
        ),
        FOUND => ("delivery-found", "it reached the ledger after all"),
        _ => ("delivery-looked-for", "it was not in the ledger"),
    };
    let mut fields = vec![
        ("assay.lane.id", json!(row.lane_id)),
        ("assay.lane.number", json!(row.number)),
        ("assay.delivery.id", json!(row.delivery_id)),
        ("event.reason", json!(reason)),
    ];
    if let Some(sequence) = row.sequence {
        fields.push(("assay.sequence", json!(sequence)));
    }
    entry::of(Told {
        action,
        subject: row.id.to_string(),
        is_good: what != MISSING,
        trace_id: Some(DeliveryId::from_uuid(row.delivery_id).trace_id()),
        fields,
        rows: vec![row.covered()],
        at: row.recorded_at,
    })
}

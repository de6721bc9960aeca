//! Owns what lanes promised beyond what is judged, as the ledger has it, and whether it must be
//! looked for.

use std::collections::BTreeSet;

use store::lane::{self, LaneRow};
use store::lane_hole;
use store::pool::Connection;

use crate::completeness::judge::{Reached, Seen, may_be_on_its_way};
use crate::completeness::manifest::{Segment, column, number};

/// Most manifests of a lane that one look judges: a minute of them.
const MANIFESTS_MAX: i64 = 60;

/// A lane with what it promised beyond what is judged.
pub(super) struct Promising {
    pub(super) row: LaneRow,
    pub(super) segments: Vec<Segment>,
    pub(super) reached: Reached,
}

impl Promising {
    /// Reads what a lane promised, and then what of it the ledger has.
    pub(super) async fn read(
        conn: &mut Connection,
        row: LaneRow,
        seen: &Seen,
    ) -> anyhow::Result<Self> {
        let rows = lane::manifests_beyond(conn, row.lane_id, row.judged_number, MANIFESTS_MAX);
        let segments: Vec<Segment> = rows.await?.iter().map(Segment::of).collect();
        let reached = reached(conn, &row, &segments, seen).await?;
        Ok(Self {
            row,
            segments,
            reached,
        })
    }

    /// Reads once more what the ledger has: the queue was looked through since.
    pub(super) async fn read_again(
        &mut self,
        conn: &mut Connection,
        seen: &Seen,
    ) -> anyhow::Result<()> {
        self.reached = reached(conn, &self.row, &self.segments, seen).await?;
        Ok(())
    }
}

/// What the ledger has of what a lane promised. By their deliveries are looked up only those that
/// should have come: in a burst thousands wait to be taken, and nothing is made of them.
async fn reached(
    conn: &mut Connection,
    row: &LaneRow,
    segments: &[Segment],
    seen: &Seen,
) -> anyhow::Result<Reached> {
    let judged = row.judged_number;
    let through = segments.iter().map(|segment| column(segment.through)).max();
    let through = through.unwrap_or(judged);
    let numbers = |columns: Vec<i64>| columns.into_iter().map(number).collect::<BTreeSet<u64>>();
    let here = numbers(lane::reached(conn, row.lane_id, judged, through).await?);
    let holes = numbers(lane_hole::holes_of(conn, row.lane_id, judged, through).await?);
    let due = segments
        .iter()
        .filter(|segment| !may_be_on_its_way(segment, seen));
    let promised = due.flat_map(|segment| segment.promised(number(judged)));
    let absent = promised.filter(|promised| !here.contains(&promised.number));
    let absent: Vec<_> = absent.map(|promised| promised.delivery).collect();
    let deliveries = if absent.is_empty() {
        Vec::new()
    } else {
        lane_hole::received(conn, &absent).await?
    };
    Ok(Reached {
        numbers: here,
        deliveries: deliveries.into_iter().collect(),
        holes,
    })
}

/// From which place on the queue is to be looked through; not at all while all that is not in the
/// ledger may be on its way.
pub(super) fn wanted_from(promising: &[Promising], seen: &Seen) -> Option<u64> {
    let mut from: Option<u64> = None;
    for one in promising {
        for segment in &one.segments {
            if may_be_on_its_way(segment, seen) {
                continue;
            }
            let absent = segment.promised(number(one.row.judged_number));
            let is_absent = absent.iter().any(|promised| {
                !one.reached.numbers.contains(&promised.number)
                    && !one.reached.deliveries.contains(&promised.delivery)
                    && !one.reached.holes.contains(&promised.number)
            });
            if is_absent {
                let first = segment.sequences.map_or(1, |sequences| sequences.first);
                // A stream that lost its end gives its places again.
                let first = if first > seen.queue.last { 1 } else { first };
                from = Some(from.map_or(first, |from| from.min(first)));
            }
        }
    }
    from
}

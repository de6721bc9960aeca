//! Owns `assay completeness`: what was promised, held against what is there, as the auditor judged it.

mod accept;

use std::time::Duration;

use clap::{Args, Subcommand};
use contract::delivery::RECONCILER_KEY;
use contract::lane::LANE_HEARTBEAT_SECS;
use contract::time::{Timestamp, now, to_text};
use process::exit;
use serde_json::{Value, json};
use store::lane::{self, LaneRow};
use store::lane_hole::{self, HoleRow};
use store::lane_hole_accepted::{self, Accepted};
use uuid::Uuid;

use crate::cli::Who;
use crate::completeness::accept::HoleName;
use crate::context::Context;
use crate::say::say;
use crate::table::table;

/// Most lanes that are shown, the newest first.
const LANES_MAX: i64 = 50;
/// Most holes that are shown, the oldest first.
const HOLES_MAX: i64 = 500;
/// How far back lanes are looked for that never said a word.
const UNHEARD: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// A lane that is silent for so long has ended.
const SILENT: Duration = Duration::from_secs(3 * LANE_HEARTBEAT_SECS);

/// What is asked of `assay completeness`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Completeness {
    #[command(subcommand)]
    order: Option<CompletenessOrder>,
    /// As JSON, for machines.
    #[arg(long)]
    json: bool,
}

/// What may be ordered.
#[derive(Debug, Subcommand)]
enum CompletenessOrder {
    /// Accept that a delivery is missing and cannot be had again: no alarm any more. It is listed as
    /// accepted for ever, and its lane is never complete.
    Accept {
        /// The delivery's id, or the hole as lane/number.
        hole: HoleName,
        /// Why, for the record.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        who: Who,
    },
}

/// What there is to say.
struct Picture {
    lanes: Vec<LaneRow>,
    holes: Vec<HoleRow>,
    holes_count: i64,
    accepted: Vec<Accepted>,
    accepted_count: i64,
    unheard: Vec<Uuid>,
    at: Timestamp,
}

/// Shows it, or carries out an order.
///
/// # Errors
/// The ledger or the bus cannot be reached.
pub(crate) async fn completeness(context: &Context, asked: Completeness) -> anyhow::Result<u8> {
    if let Some(CompletenessOrder::Accept { hole, reason, who }) = asked.order {
        return accept::accept(context, hole, reason, who).await;
    }
    let (mut ledger, at) = (context.reader().await?, now());
    let picture = Picture {
        lanes: lane::newest(&mut ledger, LANES_MAX).await?,
        holes: lane_hole::open_holes(&mut ledger, HOLES_MAX).await?,
        holes_count: lane_hole::open_holes_count(&mut ledger).await?,
        accepted: lane_hole_accepted::list(&mut ledger, HOLES_MAX).await?,
        accepted_count: lane_hole_accepted::count(&mut ledger).await?,
        unheard: lane::unheard(&mut ledger, at - UNHEARD, RECONCILER_KEY).await?,
        at,
    };
    if asked.json {
        say!("{}", serde_json::to_string_pretty(&json(&picture))?);
    } else {
        show(&picture);
    }
    Ok(if picture.holes_count > 0 {
        exit::FAILED
    } else {
        exit::OK
    })
}

/// How a lane stands, in words. Only a lane that closed, is judged to its end, and of which nothing
/// was given up is complete.
fn standing(lane: &LaneRow, holes: Holes, at: Timestamp) -> &'static str {
    let is_judged = lane.judged_number >= lane.given_number;
    let is_silent = at - lane.heard_at > SILENT_DELTA;
    match (lane.closed, is_judged, is_silent) {
        _ if holes.open > 0 => "deliveries are missing",
        (true, true, _) if holes.accepted > 0 => "ended, not complete: some are given up",
        (true, true, _) => "complete",
        (true, false, _) => "ended, some numbers wait",
        (false, _, true) => "its tail is unknown: it ended without saying so",
        (false, true, false) => "open, nothing waits",
        (false, false, false) => "open, some numbers wait",
    }
}

const SILENT_DELTA: chrono::TimeDelta = chrono::TimeDelta::seconds(SILENT.as_secs() as i64);

/// How many of a lane's numbers are missing.
#[derive(Clone, Copy, Default)]
struct Holes {
    open: usize,
    /// Of those that are missing for good.
    accepted: usize,
}

fn holes_of(picture: &Picture, lane: &LaneRow) -> Holes {
    let of_lane = |id: Uuid| id == lane.lane_id;
    let open = picture.holes.iter().filter(|hole| of_lane(hole.lane_id));
    let accepted = picture.accepted.iter();
    let accepted = accepted.filter(|hole| of_lane(hole.lane_id) && !hole.found);
    Holes {
        open: open.count(),
        accepted: accepted.count(),
    }
}

fn json(picture: &Picture) -> Value {
    let lanes = picture.lanes.iter().map(|lane| {
        let holes = holes_of(picture, lane);
        json!({
            "lane": lane.lane_id,
            "standing": standing(lane, holes, picture.at),
            "given": lane.given_number,
            "told": lane.through_number,
            "judged": lane.judged_number,
            "missing": holes.open,
            "given_up": holes.accepted,
            "in_spool": lane.spool_records,
            "closed": lane.closed,
            "opened_at": to_text(lane.opened_at),
            "heard_at": to_text(lane.heard_at),
        })
    });
    let holes = picture.holes.iter().map(|hole| {
        json!({
            "lane": hole.lane_id,
            "number": hole.number,
            "delivery": hole.delivery_id,
            "named_at": to_text(hole.recorded_at),
        })
    });
    let accepted = picture.accepted.iter().map(|hole| {
        json!({
            "lane": hole.lane_id,
            "number": hole.number,
            "delivery": hole.delivery_id,
            "accepted_at": to_text(hole.recorded_at),
            "accepted_by": hole.actor,
            "reason": hole.reason,
            "found": hole.found,
        })
    });
    json!({
        "given_up": picture.accepted_count,
        "accepted": accepted.collect::<Vec<_>>(),
        "missing": picture.holes_count,
        "lanes": lanes.collect::<Vec<_>>(),
        "holes": holes.collect::<Vec<_>>(),
        "unheard": picture.unheard,
    })
}

fn show(picture: &Picture) {
    let mut lanes = table(&["lane", "given", "told", "judged", "in spool", "standing"]);
    for lane in &picture.lanes {
        lanes.add_row([
            lane.lane_id.to_string(),
            lane.given_number.to_string(),
            lane.through_number.to_string(),
            lane.judged_number.to_string(),
            lane.spool_records.to_string(),
            standing(lane, holes_of(picture, lane), picture.at).to_owned(),
        ]);
    }
    say!("{lanes}");
    for lane in &picture.unheard {
        say!("unheard    lane {lane} ended before it said a word: what it gave is unknown");
    }
    for hole in &picture.holes {
        say!(
            "missing    delivery {}: number {} of lane {}, named {}",
            hole.delivery_id,
            hole.number,
            hole.lane_id,
            to_text(hole.recorded_at)
        );
    }
    for hole in &picture.accepted {
        say!(
            "given up   delivery {}: number {} of lane {}, by {} on {}: {}{}",
            hole.delivery_id,
            hole.number,
            hole.lane_id,
            hole.actor,
            to_text(hole.recorded_at),
            hole.reason.as_deref().unwrap_or("no reason"),
            if hole.found {
                " (and came after all)"
            } else {
                ""
            }
        );
    }
    match picture.holes_count {
        0 if picture.accepted_count > 0 => say!(
            "missing    nothing else: {} deliveries were given up",
            picture.accepted_count
        ),
        0 => say!("missing    nothing that was promised, as far as it is judged"),
        count => say!(
            "missing    {count} deliveries that were accepted (have them sent again; what nobody \
             has any more is given up by `assay completeness accept <delivery> --reason …`)"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lane_that_closed_and_is_judged_to_its_end_is_complete() {
        let at = now();
        for (closed, judged, silent_secs, holes, wanted) in [
            (true, 9, 500, 0, "complete"),
            (true, 9, 500, 1, "deliveries are missing"),
            (true, 8, 500, 0, "ended, some numbers wait"),
            (
                false,
                9,
                61,
                0,
                "its tail is unknown: it ended without saying so",
            ),
            (
                false,
                8,
                61,
                0,
                "its tail is unknown: it ended without saying so",
            ),
            (false, 9, 59, 0, "open, nothing waits"),
            (false, 8, 59, 0, "open, some numbers wait"),
        ] {
            let lane = LaneRow {
                lane_id: Uuid::nil(),
                given_number: 9,
                through_number: 9,
                spool_records: 0,
                closed,
                opened_at: at,
                heard_at: at - Duration::from_secs(silent_secs),
                judged_number: judged,
            };
            let holes = Holes {
                open: holes,
                accepted: 0,
            };
            assert_eq!(standing(&lane, holes, at), wanted);
            let given_up = Holes {
                open: 0,
                accepted: 1,
            };
            assert_ne!(standing(&lane, given_up, at), "complete");
        }
    }
}

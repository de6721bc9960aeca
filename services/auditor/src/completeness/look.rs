//! Owns looking: twice a second, what the lanes promised is held against the ledger, and what is not
//! there is looked for in the queue by its place, and among the dead letters.

mod given;
mod promising;
mod queue;
mod stranded;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bus::look::Found;
use bus::topology::ATTEMPT_WRITER;
use contract::command::ReconcileRequested;
use contract::ids::LaneId;
use contract::name::SourceName;
use contract::time::now;
use metrics::gauge;
use process::health::Part;
use service::ground::Ground;
use store::lane;
use store::lane_hole::{self, FOUND, HANDED_AGAIN, MISSING};
use store::lane_hole_accepted;
use store::pool::Connection;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::completeness::hole::{self, Hole};
use crate::completeness::judge::{Seen, Verdict, judge, judged_through};
use crate::completeness::look::given::Given;
use crate::completeness::look::promising::{Promising, wanted_from};
use crate::completeness::look::stranded::Stranded;
use crate::completeness::manifest::{column, number};

/// Between two looks, in milliseconds.
const LOOK_EVERY_MS: u64 = 500;
/// Most lanes that one look judges.
const LANES_MAX: i64 = 100;
/// Most open holes that one look asks the ledger about.
const HOLES_MAX: i64 = 500;
/// A lane that did not say that it ended and was not heard for so long has ended, in seconds.
const SILENT_SECS: u64 = 60;
/// For how long an unknown tail is told of in `/ready`, in seconds; the command lists it for ever.
const TAIL_SECS: u64 = 24 * 60 * 60;

/// Looks.
pub(crate) struct Looker {
    ground: Ground,
    part: Part,
    given: Given,
    stranded: Stranded,
    /// Sources whose forge could not be asked yet for what is missing.
    unasked: BTreeSet<SourceName>,
}

impl Looker {
    pub(crate) fn new(ground: Ground, part: Part) -> Self {
        Self {
            ground,
            part,
            given: Given::default(),
            stranded: Stranded::default(),
            unasked: BTreeSet::new(),
        }
    }

    /// Looks until the stop signal.
    pub(crate) async fn run(&mut self, stop: &CancellationToken) {
        let mut ticks = interval(Duration::from_millis(LOOK_EVERY_MS));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let looked = tokio::select! {
                () = stop.cancelled() => return,
                looked = self.look() => looked,
            };
            match looked {
                Ok(note) => self.part.note(note),
                Err(error) => {
                    warn!(error = format!("{error:#}"), "nobody knows what is missing");
                    self.part.note(Some(format!("cannot look: {error:#}")));
                }
            }
        }
    }

    /// One look; gives what is worth knowing.
    async fn look(&mut self) -> anyhow::Result<Option<String>> {
        // The queue first: what has left it by then is in the ledger when that is read.
        let state = self.ground.bus.queue_state(&ATTEMPT_WRITER).await?;
        self.stranded.count(&self.ground.bus, state).await?;
        let mut conn = self.ground.store.connection().await?;
        let mut seen = Seen {
            queue: state,
            given_long_ago: self.given.note(Instant::now(), state.delivered),
            is_stranded: self.stranded.is_certain(),
            ..Seen::default()
        };
        let mut promising = Vec::new();
        for row in lane::unsettled(&mut conn, LANES_MAX).await? {
            promising.push(Promising::read(&mut conn, row, &seen).await?);
        }
        let mut found = BTreeMap::new();
        if let Some(from) = wanted_from(&promising, &seen) {
            found = queue::look_through(&self.ground.bus, from, &mut seen).await?;
            seen.dying = queue::dying(&self.ground.bus).await?;
            for one in &mut promising {
                one.read_again(&mut conn, &seen).await?;
            }
        }
        let mut waiting = 0;
        for one in &promising {
            waiting += self.settle(&mut conn, one, &seen, &found).await?;
        }
        drop(conn);
        self.stranded.take_out(&self.ground, &found).await?;
        self.ask_the_forges().await;
        self.follow_holes().await?;
        self.say(waiting).await
    }

    /// Judges a lane and does what follows; gives how many of its numbers wait.
    async fn settle(
        &mut self,
        conn: &mut Connection,
        lane: &Promising,
        seen: &Seen,
        found: &BTreeMap<(LaneId, u64), Vec<Found>>,
    ) -> anyhow::Result<usize> {
        let at = now();
        let judged = number(lane.row.judged_number);
        let mut waiting = BTreeSet::new();
        let mut missing = Vec::new();
        for segment in &lane.segments {
            for promised in segment.promised(judged) {
                let hole = |sequence| Hole {
                    lane: segment.lane,
                    number: promised.number,
                    delivery: promised.delivery,
                    sequence,
                };
                match judge(segment, promised, seen, &lane.reached, at) {
                    Verdict::Settled => {}
                    Verdict::Waits => drop(waiting.insert(promised.number)),
                    Verdict::Stranded(place) => {
                        waiting.insert(promised.number);
                        let messages = found.get(&(segment.lane, promised.number));
                        let message = messages.and_then(|all| all.first());
                        if let Some(message) = message {
                            self.hand_again(&hole(Some(place)), message).await?;
                        }
                    }
                    Verdict::Missing => {
                        missing.push(hole(None));
                        let sources = segment.sources.iter();
                        self.unasked
                            .extend(sources.filter_map(|name| name.parse().ok()));
                    }
                }
            }
        }
        // Before the record: a hole is recorded once, and nobody would ask after it.
        self.ask_the_forges().await;
        let new = hole::record(&self.ground.store, &missing, MISSING, at).await?;
        for hole in &new {
            error!(
                lane.id = %hole.lane, lane.number = hole.number, delivery.id = %hole.delivery,
                "the delivery {} was accepted and is missing: number {} of lane {}",
                hole.delivery, hole.number, hole.lane,
            );
        }
        let through = judged_through(judged, &lane.segments, &waiting);
        lane::judged(conn, lane.row.lane_id, column(through)).await?;
        Ok(waiting.len())
    }

    /// Gives a message to the writer that it would never have been given.
    async fn hand_again(&self, hole: &Hole, message: &Found) -> anyhow::Result<()> {
        let id = format!("handed-again:{}:{}", hole.lane, hole.number);
        self.ground.bus.hand_again(message, &id).await?;
        let holes = std::slice::from_ref(hole);
        let new = hole::record(&self.ground.store, holes, HANDED_AGAIN, now()).await?;
        if !new.is_empty() {
            warn!(
                lane.id = %hole.lane, lane.number = hole.number, delivery.id = %hole.delivery,
                "the delivery {} lay in the queue unseen, and is handed again", hole.delivery,
            );
        }
        Ok(())
    }

    /// What is missing here may still be had from the forge. One that cannot be asked now is asked
    /// in the next look.
    async fn ask_the_forges(&mut self) {
        for source in std::mem::take(&mut self.unasked) {
            let actor = "auditor".parse().expect("it is the name of an actor");
            let mut asked = ReconcileRequested::after_refusals(actor, source.clone(), now());
            "deliveries are missing".clone_into(&mut asked.reason);
            if let Err(error) = self.ground.bus.publish(&asked).await {
                warn!(%error, "nobody could be asked to reconcile {source}; tried again");
                self.unasked.insert(source);
            }
        }
    }

    /// Holes close when their delivery reaches the ledger after all.
    async fn follow_holes(&self) -> anyhow::Result<()> {
        let mut conn = self.ground.store.connection().await?;
        let mut open = lane_hole::open_holes(&mut conn, HOLES_MAX).await?;
        // One that was accepted may come back too: that is worth a row.
        open.extend(lane_hole_accepted::unfound(&mut conn, HOLES_MAX).await?);
        if open.is_empty() {
            return Ok(());
        }
        let deliveries: Vec<_> = open.iter().map(|row| row.delivery_id).collect();
        let there = lane_hole::received(&mut conn, &deliveries).await?;
        drop(conn);
        let back = open.iter().filter(|row| there.contains(&row.delivery_id));
        let back: Vec<Hole> = back.map(Hole::of).collect();
        for hole in hole::record(&self.ground.store, &back, FOUND, now()).await? {
            info!(delivery.id = %hole.delivery, "the delivery {} is there", hole.delivery);
        }
        Ok(())
    }

    /// Keeps the gauges; gives what is worth knowing.
    #[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
    async fn say(&self, waiting: usize) -> anyhow::Result<Option<String>> {
        let at = now();
        let mut conn = self.ground.store.connection().await?;
        let holes = lane_hole::open_holes_count(&mut conn).await?;
        let (since, silent) = (
            at - Duration::from_secs(TAIL_SECS),
            at - Duration::from_secs(SILENT_SECS),
        );
        let tails = lane::unknown_tails(&mut conn, since, silent).await?;
        let accepted = lane_hole_accepted::count(&mut conn).await?;
        gauge!("assay_lane_holes_accepted").set(accepted as f64);
        gauge!("assay_lane_holes_open").set(holes as f64);
        gauge!("assay_lane_numbers_waiting").set(waiting as f64);
        gauge!("assay_lane_tails_unknown").set(tails as f64);
        let mut notes = Vec::new();
        if holes > 0 {
            notes.push(format!("{holes} accepted deliveries are missing"));
        }
        notes.extend(self.stranded.note());
        if tails > 0 {
            notes.push(format!("what {tails} lanes gave at their end is unknown"));
        }
        Ok(Some(notes.join("; ")).filter(|note| !note.is_empty()))
    }
}

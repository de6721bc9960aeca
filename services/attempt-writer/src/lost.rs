//! Owns the search for work that was lost with the broker's data: what the ledger knows to be
//! unfinished and no queue holds is asked for again. Streams only carry; Postgres remembers.

mod old;
pub(crate) mod plan;

use std::collections::HashMap;
use std::time::Duration;

use bus::error::{PublishError, TopologyError};
use contract::ids::CommandId;
use contract::reprocess::ReprocessDue;
use contract::time::{Timestamp, now};
use process::settings::work::Writer;
use serde_json::{Map, json};
use service::ground::Ground;
use store::audit_entry;
use store::command::CommandRow;
use store::error::StoreError;
use store::reprocess::order;
use store::row::LedgerRow;
use store::transaction::{self, LedgerConnection};
use store::unfinished::{self, Kind, Range, Unfinished};
use store::work_remade::RemadeRow;
use thiserror::Error;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::audit;
use crate::lost::old::Old;
use crate::plan::sorted;

/// Rows that are looked at, and asked for again, at one time.
const ROWS_MAX: i64 = 500;
/// Orders to reprocess that are looked at, the newest.
const ORDERS_MAX: i64 = 100;
/// How long an order is left alone after it was set going again, in seconds.
const ORDER_AGAIN_SECS: u64 = 600;
/// How long is rested after a page, in lengths of the look at it: what thousands push before a deadline
/// is looked through while they push.
const RESTS: u32 = 4;
/// The same after a page of what is old.
const OLD_RESTS: u32 = 9;
/// The stream of all jobs.
const JOBS: &str = "JOBS";

/// Why a look was broken off.
#[derive(Debug, Error)]
enum Halt {
    #[error("read the queue")]
    Queue(#[from] TopologyError),
    #[error("read the ledger")]
    Ledger(#[from] StoreError),
    #[error("publish what was lost")]
    Bus(#[from] PublishError),
}

/// What was found in a page.
struct Page {
    /// Its last row; `None` where no more follow.
    end: Option<Uuid>,
    /// The first place of what is open.
    open: Option<Uuid>,
}

/// Looks for lost work.
pub(crate) struct Lost {
    ground: Ground,
    every: Duration,
    after: Duration,
    /// Below these ids nothing is open, but for what is old.
    settled: [Uuid; Kind::ALL.len()],
    old: Old,
    /// When orders were set going again, by a clock that nobody steps.
    orders: HashMap<CommandId, Instant>,
}

impl Lost {
    pub(crate) fn new(ground: Ground, settings: &Writer) -> Self {
        let old = Old::before(now());
        Self {
            ground,
            every: Duration::from_secs(settings.lost_every_seconds),
            after: Duration::from_secs(settings.lost_after_seconds),
            settled: [old.below(); Kind::ALL.len()],
            old,
            orders: HashMap::new(),
        }
    }

    /// Looks every so often until the stop signal, and between at what is old.
    pub(crate) async fn keep(mut self, stop: &CancellationToken) {
        let mut heard_before = None;
        loop {
            let gate = self.ground.gate();
            let look = async {
                self.rest(heard_before.take()).await?;
                gate.wait_open().await;
                heard_before = Some(self.look().await?);
                Ok(())
            };
            let looked = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                looked = look => looked,
            };
            match looked {
                Ok(()) => {}
                Err(Halt::Ledger(error)) => drop(self.ground.ledger_refused(&error)),
                Err(Halt::Bus(error)) => drop(self.ground.bus_refused(&error)),
                Err(error @ Halt::Queue(_)) => {
                    let cause = std::error::Error::source(&error);
                    tracing::warn!(%error, ?cause, "a look for lost work was broken off");
                }
            }
        }
    }

    /// Waits for the next look. After one that knew before when was heard of what is in no queue, looks
    /// at what is old meanwhile, page by page.
    async fn rest(&mut self, heard_before: Option<Timestamp>) -> Result<(), Halt> {
        let until = Instant::now() + self.every;
        while let Some(heard_before) = heard_before
            && let Some((kind, after)) = self.old.next(Instant::now())
            && Instant::now() < until
        {
            let began = Instant::now();
            let page = self.page(kind, after, self.old.below(), heard_before);
            let page = page.await?;
            let ended = Instant::now();
            self.old.looked(page.end, page.open.is_some(), ended);
            let rested = ended + (ended - began) * OLD_RESTS;
            tokio::time::sleep_until(rested.min(until)).await;
        }
        tokio::time::sleep_until(until).await;
        Ok(())
    }

    /// Looks through all that may be open, but for what is old; gives since when nothing was heard of
    /// what is in no queue.
    async fn look(&mut self) -> Result<Timestamp, Halt> {
        // First the queue: what is published after that is younger than what is looked for.
        let states = self.ground.bus.stream_states().await?;
        let jobs = states.iter().find(|state| state.name == JOBS);
        let oldest = jobs.and_then(|state| state.oldest_at);
        let heard_before = plan::heard_before(oldest, now(), self.after);
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            let after = plan::looked_above(self.settled[place], heard_before);
            self.settled[place] = self.look_through(kind, after, heard_before).await?;
        }
        self.look_at_orders(heard_before).await?;
        Ok(heard_before)
    }

    /// Looks through one kind, above an id; gives the id below which nothing is open.
    async fn look_through(
        &self,
        kind: Kind,
        mut after: Uuid,
        heard_before: Timestamp,
    ) -> Result<Uuid, Halt> {
        let mut settled = plan::settled_below(heard_before).max(after);
        // Ends: each range begins where the one before it ends.
        loop {
            let began = Instant::now();
            let page = self.page(kind, after, Uuid::max(), heard_before).await?;
            if let Some(open) = page.open {
                settled = settled.min(below(open));
            }
            match page.end {
                Some(end) => after = end,
                None => return Ok(settled),
            }
            tokio::time::sleep(began.elapsed() * RESTS).await;
        }
    }

    /// Looks at the rows of one kind that follow an id, up to another.
    async fn page(
        &self,
        kind: Kind,
        after: Uuid,
        last: Uuid,
        heard_before: Timestamp,
    ) -> Result<Page, Halt> {
        let mut conn = self.ground.store.connection().await?;
        let end = unfinished::range_end(&mut conn, kind, after, ROWS_MAX).await?;
        let to = end.unwrap_or(Uuid::max()).min(last);
        let found = unfinished::within(&mut conn, kind, Range { after, to }).await?;
        let mut open = found.iter().filter(|work| plan::is_open(work));
        let open = open.next().map(|work| work.place);
        let now = now();
        let lost: Vec<Unfinished> = found
            .into_iter()
            .filter(|work| plan::is_lost(work, heard_before, now))
            .collect();
        if !lost.is_empty() {
            self.ask_again(&mut conn, kind, &lost, now).await?;
        }
        Ok(Page { end, open })
    }

    /// Records that work is asked for again, and then does.
    async fn ask_again(
        &self,
        conn: &mut store::pool::Connection,
        kind: Kind,
        lost: &[Unfinished],
        now: Timestamp,
    ) -> Result<(), Halt> {
        let work = async |conn: &mut _| record(conn, kind, lost, now).await;
        transaction::run(conn, work).await?;
        let jobs = plan::jobs(lost);
        tracing::warn!(
            kind = name(kind),
            lost = lost.len(),
            "work was lost and is asked for again"
        );
        metrics::counter!("assay_work_remade_total", "kind" => name(kind))
            .increment(lost.len() as u64);
        self.ground.bus.publish_all(&jobs.messages()?).await?;
        Ok(())
    }

    /// Sets orders to reprocess going again whose next page is in no queue.
    async fn look_at_orders(&mut self, heard_before: Timestamp) -> Result<(), Halt> {
        let mut conn = self.ground.store.connection().await?;
        let orders = order::under_way(&mut conn, ORDERS_MAX).await?;
        let is_under_way = |id: &CommandId| orders.iter().any(|row| row.id == id.as_uuid());
        self.orders.retain(|id, _| is_under_way(id));
        for row in orders {
            let command = CommandId::from_uuid(row.id);
            let again = self.orders.get(&command);
            let pause = Duration::from_secs(ORDER_AGAIN_SECS);
            let is_left_alone = again.is_some_and(|at| at.elapsed() < pause);
            if is_left_alone {
                continue;
            }
            if let Some(due) = due(&mut conn, &row, heard_before).await? {
                tracing::warn!(command.id = %command, "an order was lost and goes on");
                metrics::counter!("assay_work_remade_total", "kind" => "orders").increment(1);
                self.ground.bus.publish(&due).await?;
                self.orders.insert(command, Instant::now());
            }
        }
        Ok(())
    }
}

const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Requests => "requests",
        Kind::Trees => "trees",
        Kind::Listings => "listings",
    }
}

/// The id before one.
fn below(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128().saturating_sub(1))
}

async fn record(
    conn: &mut LedgerConnection,
    kind: Kind,
    lost: &[Unfinished],
    now: Timestamp,
) -> Result<(), StoreError> {
    let key = |row: &RemadeRow| (row.lab_attempt_id, row.request_id);
    let rows = sorted(lost.iter().map(|work| plan::row(work, now)), key);
    let new = RemadeRow::insert(conn, &rows).await?;
    let covered: Vec<_> = rows
        .iter()
        .filter(|row| new.contains(&row.id))
        .map(LedgerRow::covered)
        .collect();
    let Some(first) = covered.first() else {
        return Ok(());
    };
    let subject = first.key.clone();
    let mut fields = Map::new();
    fields.insert("assay.lost.kind".into(), json!(name(kind)));
    let entry = audit::of_rows("work-remade", &subject, None, fields, covered, now);
    audit_entry::append(conn, &[entry]).await
}

/// Where an order goes on, if it is lost: after the last attempt that it asked for. What it looked
/// at beyond that and did not mean, it looks at again.
async fn due(
    conn: &mut store::pool::Connection,
    row: &CommandRow,
    heard_before: Timestamp,
) -> Result<Option<ReprocessDue>, StoreError> {
    let command = CommandId::from_uuid(row.id);
    let asked = order::asked(conn, command).await?;
    let heard_at = asked.map_or(row.recorded_at, |asked| asked.recorded_at);
    if heard_at >= heard_before {
        return Ok(None);
    }
    let progress = order::progress(conn, command).await?;
    Ok(Some(ReprocessDue {
        command,
        after: asked.map(|asked| asked.last),
        selected: u64::try_from(progress.requests).unwrap_or(0),
        not_before: None,
    }))
}

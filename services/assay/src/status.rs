//! Owns `assay status`: what is recorded, running, queued, failed, missing.

use bus::inspect::{ConsumerState, StreamState};
use contract::ids::CommandId;
use contract::time::to_text;
use process::exit;
use serde_json::{Value, json};
use store::dead_letter;
use store::pool::Connection;
use store::reprocess::order::{self, Progress};
use store::view::status::{self, Status};
use store::work_status::{self, Trouble, Waiting};

use crate::context::Context;
use crate::say::say;
use crate::table::table;

/// Orders to reprocess that are looked at, the newest.
const ORDERS_MAX: i64 = 100;

/// An order to reprocess that is under way.
struct Order {
    command: CommandId,
    actor: String,
    reason: String,
    attempts: i64,
    progress: Progress,
}

/// Everything that is said, at one moment.
struct Picture {
    counts: Status,
    missing: i64,
    /// Dead letters that nobody has decided on.
    dead_open: i64,
    orders: Vec<Order>,
    /// Attempts whose forge is to be told how they stand, by source.
    untold: Vec<Waiting>,
    /// Where a forge takes no statuses from us.
    closed: Vec<Trouble>,
    streams: Vec<StreamState>,
    consumers: Vec<ConsumerState>,
}

pub(crate) async fn status(context: &Context, as_json: bool) -> anyhow::Result<u8> {
    let mut ledger = context.reader().await?;
    let bus = context.bus().await?;
    // The queue first: a request that is answered in between is not missing.
    let (streams, consumers) = (bus.stream_states().await?, bus.consumer_states().await?);
    let counts = status::status(&mut ledger).await?;
    let missing = missing(&counts, messages(&streams, "JOBS"));
    let picture = Picture {
        counts,
        missing,
        dead_open: dead_letter::open(&mut ledger).await?,
        orders: orders(&mut ledger).await?,
        untold: work_status::waiting(&mut ledger).await?,
        closed: work_status::troubles(&mut ledger).await?,
        streams,
        consumers,
    };
    if as_json {
        say!("{}", serde_json::to_string_pretty(&json(&picture))?);
    } else {
        show(&picture);
    }
    Ok(exit::OK)
}

async fn orders(ledger: &mut Connection) -> anyhow::Result<Vec<Order>> {
    let mut orders = Vec::new();
    for row in order::under_way(ledger, ORDERS_MAX).await? {
        let command = CommandId::from_uuid(row.id);
        let result = row.result.unwrap_or_default();
        orders.push(Order {
            command,
            actor: row.actor,
            reason: row.body["reason"].as_str().unwrap_or_default().to_owned(),
            attempts: result["attempts"].as_i64().unwrap_or(0),
            progress: order::progress(ledger, command).await?,
        });
    }
    Ok(orders)
}

fn messages(streams: &[StreamState], name: &str) -> u64 {
    streams
        .iter()
        .find(|stream| stream.name == name)
        .map_or(0, |stream| stream.messages)
}

fn json(picture: &Picture) -> Value {
    let streams: Vec<_> = picture
        .streams
        .iter()
        .map(|s| json!({ "name": s.name, "messages": s.messages, "bytes": s.bytes }))
        .collect();
    let consumers: Vec<_> = picture
        .consumers
        .iter()
        .map(|c| {
            json!({
                "stream": c.stream, "name": c.durable, "waiting": c.waiting,
                "unacked": c.unacked, "redelivered": c.redelivered,
            })
        })
        .collect();
    let orders: Vec<_> = picture
        .orders
        .iter()
        .map(|order| {
            json!({
                "command": order.command, "actor": order.actor, "reason": order.reason,
                "attempts": order.attempts, "progress": order.progress,
            })
        })
        .collect();
    json!({
        "orders": orders,
        "ledger": picture.counts,
        "missing": picture.missing,
        "dead_letters_open": picture.dead_open,
        "statuses": { "untold": picture.untold, "closed": picture.closed },
        "streams": streams,
        "consumers": consumers,
    })
}

fn show(picture: &Picture) {
    let Picture {
        counts,
        missing,
        dead_open,
        orders,
        untold,
        closed,
        streams,
        consumers,
    } = picture;
    say!(
        "recorded   {} deliveries ({} conflicts), {} pushes, {} attempts in {} sessions",
        counts.deliveries,
        counts.conflicts,
        counts.pushes,
        counts.attempts,
        counts.sessions
    );
    say!(
        "late       {} attempts, received after their session's deadline",
        counts.late
    );
    say!("preserved  {} trees", counts.snapshots);
    show_gone(counts);
    say!(
        "judged     {} passed, {} failed, {} could not be judged, {} superseded, {} unchecked",
        counts.passed,
        counts.failed,
        counts.errors,
        counts.superseded,
        counts.unchecked
    );
    say!("running    {}", counts.running);
    say!(
        "queued     {} for a snapshot, {} for verification, {} to be tried again",
        counts.queued_to_snapshot,
        counts.queued_to_verify,
        counts.retrying
    );
    let word = if *missing > 0 {
        " requests without a result or a message in the queue"
    } else {
        ""
    };
    say!("missing    {missing}{word}");
    if counts.remade > 0 {
        say!(
            "lost       {} times work was in no queue any more and was asked for again",
            counts.remade
        );
    }
    show_orders(orders);
    show_statuses(untold, closed);
    say!(
        "log        {} leaves, {} entries waiting for theirs",
        counts.leaves,
        counts.pending
    );
    show_consumers(consumers);
    say!(
        "dead letters: {} to be decided on (`assay dead list`), {} messages in DEAD",
        dead_open,
        messages(streams, "DEAD")
    );
}

/// What is gone of what was recorded: it is counted above all the same.
fn show_gone(counts: &Status) {
    if counts.people_erased > 0 {
        say!(
            "erased     {} people, of {} attempts: their rows and proofs stay",
            counts.people_erased,
            counts.attempts_erased
        );
    }
    let (bodies, logs, trees) = (
        counts.raw_bodies_removed,
        counts.logs_removed,
        counts.snapshots_removed,
    );
    if bodies + logs + trees > 0 {
        say!(
            "removed    {bodies} raw bodies, {logs} logs, {trees} trees, by erasures and by rules"
        );
    }
}

fn show_consumers(consumers: &[ConsumerState]) {
    let mut shown = table(&["stream", "consumer", "waiting", "unacked", "redelivered"]);
    for state in consumers {
        shown.add_row([
            state.stream.to_owned(),
            state.durable.to_owned(),
            state.waiting.to_string(),
            state.unacked.to_string(),
            state.redelivered.to_string(),
        ]);
    }
    say!("{shown}");
}

fn show_orders(orders: &[Order]) {
    for order in orders {
        let Progress {
            requests, waiting, ..
        } = order.progress;
        say!(
            "order      {} by {}: asked for {requests} of {}, judged {} ({})",
            order.command,
            order.actor,
            order.attempts,
            requests - waiting,
            order.reason
        );
    }
}

fn show_statuses(untold: &[Waiting], closed: &[Trouble]) {
    for Waiting { source, attempts } in untold {
        say!(
            "untold     {attempts} attempts of {source}: their forge is to be told how they stand"
        );
    }
    for one in closed {
        let place = if one.repository.is_empty() {
            &one.source
        } else {
            &one.repository
        };
        say!(
            "closed     {place} takes no statuses from us since {}: {}",
            to_text(one.since),
            one.reason
        );
    }
}

/// Requests without a final result beyond what the queue can still carry. One message carries at
/// least one request, so this never cries wolf; it can be late.
fn missing(counts: &Status, in_jobs: u64) -> i64 {
    if in_jobs > 0 { 0 } else { counts.open() }
}

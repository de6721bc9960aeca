//! Owns `assay status`: what is recorded, running, queued, failed, missing.

use process::exit;
use serde_json::json;
use store::view::status::{self, Status};

use crate::context::Context;
use crate::say::say;
use crate::table::table;

pub(crate) async fn status(context: &Context, as_json: bool) -> anyhow::Result<u8> {
    let mut ledger = context.reader().await?;
    let counts = status::status(&mut ledger).await?;
    let bus = context.bus().await?;
    let (streams, consumers) = (bus.stream_states().await?, bus.consumer_states().await?);
    let in_jobs = streams
        .iter()
        .find(|stream| stream.name == "JOBS")
        .map_or(0, |s| s.messages);
    let missing = missing(&counts, in_jobs);
    if as_json {
        let streams: Vec<_> = streams
            .iter()
            .map(|s| json!({ "name": s.name, "messages": s.messages, "bytes": s.bytes }))
            .collect();
        let consumers: Vec<_> = consumers
            .iter()
            .map(|c| {
                json!({
                    "stream": c.stream, "name": c.durable, "waiting": c.waiting,
                    "unacked": c.unacked, "redelivered": c.redelivered,
                })
            })
            .collect();
        let all = json!({
            "ledger": counts, "missing": missing, "streams": streams, "consumers": consumers,
        });
        say!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(exit::OK);
    }
    say!(
        "recorded   {} deliveries ({} conflicts), {} pushes, {} attempts in {} sessions",
        counts.deliveries,
        counts.conflicts,
        counts.pushes,
        counts.attempts,
        counts.sessions
    );
    say!("preserved  {} trees", counts.snapshots);
    say!(
        "judged     {} passed, {} failed, {} could not be judged, {} superseded",
        counts.passed,
        counts.failed,
        counts.errors,
        counts.superseded
    );
    say!("running    {}", counts.running);
    say!(
        "queued     {} for a snapshot, {} for verification, {} to be tried again",
        counts.queued_to_snapshot,
        counts.queued_to_verify,
        counts.retrying
    );
    say!(
        "missing    {missing}{}",
        if missing > 0 {
            "  requests that have no result and no message in the queue"
        } else {
            ""
        }
    );
    say!(
        "log        {} leaves, {} entries waiting for theirs",
        counts.leaves,
        counts.pending
    );
    let mut shown = table(&["stream", "consumer", "waiting", "unacked", "redelivered"]);
    for state in &consumers {
        shown.add_row([
            state.stream.to_owned(),
            state.durable.to_owned(),
            state.waiting.to_string(),
            state.unacked.to_string(),
            state.redelivered.to_string(),
        ]);
    }
    say!("{shown}");
    let dead = streams
        .iter()
        .find(|stream| stream.name == "DEAD")
        .map_or(0, |s| s.messages);
    say!("dead letters: {dead}");
    Ok(exit::OK)
}

/// Requests without a final result beyond what the queue can still carry. One message carries at
/// least one request, so this never cries wolf; it can be late.
fn missing(counts: &Status, in_jobs: u64) -> i64 {
    if in_jobs > 0 { 0 } else { counts.open() }
}

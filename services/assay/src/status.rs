//! Owns `assay status`: what is recorded, running, queued, failed, missing.

use bus::inspect::{ConsumerState, StreamState};
use process::exit;
use serde_json::{Value, json};
use store::view::status::{self, Status};

use crate::context::Context;
use crate::say::say;
use crate::table::table;

/// Everything that is said, at one moment.
struct Picture {
    counts: Status,
    missing: i64,
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
    json!({
        "ledger": picture.counts,
        "missing": picture.missing,
        "streams": streams,
        "consumers": consumers,
    })
}

fn show(picture: &Picture) {
    let Picture {
        counts,
        missing,
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
    let word = if *missing > 0 {
        " requests without a result or a message in the queue"
    } else {
        ""
    };
    say!("missing    {missing}{word}");
    say!(
        "log        {} leaves, {} entries waiting for theirs",
        counts.leaves,
        counts.pending
    );
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
    say!("dead letters: {}", messages(streams, "DEAD"));
}

/// Requests without a final result beyond what the queue can still carry. One message carries at
/// least one request, so this never cries wolf; it can be late.
fn missing(counts: &Status, in_jobs: u64) -> i64 {
    if in_jobs > 0 { 0 } else { counts.open() }
}

//! Owns `assay trace`: a delivery's way through the ledger, as it happened.

use contract::ids::DeliveryId;
use contract::time::{Timestamp, to_text};
use process::exit;
use store::pool::Connection;
use store::view::timeline::{self, Timeline};

use crate::context::Context;
use crate::say::say;
use crate::table::{short, table};
use crate::used;

pub(crate) async fn trace(context: &Context, delivery: &str, json: bool) -> anyhow::Result<u8> {
    let mut ledger = context.reader().await?;
    let Some(timeline) = find(context, &mut ledger, delivery).await? else {
        eprintln!("no delivery {delivery} is recorded (it may still be queued: `assay status`)");
        return Ok(exit::FAILED);
    };
    if json {
        say!("{}", serde_json::to_string_pretty(&timeline)?);
        return Ok(exit::OK);
    }
    say!(
        "delivery {}  trace {}",
        timeline.delivery.id,
        timeline.delivery.trace_id
    );
    let begin = timeline.delivery.received_at;
    let mut shown = table(&["ms", "at", "what"]);
    for (at, what) in events(&timeline) {
        let after = (at - begin).num_microseconds().unwrap_or(i64::MAX);
        #[allow(
            clippy::cast_precision_loss,
            reason = "a tenth of a millisecond is shown"
        )]
        let after = format!("{:.1}", after as f64 / 1_000.0);
        shown.add_row([after, to_text(at), what]);
    }
    say!("{shown}");
    Ok(exit::OK)
}

/// Finds a delivery by our id, its trace id, or the forge's id.
pub(crate) async fn find(
    context: &Context,
    ledger: &mut Connection,
    text: &str,
) -> anyhow::Result<Option<Timeline>> {
    let ours = text.parse().ok();
    let forges = context
        .settings
        .sources
        .keys()
        .map(|source| DeliveryId::compute(source.as_str(), text));
    for id in ours.into_iter().chain(forges) {
        if let Some(timeline) = timeline::of_delivery(ledger, id).await? {
            return Ok(Some(timeline));
        }
    }
    Ok(None)
}

/// What happened, in order.
pub(crate) fn events(timeline: &Timeline) -> Vec<(Timestamp, String)> {
    let delivery = &timeline.delivery;
    let mut events = vec![
        (
            delivery.received_at,
            format!(
                "admitted: {} of {}, {} bytes",
                delivery.event, delivery.source, delivery.body_bytes
            ),
        ),
        (delivery.recorded_at, "delivery recorded".to_owned()),
    ];
    for push in &timeline.pushes {
        let tip = push
            .after_sha
            .as_deref()
            .map_or("deleted".to_owned(), short);
        events.push((
            push.recorded_at,
            format!("push recorded: {} -> {tip}", push.ref_name),
        ));
    }
    for attempt in &timeline.attempts {
        events.push((
            attempt.recorded_at,
            format!(
                "attempt recorded: commit {} ({})",
                short(&attempt.commit_sha),
                attempt.listed
            ),
        ));
        if let (Some(at), Some(digest)) = (attempt.snapshot_at, &attempt.snapshot_digest) {
            let what = format!(
                "snapshot {} of commit {}: {} files, {} bytes",
                short(digest),
                short(&attempt.commit_sha),
                attempt.snapshot_files.unwrap_or(0),
                attempt.snapshot_bytes.unwrap_or(0)
            );
            events.push((at, what));
        }
    }
    events.extend(removed(timeline));
    events.extend(judged(timeline));
    events.extend(logged(timeline));
    events.sort();
    events.dedup();
    events
}

fn removed(timeline: &Timeline) -> Vec<(Timestamp, String)> {
    let mut events = Vec::new();
    for attempt in &timeline.attempts {
        let commit = short(&attempt.commit_sha);
        if let Some(at) = attempt.erased_at {
            events.push((at, format!("erased: who pushed commit {commit}")));
        }
        if let Some(at) = attempt.snapshot_removed_at {
            events.push((at, format!("snapshot of commit {commit} removed")));
        }
    }
    events
}

fn judged(timeline: &Timeline) -> Vec<(Timestamp, String)> {
    let mut events = Vec::new();
    for verification in &timeline.verifications {
        if let (Some(command), Some(actor)) = (verification.command_id, &verification.ordered_by) {
            let reason = verification.order_reason.as_deref().unwrap_or_default();
            let what = format!("asked for again by {actor}: {reason} (command {command})");
            events.push((verification.requested_at, what));
        }
        if let Some(at) = verification.claimed_at {
            events.push((
                at,
                format!(
                    "try {} claimed by {}",
                    verification.try_number, verification.worker
                ),
            ));
        }
        let cause = verification
            .cause
            .as_deref()
            .map(|c| format!(" ({c})"))
            .unwrap_or_default();
        let what = format!(
            "result: {}{cause}, {} of {} points",
            verification.result, verification.points, verification.points_max
        );
        events.push((verification.recorded_at, what));
        let steps = used::steps(&verification.steps, &verification.peaks);
        events.extend(
            steps
                .into_iter()
                .map(|step| (verification.finished_at, step)),
        );
    }
    events
}

fn logged(timeline: &Timeline) -> Vec<(Timestamp, String)> {
    let mut events = Vec::new();
    for entry in &timeline.entries {
        if let (Some(at), Some(index)) = (entry.leaf_at, entry.leaf_index) {
            events.push((at, format!("log leaf {index}: {}", entry.action)));
        }
        if let (Some(at), Some(size)) = (entry.checkpoint_at, entry.checkpoint_size) {
            events.push((at, format!("checkpoint of {size} leaves signed")));
        }
    }
    events
}

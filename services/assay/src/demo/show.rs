//! Owns what the demo's reader sees.

use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use contract::result::StepResult;
use contract::time::Timestamp;
use store::view::timeline::{Timeline, TimelineAttempt, TimelineVerification};

use crate::say::say;
use crate::table::{short, table};
use crate::up::house::Endpoints;

pub(crate) fn opening() {
    say!(
        "
Assay demo: a learner pushes to a forge; Assay turns the push into a proven result.

  forge --webhook--> webhook-ingest --> attempt-writer --> snapshot-builder --> verifier
                         all of it in a signed log that auditor keeps

Everything is real and private to this demo: a nats-server, a Postgres, git repositories served
over HTTP on loopback, a sandbox without network for the checks."
    );
}

pub(crate) fn ready(endpoints: &Endpoints, data: &Path, took: Duration) {
    say!("\nThe house is up after {:.1} s.", took.as_secs_f64());
    say!("  webhooks  http://{}/hooks/github", endpoints.hooks);
    say!("  health    http://{}/ready", endpoints.health);
    say!("  data      {}", data.display());
    say!(
        "  limits    wall clock, CPU time, memory, processes, disk and output of each step as a\n\
         \u{20}           whole, unless it is said above which cannot be enforced here"
    );
}

pub(crate) fn chapter(number: u8, title: &str) {
    say!("\n{number}. {title}");
}

pub(crate) fn line(text: &str) {
    say!("    {text}");
}

/// Something that happened to a delivery, so long after it was admitted.
pub(crate) fn event(after: TimeDelta, what: &str) {
    say!("    {:>8} ms  {what}", millis(after));
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a tenth of a millisecond is shown"
)]
fn millis(delta: TimeDelta) -> String {
    format!(
        "{:.1}",
        delta.num_microseconds().unwrap_or(i64::MAX) as f64 / 1_000.0
    )
}

/// The push's way as a table.
pub(crate) fn way(seen: &Timeline, digest: &str, proofs: &[(i64, u64, bool)]) {
    let mut shown = table(&["stage", "what", "ms since the stage before"]);
    let mut before = seen.delivery.received_at;
    let mut since = |at: Timestamp| {
        let after = at - before;
        before = at.max(before);
        millis(after)
    };
    let delivery = &seen.delivery;
    shown.add_row([
        "receipt",
        &format!(
            "body {} ({} bytes), verified by key {:?}",
            short(digest),
            delivery.body_bytes,
            delivery.key
        ),
        "0.0",
    ]);
    shown.add_row([
        "delivery",
        &delivery.id.to_string(),
        &since(delivery.recorded_at),
    ]);
    for attempt in &seen.attempts {
        shown.add_row([
            "attempt",
            &attempt_text(attempt),
            &since(attempt.recorded_at),
        ]);
        if let (Some(at), Some(digest)) = (attempt.snapshot_at, &attempt.snapshot_digest) {
            let text = format!(
                "{digest}\n{} files, {} bytes",
                attempt.snapshot_files.unwrap_or(0),
                attempt.snapshot_bytes.unwrap_or(0)
            );
            shown.add_row(["snapshot", &text, &since(at)]);
        }
    }
    for verification in &seen.verifications {
        let text = result_text(verification);
        shown.add_row(["result", &text, &since(verification.recorded_at)]);
    }
    for (entry, (index, size, holds)) in seen.entries.iter().zip(proofs) {
        let word = if *holds {
            "proof checks"
        } else {
            "PROOF DOES NOT CHECK"
        };
        let text = format!(
            "leaf {index} ({}), checkpoint of {size} leaves: {word}",
            entry.action
        );
        let waited = entry
            .leaf_at
            .map(|at| millis(at - entry.recorded_at))
            .unwrap_or_default();
        shown.add_row(["log", &text, &format!("{waited} after its entry")]);
    }
    shown.add_row(["trace", &delivery.trace_id, ""]);
    say!("{shown}");
}

fn attempt_text(attempt: &TimelineAttempt) -> String {
    format!(
        "commit {} on {}, of {} in lab {} version {}",
        short(&attempt.commit_sha),
        attempt.branch,
        attempt.repository,
        attempt.lab,
        attempt.lab_version
    )
}

fn result_text(verification: &TimelineVerification) -> String {
    let run = verification.finished_at - verification.started_at;
    let mut text = format!(
        "{}, {} of {} points, run in {} ms",
        verification.result.to_uppercase(),
        verification.points,
        verification.points_max,
        run.num_milliseconds()
    );
    for step in steps(verification) {
        text.push_str(&format!("\n  step {:?}: {} ms", step.name, step.wall_ms));
        for test in &step.tests {
            let took = test
                .duration_ms
                .map(|ms| format!(" ({ms} ms)"))
                .unwrap_or_default();
            text.push_str(&format!("\n    {:<8} {}{took}", test.outcome, test.name));
            if let Some(message) = &test.message {
                text.push_str(&format!(": {}", message.lines().next().unwrap_or_default()));
            }
        }
        if let Some(reason) = &step.reason {
            text.push_str(&format!("\n    {reason}"));
        }
    }
    text
}

/// The steps of a result; none where another version wrote them in another form.
pub(crate) fn steps(verification: &TimelineVerification) -> Vec<StepResult> {
    serde_json::from_value(verification.steps.clone()).unwrap_or_default()
}

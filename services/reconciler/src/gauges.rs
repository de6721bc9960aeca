//! Owns what the metrics show: each comparison, and how the gaps stand that were ever found.

use std::time::Duration;

use chrono::TimeDelta;
use contract::time::{Timestamp, now};
use forge_api::github::KEPT_DAYS;
use metrics::{counter, gauge};
use store::error::StoreError;
use store::reconciliation::ReconciliationRow;
use store::view::gaps::{self, Standing};

use crate::desk::Desk;

/// Between two looks at how the gaps stand, in seconds.
const LOOK_EVERY_SECS: u64 = 10;
/// The kinds of gaps.
const KINDS: [&str; 3] = ["delivery-failed", "delivery-lost", "ref"];

/// Shows a comparison of a whole source. `lost` are the deliveries that were answered with a 2xx.
#[allow(
    clippy::cast_precision_loss,
    reason = "counts and Unix times are far below 2^53"
)]
pub(crate) fn show(row: &ReconciliationRow, lost: usize) {
    let source = || row.source.clone();
    let outcome = row.outcome.clone();
    counter!("assay_reconcile_runs_total", "source" => source(), "outcome" => outcome).increment(1);
    if row.repository.is_some() {
        return;
    }
    let lost = i64::try_from(lost).unwrap_or(i64::MAX);
    for (kind, gaps) in [
        ("delivery-failed", row.delivery_gaps - lost),
        ("delivery-lost", lost),
        ("ref", row.ref_gaps),
    ] {
        gauge!("assay_reconcile_gaps", "source" => source(), "kind" => kind).set(gaps as f64);
    }
    if row.outcome == "complete" {
        gauge!("assay_reconcile_last_success_timestamp_seconds", "source" => source())
            .set(row.began_at.timestamp() as f64);
    }
}

/// Counts a comparison that was broken off.
pub(crate) fn broken_off(source: &str) {
    let source = source.to_owned();
    counter!("assay_reconcile_runs_total", "source" => source, "outcome" => "broken-off")
        .increment(1);
}

/// Shows how the gaps stand until the stop signal: their number and age come from the ledger, so
/// that they outlive the process that found them and are the same in each.
pub(crate) async fn keep(desk: &Desk) {
    loop {
        if let Err(error) = look(desk).await {
            // The next look may find the ledger again; the part `ledger` says how it is.
            tracing::debug!(%error, "the gaps could not be counted");
        }
        let every = Duration::from_secs(LOOK_EVERY_SECS);
        if desk.pause(every).await.is_err() {
            return;
        }
    }
}

async fn look(desk: &Desk) -> Result<(), StoreError> {
    let at = now();
    let mut conn = desk.ground.store.connection().await?;
    let standing = gaps::standing(&mut conn, at - TimeDelta::days(KEPT_DAYS)).await?;
    for name in desk.sources.names() {
        let source = name.as_str();
        let here = || standing.iter().filter(move |row| row.source == source);
        for kind in KINDS {
            show_kind(source, kind, here().find(|row| row.kind == kind));
        }
        let age = oldest_secs(here(), at);
        gauge!("assay_reconcile_oldest_gap_seconds", "source" => source.to_owned()).set(age);
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn show_kind(source: &str, kind: &'static str, row: Option<&Standing>) {
    let (open, expired) = row.map_or((0, 0), |row| (row.open, row.expired));
    for (name, gaps) in [
        ("assay_reconcile_gaps_open", open),
        ("assay_reconcile_gaps_expired", expired),
    ] {
        gauge!(name, "source" => source.to_owned(), "kind" => kind).set(gaps as f64);
    }
}

/// For how long the oldest open gap has been missing, in seconds; 0 for none.
#[allow(clippy::cast_precision_loss, reason = "ages are far below 2^53")]
fn oldest_secs<'a>(standing: impl Iterator<Item = &'a Standing>, at: Timestamp) -> f64 {
    let oldest = standing.filter_map(|row| row.oldest_open_at).min();
    oldest.map_or(0, |oldest| (at - oldest).num_seconds().max(0)) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_is_of_the_oldest_gap_of_any_kind_that_is_open() {
        let at = Timestamp::from_timestamp(1_000, 0).unwrap();
        let standing = |oldest: Option<i64>| Standing {
            source: "github".to_owned(),
            kind: "ref".to_owned(),
            found: 3,
            closed: 1,
            open: 1,
            expired: 1,
            oldest_open_at: oldest.map(|secs| Timestamp::from_timestamp(secs, 0).unwrap()),
        };
        for (oldest, expected) in [
            (&[][..], 0.0),
            (&[None], 0.0),
            (&[Some(900), None, Some(400)], 600.0),
            (&[Some(2_000)], 0.0),
        ] {
            let all: Vec<_> = oldest.iter().map(|secs| standing(*secs)).collect();
            assert!(
                (oldest_secs(all.iter(), at) - expected).abs() < f64::EPSILON,
                "{oldest:?}"
            );
        }
    }
}

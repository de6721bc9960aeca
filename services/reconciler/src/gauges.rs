//! Owns what a comparison shows in the metrics.

use contract::time::now;
use metrics::{counter, gauge};
use store::reconciliation::ReconciliationRow;

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
    let age = row.oldest_gap_at.map(|oldest| now() - oldest);
    let seconds = age.map_or(0, |age| age.num_seconds().max(0));
    gauge!("assay_reconcile_oldest_gap_seconds", "source" => source()).set(seconds as f64);
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

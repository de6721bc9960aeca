//! Owns what the metrics show of what waits, from the ledger: the same in every process.

use std::time::Duration;

use metrics::gauge;
use store::error::StoreError;
use store::work_status;

use crate::desk::Desk;

/// Between two looks, in seconds.
const LOOK_EVERY_SECS: u64 = 10;

/// Shows what waits until the stop signal.
pub(crate) async fn keep(desk: &Desk) {
    loop {
        if let Err(error) = look(desk).await {
            // The next look may find the ledger again; the part `ledger` says how it is.
            tracing::debug!(%error, "what waits could not be counted");
        }
        let every = Duration::from_secs(LOOK_EVERY_SECS);
        if desk.pause(every).await.is_err() {
            return;
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
async fn look(desk: &Desk) -> Result<(), StoreError> {
    let mut conn = desk.ground.store.connection().await?;
    let waiting = work_status::waiting(&mut conn).await?;
    let troubles = work_status::troubles(&mut conn).await?;
    for name in desk.sources.names() {
        let due = waiting.iter().find(|one| one.source == name.as_str());
        let due = due.map_or(0, |one| one.attempts);
        let closed = troubles.iter().filter(|one| one.source == name.as_str());
        let source = || name.to_string();
        gauge!("assay_status_due", "source" => source()).set(due as f64);
        gauge!("assay_status_closed", "source" => source()).set(closed.count() as f64);
    }
    Ok(())
}

//! Owns what was refused for our own sake, with 429 or 503: most forges do not send it again, so
//! their side is compared with ours. Asks for that, once a minute and source, when the queue can be
//! told. It is memory alone: the reconciliation by schedule does not need it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use bus::connect::Bus;
use contract::command::ReconcileRequested;
use contract::name::SourceName;
use contract::time::now;
use tokio_util::sync::CancellationToken;

use crate::hook::SERVICE;

/// Between two reconciliations that are asked for one source, in seconds.
const ASK_EVERY_SECS: u64 = 60;
/// Between two looks at what was refused, in seconds.
const LOOK_EVERY_SECS: u64 = 5;

/// What was refused of each source since it was last told.
#[derive(Default)]
pub(crate) struct Refused(Mutex<BTreeMap<SourceName, Since>>);

#[derive(Default)]
struct Since {
    told: Option<Instant>,
    count: u64,
}

impl Refused {
    /// Remembers that a delivery of `source` was refused.
    pub(crate) fn remember(&self, source: &SourceName, status: StatusCode) {
        metrics::counter!(
            "assay_hooks_refused_total",
            "source" => source.to_string(), "status" => status.as_str().to_owned()
        )
        .increment(1);
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sources.entry(source.clone()).or_default().count += 1;
    }

    /// The sources that are to be asked about now, with how much of each was refused. They count
    /// as told.
    fn due(&self, at: Instant) -> Vec<(SourceName, u64)> {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = Vec::new();
        for (name, since) in sources.iter_mut() {
            let is_new = since.told.is_none_or(|told| {
                at.saturating_duration_since(told) >= Duration::from_secs(ASK_EVERY_SECS)
            });
            if since.count > 0 && is_new {
                due.push((name.clone(), std::mem::take(&mut since.count)));
                since.told = Some(at);
            }
        }
        due
    }

    /// Nobody could be told after all.
    fn untold(&self, source: SourceName, count: u64) {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = sources.entry(source).or_default();
        since.count += count;
        since.told = None;
    }

    /// Asks for reconciliations until `stop`, whenever `bus` gives a bus that can be told.
    pub(crate) async fn tell(&self, bus: impl Fn() -> Option<Bus>, stop: &CancellationToken) {
        let mut looks = tokio::time::interval(Duration::from_secs(LOOK_EVERY_SECS));
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                () = stop.cancelled() => return,
            }
            let Some(bus) = bus() else { continue };
            for (source, count) in self.due(Instant::now()) {
                let actor = SERVICE.parse().expect("it is the name of an actor");
                let asked = ReconcileRequested::after_refusals(actor, source.clone(), now());
                match bus.publish(&asked).await {
                    Ok(_) => tracing::info!(
                        %source, count,
                        "{count} deliveries of {source} were refused: asked to reconcile it"
                    ),
                    Err(error) => {
                        tracing::warn!(%source, %error, "nobody was asked to reconcile");
                        self.untold(source, count);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_told_at_once_and_then_once_a_minute_and_never_without_a_cause() {
        let refused = Refused::default();
        let source: SourceName = "github".parse().unwrap();
        let other: SourceName = "gitea".parse().unwrap();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(refused.due(at(0)), []);
        refused.remember(&source, StatusCode::SERVICE_UNAVAILABLE);
        refused.remember(&source, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.due(at(1)), [(source.clone(), 2)]);
        assert_eq!(refused.due(at(2)), []);
        refused.remember(&source, StatusCode::SERVICE_UNAVAILABLE);
        refused.remember(&other, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.due(at(60)), [(other.clone(), 1)]);
        refused.untold(other.clone(), 1);
        assert_eq!(refused.due(at(61)), [(other, 1), (source, 1)]);
        assert_eq!(refused.due(at(500)), []);
    }

    #[test]
    fn the_service_can_give_commands() {
        assert!(SERVICE.parse::<contract::name::Actor>().is_ok());
    }
}

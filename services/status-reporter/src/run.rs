//! Owns the service: what it stands on, its hints, its sources' loops, and their end.

use std::sync::Arc;

use bus::batches::batches;
use bus::topology::STATUS_REPORTER;
use process::health::Health;
use process::settings::Settings;
use process::settings::service::Service;
use service::ground::Ground;
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;
use crate::gauges;
use crate::hints::Facts;
use crate::source_loop;

/// Facts of one batch, and so of one statement.
const FACTS_MAX: usize = 200;

/// Runs the service until it is told to stop.
///
/// # Errors
/// A bad setting, a topology or schema that is not ours, or a consumer that cannot be opened.
pub async fn run(
    settings: &Settings,
    health: &Health,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let ground = Ground::open(settings, Service::StatusReporter, health, &stop).await?;
    let desk = Arc::new(Desk::open(settings, ground.clone(), stop.clone())?);
    let facts = Arc::new(Facts {
        desk: Arc::clone(&desk),
    });
    let part = health.part("sources");
    let consuming = async {
        let consumed = batches(ground.consumption(&STATUS_REPORTER), FACTS_MAX, facts).await;
        if consumed.is_err() {
            // Half a service helps nobody.
            stop.cancel();
        }
        consumed
    };
    let (consumed, (), (), (), ()) = tokio::join!(
        consuming,
        ground.watch(),
        desk.sources.watch(settings, &part, &stop),
        source_loop::keep_all(&desk),
        gauges::keep(&desk),
    );
    Ok(consumed?)
}

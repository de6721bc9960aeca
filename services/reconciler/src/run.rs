//! Owns the service: what it stands on, its commands, its schedule, and their end.

use std::sync::Arc;

use bus::consume::each;
use bus::topology::RECONCILER_COMMANDS;
use process::health::Health;
use process::settings::Settings;
use process::settings::service::Service;
use service::ground::Ground;
use tokio_util::sync::CancellationToken;

use crate::asked::Commands;
use crate::desk::Desk;
use crate::{gauges, schedule};

/// Commands that are worked on at one time. Those of one source wait for each other.
const SLOTS: usize = 4;

/// Runs the service until it is told to stop.
///
/// # Errors
/// A bad setting, a topology or schema that is not ours, or a consumer that cannot be opened.
pub async fn run(
    settings: &Settings,
    health: &Health,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let ground = Ground::open(settings, Service::Reconciler, health, &stop).await?;
    let desk = Arc::new(Desk::open(settings, ground.clone(), stop.clone())?);
    let commands = Arc::new(Commands {
        desk: Arc::clone(&desk),
    });
    let part = health.part("sources");
    let consuming = async {
        let consumed = each(ground.consumption(&RECONCILER_COMMANDS), SLOTS, commands).await;
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
        schedule::keep_all(&desk),
        gauges::keep(&desk),
    );
    Ok(consumed?)
}

//! Owns the service: what it stands on, its consumers, and their end.

use std::sync::Arc;

use anyhow::Context as _;
use bus::consume::{Handler, each};
use bus::error::ConsumeError;
use bus::topology::{
    ConsumerSpec, SNAPSHOT_BUILDER_BULK, SNAPSHOT_BUILDER_COMMANDS, SNAPSHOT_BUILDER_LIVE,
};
use process::health::{Gate, Health};
use process::settings::Settings;
use process::settings::service::Service;
use service::ground::Ground;
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;
use crate::forget;
use crate::preserve::Preserve;
use crate::publish::Publish;

/// Pushes that are worked on at once. Most of a push's time is waiting for the forge and the disk.
const LIVE_SLOTS: usize = 8;
/// Pieces of work that can wait and are worked on at once.
const BULK_SLOTS: usize = 2;
/// Labs that are published at once.
const COMMAND_SLOTS: usize = 2;

/// Runs the service until `stop`.
///
/// # Errors
/// A bad setting, a topology or a schema that is not ours, a folder that cannot be opened.
pub async fn run(
    settings: &Settings,
    health: &Health,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let ground = Ground::open(settings, Service::SnapshotBuilder, health, &stop).await?;
    let desk = Arc::new(Desk::open(settings, ground.clone(), health)?);
    let git = desk
        .caches
        .check_git()
        .await
        .context("find the git program")?;
    tracing::info!(git, "fetching with {git}");
    desk.git.part().ready();
    let gate = Gate::new(vec![
        health.part("bus"),
        health.part("ledger"),
        health.part("objects"),
        health.part("git"),
    ]);
    let preserve = Arc::new(Preserve::new(Arc::clone(&desk)));
    let publish = Arc::new(Publish::new(Arc::clone(&desk)));
    // Whichever loop cannot go on takes the others with it: half a service helps nobody.
    let (live, bulk, commands, (), (), (), ()) = tokio::join!(
        consume(
            &ground,
            &gate,
            &stop,
            &SNAPSHOT_BUILDER_LIVE,
            LIVE_SLOTS,
            Arc::clone(&preserve)
        ),
        consume(
            &ground,
            &gate,
            &stop,
            &SNAPSHOT_BUILDER_BULK,
            BULK_SLOTS,
            preserve
        ),
        consume(
            &ground,
            &gate,
            &stop,
            &SNAPSHOT_BUILDER_COMMANDS,
            COMMAND_SLOTS,
            publish
        ),
        ground.watch(),
        desk.watch_objects(&stop),
        desk.watch_git(&stop),
        forget::keep(&desk, &stop),
    );
    Ok(live.and(bulk).and(commands)?)
}

async fn consume<H: Handler>(
    ground: &Ground,
    gate: &Gate,
    stop: &CancellationToken,
    consumer: &'static ConsumerSpec,
    slots: usize,
    handler: Arc<H>,
) -> Result<(), ConsumeError> {
    let mut consumption = ground.consumption(consumer);
    consumption.gate = gate.clone();
    let consumed = each(consumption, slots, handler).await;
    if consumed.is_err() {
        stop.cancel();
    }
    consumed
}

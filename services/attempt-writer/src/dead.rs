//! Owns dead letters in the ledger: each death is a row, and so is what an operator decides on it.

mod close;
mod decide;
mod record;

use std::sync::Arc;
use std::time::Duration;

use bus::consume::each;
use bus::error::ConsumeError;
use bus::topology::{ATTEMPT_WRITER_DEAD, ATTEMPT_WRITER_DISCARD, ATTEMPT_WRITER_SEND_BACK};
use service::ground::Ground;
use store::dead_letter;
use store::error::StoreError;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::dead::close::{Discard, SendBack};
use crate::dead::record::Recorder;

/// Letters that are recorded at one time.
const SLOTS: usize = 4;
/// Commands that are carried out at one time: one after the other, so that two that name the same
/// letter do not both send it back.
const COMMAND_SLOTS: usize = 1;
/// Between two counts of the open letters, in seconds.
const COUNT_EVERY_SECS: u64 = 15;

/// Records dead letters and carries out the commands about them until it is told to stop.
pub(crate) async fn consume(ground: &Ground, stop: &CancellationToken) -> Result<(), ConsumeError> {
    let recorder = Arc::new(Recorder {
        ground: ground.clone(),
    });
    let send_back = Arc::new(SendBack {
        ground: ground.clone(),
    });
    let discard = Arc::new(Discard {
        ground: ground.clone(),
    });
    let counting = async {
        count(ground, stop).await;
        Ok(())
    };
    tokio::try_join!(
        counting,
        each(ground.consumption(&ATTEMPT_WRITER_DEAD), SLOTS, recorder),
        each(
            ground.consumption(&ATTEMPT_WRITER_SEND_BACK),
            COMMAND_SLOTS,
            send_back
        ),
        each(
            ground.consumption(&ATTEMPT_WRITER_DISCARD),
            COMMAND_SLOTS,
            discard
        ),
    )?;
    Ok(())
}

/// Keeps the gauge of the letters that nobody has decided on.
async fn count(ground: &Ground, stop: &CancellationToken) {
    let mut ticks = interval(Duration::from_secs(COUNT_EVERY_SECS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match open(ground).await {
            // A count below 2^52 is the same as a float.
            Ok(open) => metrics::gauge!("assay_dead_letters_open").set(open as f64),
            Err(error) => tracing::debug!(%error, "count the open dead letters"),
        }
    }
}

async fn open(ground: &Ground) -> Result<i64, StoreError> {
    let mut conn = ground.store.connection().await?;
    dead_letter::open(&mut conn).await
}

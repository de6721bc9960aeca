//! What is done to a process itself: it is stopped, its clock stepped, its disk fails.

use std::time::Duration;

use anyhow::Result;
use rustix::process::Signal;

use crate::deck::fault::Step;
use crate::faults::broker;
use crate::hand::Hand;
use crate::mischief::Sick;
use crate::seat::Seat;

/// A stop that is longer than the ack wait (30 s), in seconds.
const STOP_LONG_SECS: u64 = 35;
/// How far a clock is stepped, in seconds: beyond every tolerance, lease and ack wait.
const STEP_SECS: i64 = 2 * 60 * 60;
/// Least time for which a clock is wrong, or a disk fails.
const LEAST: Duration = Duration::from_millis(500);

pub(super) async fn stop_long(seat: &Seat) -> bool {
    stop(seat, Duration::from_secs(STOP_LONG_SECS)).await
}

pub(super) async fn stop(seat: &Seat, lasts: Duration) -> bool {
    let _turn = seat.turn.lock().await;
    let stopped = seat.signal(Signal::STOP).await;
    tokio::time::sleep(lasts).await;
    let went_on = seat.signal(Signal::CONT).await;
    stopped && went_on
}

/// Says whether the process looked at its clock meanwhile.
pub(super) async fn step_clock(seat: &Seat, step: Step, lasts: Duration) -> bool {
    let Some(mischief) = &seat.mischief else {
        return false;
    };
    let before = mischief.clocks();
    mischief.step_clock(match step {
        Step::Forwards => STEP_SECS,
        Step::Backwards => -STEP_SECS,
    });
    tokio::time::sleep(lasts.max(LEAST)).await;
    mischief.step_clock(0);
    mischief.clocks() > before
}

/// Takes the queue away, so that deliveries are spooled, while the spool's disk fails. Says whether
/// it was used.
pub(super) async fn sicken(hand: &Hand, seat: &Seat, sick: Sick, lasts: Duration) -> Result<bool> {
    let Some(mischief) = &seat.mischief else {
        return Ok(false);
    };
    let _turn = seat.turn.lock().await;
    let before = mischief.disks();
    mischief.sicken(Some(sick));
    let killed = broker::kill(&hand.ground, lasts.max(LEAST)).await;
    mischief.sicken(None);
    killed.map(|()| mischief.disks() > before)
}

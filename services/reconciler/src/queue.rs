//! Owns waiting until the ledger has what the queue held: what is still on its way is no gap.

use std::time::Duration;

use contract::time::{Timestamp, now};
use retry::delays::Delays;
use retry::policy::REQUEST;

use crate::desk::Desk;
use crate::halt::Halt;

/// The queue of deliveries.
const DELIVERIES: &str = "DELIVERIES";
/// Longest wait for the writer, in seconds. What is not judged now is judged by the next
/// comparison.
const CAUGHT_UP_SECS_MAX: i64 = 120;

/// Lets the grace pass since `seen`, and then waits until everything that is in the queue by then
/// has left it; says whether it has.
pub(crate) async fn caught_up(desk: &Desk, seen: Timestamp) -> Result<bool, Halt> {
    let grace = Duration::from_secs(desk.limits.grace_seconds);
    let passed = (now() - seen).to_std().unwrap_or_default();
    desk.pause(grace.saturating_sub(passed)).await?;
    let begun = now();
    let (_, last) = places(desk).await?;
    let mut delays = Delays::new(&REQUEST);
    loop {
        let (first, _) = places(desk).await?;
        if first > last {
            return Ok(true);
        }
        if (now() - begun).num_seconds() > CAUGHT_UP_SECS_MAX {
            return Ok(false);
        }
        desk.pause(delays.next()).await?;
    }
}

/// The oldest place that is held and the newest that was given.
async fn places(desk: &Desk) -> Result<(u64, u64), Halt> {
    let states = desk.ground.bus.stream_states().await?;
    let state = states.iter().find(|state| state.name == DELIVERIES);
    Ok(state.map_or((1, 0), |state| match state.messages {
        // An empty stream may still name the place of the message that left it last.
        0 => (state.last + 1, state.last),
        _ => (state.first, state.last),
    }))
}

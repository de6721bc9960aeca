//! Kills processes, at random and at the moments of the wires, and starts them again.

use std::time::Duration;

use crate::deck::traps::{Link, Trap};
use crate::deck::{Card, Kill};
use crate::driver::Driver;
use crate::ground::Ground;
use crate::seat::{Seat, Who};
use crate::tally::Tally;

/// How the killing goes.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Longest pause before a kill, in milliseconds.
    pub pause_ms_max: u64,
    /// Longest time for which a seat stays empty, in milliseconds.
    pub empty_ms_max: u64,
    /// How long a trap waits for its message, in milliseconds; then the kill is at random.
    pub trap_ms_max: u64,
}

/// Carries one kill out.
pub async fn kill(ground: &Ground, driver: &Driver, tally: &Tally, pace: Pace, card: Card<Kill>) {
    tokio::time::sleep(part(card.pause, pace.pause_ms_max)).await;
    let (Kill::AtRandom(who) | Kill::At(_, who)) = card.what;
    if ground.seat(who).is_spared() {
        return;
    }
    let (who, name) = match card.what {
        Kill::AtRandom(who) => (who, "at random"),
        Kill::At(trap, who) => (who, until_sprung(ground.seat(who), &trap, pace).await),
    };
    if ground.seat(who).kill().await {
        tell(driver, tally, who, name);
    }
    tokio::time::sleep(part(card.lasts, pace.empty_ms_max)).await;
    ground.seat(who).start().await;
}

/// Lays the trap and waits for it; says what the kill is called.
async fn until_sprung(seat: &Seat, trap: &Trap, pace: Pace) -> &'static str {
    let wire = match trap.link {
        Link::Nats => &seat.nats,
        Link::Postgres => &seat.postgres,
    };
    let sprung = wire.lay(trap.moment, testkit::wire::Act::Hold);
    let limit = Duration::from_millis(pace.trap_ms_max);
    match tokio::time::timeout(limit, sprung).await {
        Ok(Ok(())) => trap.name,
        _ => "at random",
    }
}

fn tell(driver: &Driver, tally: &Tally, who: Who, name: &str) {
    let what = format!("SIGKILL {} {name}", who.service);
    driver.account.fault(&what);
    tally.add(&what);
}

/// So many thousandths of the longest time.
pub(crate) fn part(thousandths: u64, longest_ms: u64) -> Duration {
    Duration::from_millis(thousandths * longest_ms / 1_000)
}

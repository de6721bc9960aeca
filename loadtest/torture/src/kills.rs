//! Kills processes that are at work, at random and at the moments of the wires, and starts them
//! again.

use std::time::Duration;

use testkit::wire::Sprung;
use tokio::time::Instant;

use crate::deck::traps::{Link, Trap};
use crate::deck::{Card, Kill};
use crate::hand::Hand;
use crate::seat::Seat;

/// The pause between two looks at whether somebody is at work, in milliseconds.
const LOOK_MS: u64 = 20;

/// How the killing goes.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Longest pause before a kill, in milliseconds.
    pub pause_ms_max: u64,
    /// Longest time for which a seat stays empty, in milliseconds.
    pub empty_ms_max: u64,
    /// How long somebody may take to be at work, or a trap waits for its message, in milliseconds;
    /// then there was no occasion.
    pub wait_ms_max: u64,
}

/// Carries one kill out. Says whether it did: there may have been no occasion.
pub async fn kill(hand: &Hand, pace: Pace, card: Card<Kill>) -> bool {
    let seat = hand.ground.seat(card.what.who());
    let pause = part(card.pause, pace.pause_ms_max);
    let limit = Duration::from_millis(pace.wait_ms_max);
    // Somebody else may be doing something to it.
    let Ok(_turn) = tokio::time::timeout(limit, seat.turn.lock()).await else {
        return false;
    };
    let has_occasion = match card.what {
        Kill::AtRandom(_) => {
            let is_at_work = until_at_work(seat, limit).await;
            // Any moment of its work.
            tokio::time::sleep(pause).await;
            is_at_work
        }
        Kill::At(trap, _) => {
            tokio::time::sleep(pause).await;
            let sprung = wire(seat, &trap).lay(trap.moment, trap.act());
            is_sprung(sprung, limit).await
        }
    };
    let has_killed = has_occasion && seat.kill().await;
    if has_killed {
        hand.tell(&card.what.to_string());
        tokio::time::sleep(part(card.lasts, pace.empty_ms_max)).await;
    }
    seat.start().await;
    has_killed
}

async fn until_at_work(seat: &Seat, limit: Duration) -> bool {
    let until = Instant::now() + limit;
    while !seat.is_at_work() {
        if Instant::now() > until {
            return false;
        }
        seat.start().await;
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
    true
}

/// Waits for a trap within a limit; says whether its message came.
pub(crate) async fn is_sprung(mut sprung: Sprung, limit: Duration) -> bool {
    if let Ok(told) = tokio::time::timeout(limit, &mut sprung).await {
        return told.is_ok();
    }
    // It may have come this very moment; from here on the trap is none.
    sprung.close();
    sprung.try_recv().is_ok()
}

fn wire<'a>(seat: &'a Seat, trap: &Trap) -> &'a testkit::wire::Wire {
    match trap.link {
        Link::Nats => &seat.nats,
        Link::Postgres => &seat.postgres,
    }
}

/// So many thousandths of the longest time.
pub(crate) fn part(thousandths: u64, longest_ms: u64) -> Duration {
    Duration::from_millis(thousandths * longest_ms / 1_000)
}

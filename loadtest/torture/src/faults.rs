//! Does what is not a kill of a service: to wires, servers, clocks and disks of processes, streams.

mod broker;
mod ledger;
mod within;

use std::time::Duration;

use anyhow::Result;
use testkit::wire::{Act, Wire};

use crate::deck::Card;
use crate::deck::fault::Fault;
use crate::deck::traps::{Link, Trap};
use crate::hand::Hand;
use crate::kills::is_sprung;
use crate::seat::Seat;

/// How long a trap waits for its message, in milliseconds.
const TRAP_MS_MAX: u64 = 3_000;
/// What a slow wire makes each message late by, in milliseconds.
const SLOW_MS: u64 = 40;

/// Carries one fault out, and writes down what it was. Says whether it did: there may have been no
/// occasion.
pub async fn play(hand: &Hand, card: Card<Fault>) -> bool {
    let lasts = hand.lasts_max.mul_f64(card.lasts as f64 / 1_000.0);
    match carry_out(hand, card.what, lasts).await {
        Ok(true) => {
            hand.tell(&card.what.to_string());
            true
        }
        Ok(false) => false,
        Err(error) => {
            eprintln!("{}: {error:#}", card.what);
            hand.tell(&format!("not done: {}", card.what));
            false
        }
    }
}

async fn carry_out(hand: &Hand, fault: Fault, lasts: Duration) -> Result<bool> {
    let ground = &hand.ground;
    match fault {
        Fault::Lose(trap, act, who) => Ok(lose(ground.seat(who), trap, act).await),
        Fault::Cut(who, link) => {
            wire(ground.seat(who), link).cut();
            Ok(true)
        }
        Fault::Hold(who, link) => {
            let wire = wire(ground.seat(who), link);
            wire.hold();
            tokio::time::sleep(lasts).await;
            wire.release();
            Ok(true)
        }
        Fault::Slow(who, link) => {
            let wire = wire(ground.seat(who), link);
            wire.slow(Duration::from_millis(SLOW_MS));
            tokio::time::sleep(lasts).await;
            wire.slow(Duration::ZERO);
            Ok(true)
        }
        Fault::Stop(who) => Ok(within::stop(ground.seat(who), lasts).await),
        Fault::StopLong(who) => Ok(within::stop_long(ground.seat(who)).await),
        Fault::Clock(step, who) => Ok(within::step_clock(ground.seat(who), step, lasts).await),
        Fault::Disk(sick, who) => within::sicken(hand, ground.seat(who), sick, lasts).await,
        Fault::KillNats => broker::kill(ground, lasts).await.map(|()| true),
        Fault::KillNatsMidBatch => broker::kill_mid_batch(ground, lasts).await,
        Fault::WipeNats => broker::wipe(hand, lasts).await,
        Fault::KillPostgres => ledger::kill(ground, lasts).await.map(|()| true),
        Fault::EndBackends => ledger::end_backends(ground).await.map(|()| true),
        Fault::Deadlock => ledger::deadlock(ground).await,
        Fault::LockTable => ledger::lock_table(ground).await,
        Fault::ExhaustConnections => ledger::exhaust(ground, lasts).await,
        Fault::Poison => broker::poison(hand).await.map(|()| true),
    }
}

async fn lose(seat: &Seat, trap: Trap, act: Act) -> bool {
    let sprung = wire(seat, trap.link).lay(trap.moment, act);
    is_sprung(sprung, Duration::from_millis(TRAP_MS_MAX)).await
}

fn wire(seat: &Seat, link: Link) -> &Wire {
    match link {
        Link::Nats => &seat.nats,
        Link::Postgres => &seat.postgres,
    }
}

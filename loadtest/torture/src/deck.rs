//! Owns what is done to the house, as thought: decks of kills and of other faults, shuffled by the
//! seed round by round, so that every kind comes in every round.

pub mod fault;
pub mod traps;

use std::fmt;

use process::settings::service::Service;
use rand::Rng as _;
use rand::seq::SliceRandom as _;

use crate::deck::fault::{Fault, Step};
use crate::deck::traps::{DEADLY, DEADLY_SELDOM, LOSSES, Link, Trap};
use crate::mischief::Sick;
use crate::seat::{ROSTER, Who};
use witness::dice::Seed;

/// How somebody is killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kill {
    /// At any moment.
    AtRandom(Who),
    /// When a message passes.
    At(Trap, Who),
}

/// Kills that are done one after the other; those of the lanes go on beside each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lane {
    /// Anybody, at any moment.
    AtRandom,
    /// When messages pass.
    AtMoments,
    /// Reconciler, whose moments are rare.
    Seldom,
}

impl Lane {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::AtRandom, Self::AtMoments, Self::Seldom];
}

/// Whether a run has time for what takes a minute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tier {
    /// For every test run.
    Short,
    /// For `make torture`.
    Long,
}

/// One choice, with what else was drawn for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Card<T> {
    /// What is done.
    pub what: T,
    /// The pause before it, in thousandths of the longest.
    pub pause: u64,
    /// How long it lasts, in thousandths of the longest.
    pub lasts: u64,
}

impl Kill {
    /// Who is killed.
    pub const fn who(&self) -> Who {
        let (Self::AtRandom(who) | Self::At(_, who)) = *self;
        who
    }
}

impl Card<Kill> {
    /// The same for another process of the service, where the message counts and not whose it is.
    pub fn for_another(self) -> Self {
        let what = match self.what {
            Kill::AtRandom(who) => Kill::AtRandom(who),
            Kill::At(trap, who) => Kill::At(trap, who.other()),
        };
        Self { what, ..self }
    }
}

impl Card<Fault> {
    /// As for a kill.
    pub fn for_another(self) -> Self {
        let what = match self.what {
            Fault::Lose(trap, act, who) => Fault::Lose(trap, act, who.other()),
            Fault::Disk(sick, who) => Fault::Disk(sick, who.other()),
            Fault::Clock(step, who) => Fault::Clock(step, who.other()),
            other => other,
        };
        Self { what, ..self }
    }
}

/// What a kill is called in reports.
impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let when = match self {
            Self::AtRandom(_) => "at random",
            Self::At(trap, _) => trap.name,
        };
        write!(f, "SIGKILL {} {when}", self.who().service)
    }
}

/// The kills of a round of a lane.
pub fn kills(seed: Seed, lane: Lane, round: u64, tier: Tier) -> Vec<Card<Kill>> {
    let mut dice = seed.dice(&format!("kills {lane:?}"), round);
    let is_seldom = |who: &Who| who.service == Service::Reconciler;
    let at = |trap: &Trap, dice: &mut _| Kill::At(*trap, one_of(trap.service, dice));
    let deck: Vec<Kill> = match (lane, tier) {
        (Lane::AtRandom, _) => {
            let often = ROSTER.iter().filter(|who| !is_seldom(who));
            often.map(|who| Kill::AtRandom(*who)).collect()
        }
        (Lane::AtMoments, _) => DEADLY.iter().map(|trap| at(trap, &mut dice)).collect(),
        (Lane::Seldom, Tier::Short) => vec![Kill::AtRandom(one_of(Service::Reconciler, &mut dice))],
        (Lane::Seldom, Tier::Long) => {
            let moments = DEADLY_SELDOM.iter().map(|trap| at(trap, &mut dice));
            let mut deck: Vec<Kill> = moments.collect();
            deck.push(Kill::AtRandom(one_of(Service::Reconciler, &mut dice)));
            deck
        }
    };
    shuffled(deck, &mut dice)
}

/// The other faults of a round. What takes a minute comes in every second round of a long run.
pub fn faults(seed: Seed, round: u64, tier: Tier) -> Vec<Card<Fault>> {
    let mut dice = seed.dice("faults", round);
    let mut deck = vec![
        Fault::KillNats,
        Fault::KillNatsMidBatch,
        Fault::KillPostgres,
        Fault::EndBackends,
        Fault::Deadlock,
        Fault::ExhaustConnections,
        Fault::Poison,
    ];
    for (trap, act) in LOSSES {
        deck.push(Fault::Lose(*trap, *act, one_of(trap.service, &mut dice)));
    }
    for sick in [Sick::Syncs, Sick::Full] {
        deck.push(Fault::Disk(sick, one_of(Service::WebhookIngest, &mut dice)));
    }
    let mut anybody = || {
        let who = ROSTER[dice.gen_range(0..ROSTER.len())];
        let has_database = who.service.role().is_some();
        let link = if has_database && dice.r#gen() {
            Link::Postgres
        } else {
            Link::Nats
        };
        (who, link)
    };
    for make in [Fault::Cut, Fault::Hold, Fault::Slow] {
        let (who, link) = anybody();
        deck.push(make(who, link));
    }
    for step in [Step::Forwards, Step::Backwards] {
        deck.push(Fault::Clock(step, anybody().0));
    }
    deck.push(Fault::Stop(anybody().0));
    if tier == Tier::Long {
        deck.push(Fault::LockTable);
    }
    if tier == Tier::Long && round.is_multiple_of(2) {
        deck.push(Fault::StopLong(anybody().0));
        deck.push(Fault::WipeNats);
    }
    shuffled(deck, &mut dice)
}

fn one_of(service: Service, dice: &mut impl rand::Rng) -> Who {
    let of = |who: &&Who| who.service == service;
    let seats: Vec<&Who> = ROSTER.iter().filter(of).collect();
    **seats.choose(dice).expect("every service is on the roster")
}

fn shuffled<T>(mut deck: Vec<T>, dice: &mut impl rand::Rng) -> Vec<Card<T>> {
    deck.shuffle(dice);
    let card = |what| Card {
        what,
        pause: dice.gen_range(0..1_000),
        lasts: dice.gen_range(0..1_000),
    };
    deck.into_iter().map(card).collect()
}

#[cfg(test)]
mod tests;

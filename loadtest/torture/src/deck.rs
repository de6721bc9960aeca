//! Owns what is done to the house, as thought: decks of kills and of other faults, shuffled by the
//! seed round by round, so that every kind comes in every round.

pub mod traps;

use process::settings::service::Service;
use rand::Rng as _;
use rand::seq::SliceRandom as _;
use testkit::wire::Act;

use crate::deck::traps::{DEADLY, LOSSES, Link, Trap};
use crate::dice::Seed;
use crate::seat::{ROSTER, Who};

/// How somebody is killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kill {
    /// At any moment.
    AtRandom(Who),
    /// When a message passes.
    At(Trap, Who),
}

/// What else is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A message is lost.
    Lose(Trap, Act, Who),
    /// All connections of a wire are cut.
    Cut(Who, Link),
    /// Nothing passes for a while.
    Hold(Who, Link),
    /// Every message is late for a while.
    Slow(Who, Link),
    /// SIGSTOP, then SIGCONT after a while.
    Stop(Who),
    /// SIGSTOP for longer than the ack wait.
    StopLong(Who),
    /// nats-server is killed and started again.
    KillNats,
    /// The same in the middle of a batch of deliveries.
    KillNatsMidBatch,
    /// nats-server is killed, its data is removed, and the forge sends again what is missing.
    WipeNats,
    /// Postgres is killed and started again.
    KillPostgres,
    /// Every connection of the services is ended by Postgres.
    EndBackends,
    /// Somebody locks tables in an order in which it deadlocks with a writer.
    Deadlock,
    /// All connections of Postgres are taken.
    ExhaustConnections,
    /// A message that can never succeed is put into a stream.
    Poison,
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

/// The kills of a round.
pub fn kills(seed: Seed, round: u64) -> Vec<Card<Kill>> {
    let mut dice = seed.dice("kills", round);
    let mut deck: Vec<Kill> = ROSTER.iter().map(|who| Kill::AtRandom(*who)).collect();
    for trap in DEADLY {
        deck.push(Kill::At(*trap, one_of(trap.service, &mut dice)));
    }
    shuffled(deck, &mut dice)
}

/// The other faults of a round. Data is removed in every second round of a long run.
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
    deck.push(Fault::Stop(anybody().0));
    if tier == Tier::Long {
        deck.push(Fault::StopLong(anybody().0));
        deck.extend((round % 2 == 1).then_some(Fault::WipeNats));
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
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_deals_the_same_cards_and_another_seed_others() {
        for round in 0..5 {
            assert_eq!(kills(Seed(1), round), kills(Seed(1), round));
            assert_eq!(
                faults(Seed(1), round, Tier::Long),
                faults(Seed(1), round, Tier::Long)
            );
            assert_ne!(kills(Seed(1), round), kills(Seed(2), round));
        }
        assert_ne!(kills(Seed(1), 0), kills(Seed(1), 1));
    }

    #[test]
    fn every_round_kills_everybody_and_at_every_moment() {
        let round = kills(Seed(3), 0);
        for who in ROSTER {
            assert!(
                round.iter().any(|card| card.what == Kill::AtRandom(who)),
                "{who}"
            );
        }
        for trap in DEADLY {
            let at = |kill| matches!(kill, Kill::At(this, _) if this == *trap);
            assert!(round.iter().any(|card| at(card.what)), "{trap:?}");
        }
    }

    #[test]
    fn only_a_long_run_takes_what_needs_a_minute() {
        for round in 0..4 {
            let long =
                |card: &Card<Fault>| matches!(card.what, Fault::StopLong(_) | Fault::WipeNats);
            assert!(!faults(Seed(3), round, Tier::Short).iter().any(long));
            assert!(faults(Seed(3), round, Tier::Long).iter().any(long));
        }
    }
}

use super::*;

fn all(seed: Seed, round: u64, tier: Tier) -> Vec<Card<Kill>> {
    let lanes = Lane::ALL.into_iter();
    lanes
        .flat_map(|lane| kills(seed, lane, round, tier))
        .collect()
}

#[test]
fn the_same_seed_deals_the_same_cards_and_another_seed_others() {
    let long = Tier::Long;
    for round in 0..5 {
        assert_eq!(all(Seed(1), round, long), all(Seed(1), round, long));
        assert_eq!(faults(Seed(1), round, long), faults(Seed(1), round, long));
        assert_ne!(all(Seed(1), round, long), all(Seed(2), round, long));
    }
    assert_ne!(all(Seed(1), 0, long), all(Seed(1), 1, long));
}

#[test]
fn every_round_kills_everybody_and_at_every_moment() {
    for tier in [Tier::Short, Tier::Long] {
        let round = all(Seed(3), 0, tier);
        for who in ROSTER {
            let at_random = |card: &Card<Kill>| card.what == Kill::AtRandom(who);
            assert!(round.iter().any(at_random), "{who}");
        }
        for trap in DEADLY {
            let at = |kill| matches!(kill, Kill::At(this, _) if this == *trap);
            assert!(round.iter().any(|card| at(card.what)), "{trap:?}");
        }
    }
}

#[test]
fn only_a_long_run_takes_what_needs_a_minute_and_in_its_first_round() {
    let long = |card: &Card<Fault>| matches!(card.what, Fault::StopLong(_) | Fault::WipeNats);
    for round in 0..4 {
        assert!(!faults(Seed(3), round, Tier::Short).iter().any(long));
        let dealt = faults(Seed(3), round, Tier::Long);
        assert_eq!(dealt.iter().any(long), round % 2 == 0);
    }
}

#[test]
fn no_two_kinds_of_one_round_have_the_same_name() {
    let kills = all(Seed(3), 0, Tier::Long);
    let moments = kills
        .iter()
        .filter(|card| matches!(card.what, Kill::At(..)));
    let names: Vec<String> = moments.map(|card| card.what.to_string()).collect();
    let mut once = names.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), names.len(), "{names:?}");
}

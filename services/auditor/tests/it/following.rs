//! A listener that was away for longer than facts are kept misses nothing.

use auditor::follow::{Follower, Place};
use contract::fact::Fact;
use testkit::house::House;

use crate::ground::Ground;

/// Entries that a writer records at once.
const RECORDED_AT_ONCE: u32 = 9;

async fn follower(ground: &Ground, from: Place) -> Follower {
    let bus = ground.house.bus("listener").await;
    let store = ground.house.store("assay_reader", 2);
    Follower::from(store, &bus, from).await.unwrap()
}

/// The next facts up to a leaf of the first epoch.
async fn until(follower: &mut Follower, leaf: u64) -> Vec<Fact> {
    let mut facts = Vec::new();
    while follower.place().leaf < leaf {
        facts.extend(follower.next().await.unwrap());
    }
    facts
}

fn leaves(facts: &[Fact]) -> Vec<u64> {
    facts.iter().map(|fact| fact.leaf).collect()
}

/// Makes the stream forget its facts, as its limit of age does.
async fn forget(house: &House) {
    house.remove_stream("FACTS").await;
    house.apply_topology().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_was_away_while_facts_were_forgotten_misses_nothing() {
    let ground = Ground::with_bus().await;
    let auditor = ground.auditor_on_the_bus();
    ground.record(RECORDED_AT_ONCE).await;
    let mut listener = follower(&ground, Place::BEGIN).await;
    let first = until(&mut listener, 9).await;
    assert_eq!(leaves(&first), (0..9).collect::<Vec<_>>());
    let away_at = listener.place();
    drop(listener);

    // While it is away more happens than the stream remembers.
    ground.record(RECORDED_AT_ONCE).await;
    ground.settled().await;
    auditor.stop().await;
    forget(&ground.house).await;

    let auditor = ground.auditor_on_the_bus();
    let mut listener = follower(&ground, away_at).await;
    ground.record(RECORDED_AT_ONCE).await;
    let missed = until(&mut listener, 27).await;
    assert_eq!(leaves(&missed), (9..27).collect::<Vec<_>>());
    // And then it hears what is new.
    ground.record(RECORDED_AT_ONCE).await;
    let heard = until(&mut listener, 36).await;
    assert_eq!(leaves(&heard), (27..36).collect::<Vec<_>>());
    let mut conn = ground.reading().await;
    let kept = store::ledger_leaf::page(&mut conn, 1, 0, 100)
        .await
        .unwrap();
    let kept: Vec<_> = kept.into_iter().map(|row| row.entry.unwrap()).collect();
    let told: Vec<_> = [first, missed, heard].concat();
    let told: Vec<_> = told.into_iter().map(|fact| fact.text).collect();
    assert_eq!(told, kept);
    auditor.stop().await;
}

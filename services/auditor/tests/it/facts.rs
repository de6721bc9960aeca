//! Facts are the log's leaves in their order, whoever dies meanwhile.

use testkit::wait;

use crate::ground::Ground;

/// Entries that a writer records at once.
const RECORDED_AT_ONCE: u32 = 9;

/// Waits until leaves `0..count` are told, in their order and once each, as the log has them.
async fn told(ground: &Ground, count: u32) {
    let told = wait::until("every leaf is told", async || {
        let told = ground.house.facts().await;
        let leaves = told.len();
        (leaves >= count as usize)
            .then_some(told)
            .ok_or(format!("{leaves} of {count}"))
    })
    .await;
    let mut conn = ground.reading().await;
    let leaves = store::ledger_leaf::page(&mut conn, 1, 0, i64::from(count))
        .await
        .unwrap();
    let wanted: Vec<_> = leaves
        .iter()
        .map(|row| {
            (
                row.leaf.leaf_index,
                row.leaf.audit_entry_id,
                row.entry.clone().unwrap(),
            )
        })
        .collect();
    let found: Vec<_> = told
        .into_iter()
        .map(|fact| {
            (
                i64::try_from(fact.leaf).unwrap(),
                fact.entry.as_uuid(),
                fact.text,
            )
        })
        .collect();
    assert_eq!(found, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_are_told_in_the_logs_order_and_once_when_leaders_are_killed() {
    let ground = Ground::with_bus().await;
    let mut leaders = [ground.auditor_on_the_bus(), ground.auditor_on_the_bus()];
    for round in 0..12 {
        ground.record(RECORDED_AT_ONCE).await;
        if round % 3 == 2 {
            // Whichever of the two leads: both are killed in turn.
            leaders[round / 3 % 2] = ground.auditor_on_the_bus();
        }
    }
    ground.settled().await;
    told(&ground, 12 * RECORDED_AT_ONCE).await;
    for leader in leaders {
        leader.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_goes_on_without_the_bus_and_its_facts_are_told_afterwards() {
    let mut ground = Ground::with_bus().await;
    let auditor = ground.auditor_on_the_bus();
    ground.record(RECORDED_AT_ONCE).await;
    told(&ground, RECORDED_AT_ONCE).await;
    ground.house.nats_mut().kill().await.unwrap();
    ground.record(RECORDED_AT_ONCE).await;
    ground.settled().await;
    auditor.until_ready().await;
    ground.house.nats_mut().start_again().await.unwrap();
    told(&ground, 2 * RECORDED_AT_ONCE).await;
    auditor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_lost_its_facts_is_told_them_again() {
    let ground = Ground::with_bus().await;
    let auditor = ground.auditor_on_the_bus();
    ground.record(RECORDED_AT_ONCE).await;
    told(&ground, RECORDED_AT_ONCE).await;
    auditor.stop().await;
    ground.house.remove_stream("FACTS").await;
    ground.house.apply_topology().await;
    let auditor = ground.auditor_on_the_bus();
    told(&ground, RECORDED_AT_ONCE).await;
    auditor.stop().await;
}

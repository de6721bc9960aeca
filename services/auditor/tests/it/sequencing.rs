//! Entries become leaves, once each and without gaps, whoever dies meanwhile.

use auditor::prove::{ProveError, prove};
use auditor::verify::verdict::Verdict;
use store::log_head;
use testkit::wait;
use tlog::hash::Hash;
use tokio::task::yield_now;

use crate::ground::Ground;

/// Entries that a writer records at once.
const RECORDED_AT_ONCE: u32 = 7;

#[tokio::test(flavor = "multi_thread")]
async fn two_auditors_side_by_side_keep_one_log_without_gaps() {
    let ground = Ground::start().await;
    let auditors = [ground.auditor(), ground.auditor()];
    let writing = async || {
        for _ in 0..40 {
            ground.record(RECORDED_AT_ONCE).await;
        }
    };
    tokio::join!(writing(), writing(), writing());
    let report = ground.settled().await;
    assert_eq!(report.verdict, Verdict::Intact);
    assert_eq!(report.leaves, u64::from(3 * 40 * RECORDED_AT_ONCE));
    assert_eq!(report.pending, 0);
    for auditor in auditors {
        auditor.until_ready().await;
        auditor.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_goes_on_when_its_leader_is_killed_at_any_moment() {
    let ground = Ground::start().await;
    let mut leader = ground.auditor();
    for round in 0_u32..60 {
        ground.record(RECORDED_AT_ONCE).await;
        // A different place in its work each time: so many turns of the runtime after the last.
        for _ in 0..round * 3 {
            yield_now().await;
        }
        drop(leader);
        leader = ground.auditor();
    }
    let report = ground.settled().await;
    assert_eq!(report.verdict, Verdict::Intact);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_goes_on_when_its_leaders_connection_is_cut() {
    let ground = Ground::start().await;
    let _auditors = [ground.auditor(), ground.auditor()];
    for _ in 0..20 {
        ground.record(RECORDED_AT_ONCE).await;
        ground
            .house
            .sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE usename = 'assay_auditor'",
            )
            .await;
    }
    let report = ground.settled().await;
    assert_eq!(report.verdict, Verdict::Intact);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_frozen_loses_the_lock_and_another_takes_over() {
    let ground = Ground::start().await;
    let store = ground.house.store("assay_auditor", 1);
    let mut frozen = store.dedicated().await.unwrap();
    log_head::prepare_leader(&mut frozen).await.unwrap();
    assert!(log_head::try_lead(&mut frozen).await.unwrap());
    let _auditor = ground.auditor();
    ground.record(RECORDED_AT_ONCE).await;
    // Nothing more is heard of the leader, whose connection stays open.
    let report = ground.settled().await;
    assert_eq!(report.verdict, Verdict::Intact);
    assert!(log_head::try_lead(&mut frozen).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_paused_cannot_go_on_from_the_head_it_knew() {
    let ground = Ground::start().await;
    let auditor = ground.auditor();
    ground.record(RECORDED_AT_ONCE).await;
    ground.settled().await;
    auditor.stop().await;
    let mut conn = ground.reading().await;
    let known = log_head::standing(&mut conn).await.unwrap().unwrap().head;
    // It is paused here, in the middle of its step; another one leads meanwhile.
    let auditor = ground.auditor();
    ground.record(RECORDED_AT_ONCE).await;
    ground.settled().await;
    auditor.stop().await;
    // It wakes, and even has the lock again.
    let store = ground.house.store("assay_auditor", 1);
    let mut paused = store.dedicated().await.unwrap();
    // The lock of who led last goes when Postgres has heard that its connection is closed.
    wait::until("it has the lock", async || {
        match log_head::try_lead(&mut paused).await.unwrap() {
            true => Ok(()),
            false => Err("somebody else has it".to_owned()),
        }
    })
    .await;
    let mut next = known.clone();
    next.tree_size += 1;
    let at = contract::time::now();
    assert!(
        !log_head::swap(&mut paused, &known, &next, at)
            .await
            .unwrap()
    );
    assert_eq!(ground.verify().await.verdict, Verdict::Intact);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_goes_on_after_postgres_was_killed() {
    let mut ground = Ground::start().await;
    let auditor = ground.auditor();
    ground.record(RECORDED_AT_ONCE).await;
    ground.settled().await;
    ground.house.postgres_mut().kill().await.unwrap();
    auditor.says("log", "").await;
    ground.house.postgres_mut().start_again().await.unwrap();
    wait::until("the ledger answers again", async || {
        ground
            .writer
            .ping()
            .await
            .map_err(|error| error.to_string())
    })
    .await;
    ground.record(RECORDED_AT_ONCE).await;
    let report = ground.settled().await;
    assert_eq!(report.verdict, Verdict::Intact);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_of_several_batches_is_worked_off() {
    let ground = Ground::start().await;
    ground.record(2_500).await;
    let auditor = ground.auditor();
    let report = ground.settled().await;
    assert_eq!((report.verdict, report.leaves), (Verdict::Intact, 2_500));
    auditor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_entry_is_proven_by_the_newest_checkpoint() {
    let ground = Ground::start().await;
    let auditor = ground.auditor();
    let mut entries = ground.record(RECORDED_AT_ONCE).await;
    ground.settled().await;
    entries.extend(ground.record(RECORDED_AT_ONCE).await);
    ground.settled().await;
    auditor.stop().await;
    let mut conn = ground.reading().await;
    let mut places = Vec::new();
    for entry in entries {
        let proven = prove(&mut conn, None, entry, &ground.verifier())
            .await
            .unwrap();
        assert_eq!(proven.checkpoint.size, u64::from(2 * RECORDED_AT_ONCE));
        let leaf = Hash::of_leaf(proven.entry.as_bytes());
        assert_eq!(proven.proof.check(leaf, proven.checkpoint.root), Ok(()));
        places.push(proven.proof.index);
    }
    places.sort_unstable();
    assert!(places.into_iter().eq(0..u64::from(2 * RECORDED_AT_ONCE)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_has_no_leaf_yet_is_not_proven_and_may_be_later() {
    let ground = Ground::start().await;
    let entry = ground.record(1).await[0];
    let mut conn = ground.reading().await;
    let refused = prove(&mut conn, None, entry, &ground.verifier())
        .await
        .unwrap_err();
    assert!(matches!(refused, ProveError::NotLogged(_)), "{refused}");
    assert!(refused.is_too_early());
}

//! A ledger that is older than what was published, or another one, is not built upon; a new epoch
//! goes on from what was published.

use auditor::epoch::{self, Cause, Opened};
use auditor::prove::prove;
use auditor::verify::verdict::{Tampering, Verdict};
use contract::time::now;
use store::ledger_leaf;
use testkit::wait;

use crate::ground::{Ground, ORIGIN, Running};

/// A log of ten published leaves, whose ledger was put back to the five it had before.
async fn put_back() -> Ground {
    let ground = Ground::start().await;
    let auditor = ground.auditor();
    ground.record(5).await;
    ground.settled().await;
    ground.until_published(1, 5).await;
    auditor.stop().await;
    ground.keep().await;
    let auditor = ground.auditor();
    ground.record(5).await;
    ground.settled().await;
    ground.until_published(1, 10).await;
    auditor.stop().await;
    ground.restore().await;
    ground
}

async fn open(ground: &Ground) -> Opened {
    let store = ground.house.store("assay_auditor", 1);
    let mut conn = store.connection().await.unwrap();
    let cause = Cause {
        reason: "restored from a backup",
        actor: "operator",
        at: now(),
    };
    epoch::open(&mut conn, &ground.objects(), ORIGIN, &[], cause)
        .await
        .unwrap()
}

/// Waits until the log is whole, with this many leaves, all signed.
async fn whole(ground: &Ground, leaves: u64) {
    let report = wait::until("the log is whole", async || {
        let report = ground.verify().await;
        let whole = report.leaves == leaves && report.pending == 0;
        (whole && report.verdict == Verdict::Intact && report.signed >= leaves)
            .then_some(report.clone())
            .ok_or(format!("{report:?}"))
    })
    .await;
    assert_eq!(report.origin, format!("{ORIGIN}/epoch-2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_older_than_what_is_published_is_not_signed_and_a_new_epoch_is() {
    let ground = put_back().await;
    let auditor = ground.auditor();
    let words = "a checkpoint of size 10 is published and the ledger's log ends at 5";
    auditor.says("log", words).await;
    ground.record(2).await;
    auditor.stop().await;
    let report = ground.verify().await;
    assert_eq!((report.leaves, report.signed, report.pending), (5, 5, 2));

    let old = ground.published(1).await.unwrap();
    let opened = open(&ground).await;
    let (previous, _) = opened.previous.unwrap();
    assert_eq!((opened.epoch, &previous), (2, &old));
    assert_eq!(opened.queued_again, 0);
    let auditor = ground.auditor();
    whole(&ground, 5 + 1 + 2).await;
    ground.until_published(2, 3).await;
    assert_eq!(ground.published(1).await.unwrap(), old);
    let mut conn = ground.reading().await;
    let first = ledger_leaf::page(&mut conn, 2, 0, 1).await.unwrap();
    assert_eq!(first[0].action.as_deref(), Some(epoch::ACTION));
    let entry = contract::ids::AuditEntryId::from_uuid(first[0].leaf.audit_entry_id);
    let proven = prove(&mut conn, None, entry, &ground.verifier())
        .await
        .unwrap();
    assert_eq!(proven.checkpoint.origin, format!("{ORIGIN}/epoch-2"));
    auditor.stop().await;

    ground
        .tamper("UPDATE log_epoch SET previous_note = 'x' WHERE epoch = 2")
        .await;
    let verdict = ground.verify().await.verdict;
    let link = Tampering::Epoch { epoch: 2 };
    assert_eq!(verdict, Verdict::Tampered(link));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_of_the_same_size_with_another_root_is_not_signed_and_its_leaves_go_on() {
    let ground = put_back().await;
    // Five other leaves, signed while what was published is out of sight.
    let settings = ground.settings();
    let elsewhere = settings.with("objects.folder", ground.house.folder("elsewhere"));
    let auditor = Running::start(elsewhere.unwrap());
    let others = ground.record(5).await;
    wait::until("five other leaves are signed", async || {
        let signed = ground.verify().await.signed;
        (signed == 10).then_some(()).ok_or(signed.to_string())
    })
    .await;
    auditor.stop().await;
    let auditor = ground.auditor();
    auditor.says("log", "of size 10 has another root").await;
    auditor.stop().await;

    let opened = open(&ground).await;
    assert_eq!(opened.queued_again, 5);
    let old = ground.published(1).await.unwrap();
    assert_eq!(opened.previous.unwrap().0, old);
    let auditor = ground.auditor();
    ground.until_published(2, 6).await;
    let mut conn = ground.reading().await;
    for other in others {
        let proven = prove(&mut conn, None, other, &ground.verifier())
            .await
            .unwrap();
        assert_eq!(proven.checkpoint.origin, format!("{ORIGIN}/epoch-2"));
    }
    assert_eq!(ground.published(1).await.unwrap(), old);
    auditor.stop().await;

    // Whoever leads next leaves the first epoch as others have seen it, and is not held up by it.
    let auditor = ground.auditor();
    ground.record(1).await;
    ground.until_published(2, 7).await;
    auditor.until_ready().await;
    auditor.stop().await;
    assert_eq!(ground.published(1).await.unwrap(), old);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_from_before_the_last_epoch_is_not_signed() {
    let ground = put_back().await;
    open(&ground).await;
    let auditor = ground.auditor();
    ground.until_published(2, 1).await;
    auditor.stop().await;
    ground.tamper("DELETE FROM log_epoch WHERE epoch = 2").await;
    ground.restore().await;
    let auditor = ground.auditor();
    auditor
        .says("log", "epoch 2 is published and the ledger is in epoch 1")
        .await;
    auditor.stop().await;
    assert_eq!(open(&ground).await.epoch, 3);
    let auditor = ground.auditor();
    ground.until_published(3, 1).await;
    auditor.stop().await;
}

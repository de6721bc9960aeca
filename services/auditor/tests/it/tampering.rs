//! Whatever is altered behind the ledger's back is found, and named.

use auditor::prove::{ProveError, prove};
use auditor::verify::verdict::{Distrust, Gap, LeafFault, Tampering, Verdict};
use tlog::key;

use crate::ground::{Ground, ORIGIN};

/// The leaf that is altered.
const BAD: u64 = 4;

/// A log of ten leaves, signed at five and at ten.
struct Log(Ground);

impl Log {
    async fn make() -> Self {
        let ground = Ground::start().await;
        let auditor = ground.auditor();
        ground.record(5).await;
        ground.settled().await;
        ground.record(5).await;
        let report = ground.settled().await;
        assert_eq!(report.verdict, Verdict::Intact);
        auditor.stop().await;
        ground.keep().await;
        Self(ground)
    }

    /// Alters the log, says what is found, and makes it good again.
    async fn found(&self, statements: &str) -> Verdict {
        self.0.tamper(statements).await;
        let verdict = self.0.verify().await.verdict;
        self.0.restore().await;
        assert_eq!(self.0.verify().await.verdict, Verdict::Intact);
        verdict
    }
}

fn of_bad_leaf(update: &str) -> String {
    format!(
        "UPDATE audit_entry SET {update} WHERE id = \
         (SELECT audit_entry_id FROM ledger_leaf WHERE leaf_index = {BAD})"
    )
}

fn assert_leaf(verdict: &Verdict, expected: LeafFault) {
    match verdict {
        Verdict::Tampered(Tampering::Leaf {
            index: BAD, fault, ..
        }) => {
            assert_eq!(*fault, expected);
        }
        other => panic!("{other}"),
    }
    assert_eq!(verdict.exit_code(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_was_altered_is_found_and_its_leaf_named() {
    let log = Log::make().await;
    let text = of_bad_leaf("entry = replace(entry, 'success', 'failure')");
    assert_leaf(&log.found(&text).await, LeafFault::Text);
    let column = of_bad_leaf("action = 'nothing-happened'");
    assert_leaf(&log.found(&column).await, LeafFault::Column("action"));
    let digest = of_bad_leaf("digest = repeat('0', 64)");
    assert_leaf(&log.found(&digest).await, LeafFault::Digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_was_altered_with_its_digest_and_its_leaf_is_found_by_the_signature() {
    let log = Log::make().await;
    let text = of_bad_leaf("entry = replace(entry, 'success', 'failure')");
    let rest = "UPDATE audit_entry SET digest = encode(sha256(convert_to(entry, 'UTF8')), 'hex'); \
                UPDATE ledger_leaf SET leaf_hash = sha256('\\x00' || convert_to(entry, 'UTF8')) \
                FROM audit_entry WHERE audit_entry.id = audit_entry_id";
    let verdict = log.found(&format!("{text}; {rest}")).await;
    let bounded = Tampering::Leaves { first: 0, last: 4 };
    assert_eq!(verdict, Verdict::Tampered(bounded));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaf_or_an_entry_that_was_taken_away_is_found() {
    let log = Log::make().await;
    let verdict = log
        .found(&format!("DELETE FROM ledger_leaf WHERE leaf_index = {BAD}"))
        .await;
    let missing = Tampering::LeafMissing { index: BAD };
    assert_eq!(verdict, Verdict::Tampered(missing));

    let verdict = log
        .found("DELETE FROM ledger_leaf WHERE leaf_index = 9")
        .await;
    let missing = Tampering::LeafMissing { index: 9 };
    assert_eq!(verdict, Verdict::Tampered(missing));

    let entry = "DELETE FROM audit_entry WHERE id = \
                 (SELECT audit_entry_id FROM ledger_leaf WHERE leaf_index = 4)";
    assert_leaf(&log.found(entry).await, LeafFault::EntryGone);
}

#[tokio::test(flavor = "multi_thread")]
async fn leaves_that_were_swapped_are_found() {
    let log = Log::make().await;
    let verdict = log
        .found(
            "UPDATE ledger_leaf SET leaf_index = 100 WHERE leaf_index = 6; \
         UPDATE ledger_leaf SET leaf_index = 6 WHERE leaf_index = 8; \
         UPDATE ledger_leaf SET leaf_index = 8 WHERE leaf_index = 100",
        )
        .await;
    let bounded = Tampering::Leaves { first: 5, last: 9 };
    assert_eq!(verdict, Verdict::Tampered(bounded));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_or_a_head_that_was_altered_is_found() {
    let log = Log::make().await;
    for altered in [
        "UPDATE log_checkpoint SET root_hash = sha256(root_hash) WHERE tree_size = 5",
        "UPDATE log_checkpoint SET note = replace(note, E'\\n10\\n', E'\\n11\\n')",
        "UPDATE log_checkpoint SET tree_size = 11 WHERE tree_size = 10",
        "UPDATE log_head SET root_hash = sha256(root_hash)",
        "UPDATE log_head SET tree_size = 9",
        "DELETE FROM log_head",
    ] {
        let verdict = log.found(altered).await;
        assert_eq!(verdict.exit_code(), 1, "{altered}: {verdict}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_is_neither_in_the_log_nor_on_its_way_is_named() {
    let ground = Ground::start().await;
    let auditor = ground.auditor();
    ground.record(5).await;
    ground.settled().await;
    auditor.stop().await;
    let lost = ground.record(1).await[0];
    assert_eq!(ground.verify().await.verdict, Verdict::Intact);
    ground.house.sql("DELETE FROM ledger_pending").await;
    let verdict = ground.verify().await.verdict;
    let entries = vec![lost.as_uuid()];
    assert_eq!(
        verdict,
        Verdict::Incomplete(Gap::Unlogged { entries, total: 1 })
    );
    assert_eq!(verdict.exit_code(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_the_pinned_key_did_not_sign_is_untrusted() {
    let ground = Ground::start().await;
    let auditor = ground.auditor();
    let entry = ground.record(5).await[0];
    ground.settled().await;
    auditor.stop().await;
    let other = key::generate(ORIGIN).unwrap().verifier.parse().unwrap();
    let verdict = ground.verify_with(&other).await.verdict;
    assert!(
        matches!(verdict, Verdict::Untrusted(Distrust::OtherKey { .. })),
        "{verdict}"
    );
    assert_eq!(verdict.exit_code(), 3);
    let elsewhere = key::generate("log.example/other").unwrap().verifier;
    let verdict = ground
        .verify_with(&elsewhere.parse().unwrap())
        .await
        .verdict;
    assert!(
        matches!(verdict, Verdict::Untrusted(Distrust::OtherLog { .. })),
        "{verdict}"
    );

    let mut conn = ground.reading().await;
    let refused = prove(&mut conn, None, entry, &other).await.unwrap_err();
    assert!(matches!(refused, ProveError::Checkpoint(_)), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_was_altered_is_not_proven() {
    let ground = Ground::start().await;
    let auditor = ground.auditor();
    let entry = ground.record(5).await[0];
    ground.settled().await;
    auditor.stop().await;
    ground
        .tamper("UPDATE audit_entry SET entry = entry || ' '")
        .await;
    let mut conn = ground.reading().await;
    let refused = prove(&mut conn, None, entry, &ground.verifier())
        .await
        .unwrap_err();
    assert!(matches!(refused, ProveError::Proof(_)), "{refused}");
    assert!(!refused.is_too_early());
}

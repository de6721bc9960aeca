//! What the auditor does not do: sign without a key, or build upon a log that contradicts itself.

use auditor::verify::verdict::{Distrust, Verdict};
use testkit::wait;
use tlog::key;

use crate::ground::{Ground, ORIGIN, Running};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_leaves_are_written_and_signed_once_there_is_one() {
    let ground = Ground::start().await;
    let keyless = Running::start(ground.settings_without_key());
    keyless.says("signing", "there is no key").await;
    ground.record(3).await;
    wait::until("the entries are in the log", async || {
        let report = ground.verify().await;
        let expected = Verdict::Untrusted(Distrust::NothingSigned { leaves: 3 });
        (report.verdict == expected)
            .then_some(())
            .ok_or_else(|| format!("{report:?}"))
    })
    .await;
    keyless.stop().await;
    let _auditor = ground.auditor();
    let report = ground.settled().await;
    assert_eq!(report.verdict, Verdict::Intact);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_key_that_is_not_the_pinned_one_nothing_is_signed() {
    let ground = Ground::start().await;
    let other = key::generate(ORIGIN).unwrap().verifier;
    let settings = ground.settings().with("log.verifier_key", other).unwrap();
    let auditor = Running::start(settings);
    auditor.says("signing", "not signed by the key").await;
    ground.record(3).await;
    wait::until("the entries are in the log", async || {
        let report = ground.verify().await;
        (report.leaves == 3)
            .then_some(())
            .ok_or_else(|| format!("{report:?}"))
    })
    .await;
    auditor.stop().await;
    assert_eq!(ground.verify().await.signed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_ahead_of_the_log_or_beside_it_stops_the_auditor() {
    for (shift, words) in [
        ("tree_size + 5, root_hash", "is ahead of the head"),
        ("tree_size, sha256(root_hash)", "has another root"),
    ] {
        let ground = Ground::start().await;
        let auditor = ground.auditor();
        ground.record(3).await;
        ground.settled().await;
        auditor.stop().await;
        ground
            .tamper(&format!(
                "DELETE FROM log_checkpoint; \
                 INSERT INTO log_checkpoint SELECT origin, {shift}, 'note', now() FROM log_head"
            ))
            .await;
        let auditor = ground.auditor();
        auditor.says("log", words).await;
        ground.record(1).await;
        auditor.stop().await;
        let report = ground.verify().await;
        assert_eq!((report.leaves, report.pending), (3, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_another_name_is_not_continued() {
    let ground = Ground::start().await;
    let auditor = ground.auditor();
    ground.record(1).await;
    ground.settled().await;
    auditor.stop().await;
    let settings = ground
        .settings()
        .with("log.origin", "log.example/other")
        .unwrap();
    let auditor = Running::start(settings);
    auditor.says("log", "the log is \"log.example/lab\"").await;
}

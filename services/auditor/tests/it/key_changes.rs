//! The log's key is changed through a leaf of the log, and whoever pinned either key can check all.

use std::fs;

use auditor::verify::verdict::Verdict;
use process::settings::Settings;
use testkit::wait;
use tlog::checkpoint;
use tlog::key::{self, KeyPair};

use crate::ground::{Ground, ORIGIN, Running};

fn with_next(ground: &Ground, next: &KeyPair) -> Settings {
    let file = ground.house.folder("keys").join("next");
    fs::write(&file, &next.signer).unwrap();
    let settings = ground.settings().with("log.next_signing_key_file", file);
    settings.unwrap()
}

/// Waits until the newest checkpoint is signed by a key.
async fn until_signed_by(ground: &Ground, pair: &KeyPair) {
    let key = pair.verifier.parse().unwrap();
    wait::until("the newest checkpoint is signed by the key", async || {
        let mut conn = ground.reading().await;
        let newest = store::log_checkpoint::newest(&mut conn, ORIGIN)
            .await
            .unwrap();
        let opened = newest.map(|row| checkpoint::open(&row.note, &key));
        matches!(opened, Some(Ok(_)))
            .then_some(())
            .ok_or(format!("{opened:?}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_changed_through_a_leaf_and_old_checkpoints_stay_good() {
    let ground = Ground::start().await;
    let auditor = ground.auditor();
    ground.record(3).await;
    ground.settled().await;
    auditor.stop().await;

    let next = key::generate(ORIGIN).unwrap();
    let auditor = Running::start(with_next(&ground, &next));
    ground.record(1).await;
    until_signed_by(&ground, &ground.keys).await;
    // The leaf that says so is covered by the old key; what comes after is signed by the new one.
    wait::until("the leaf of the change is signed", async || {
        let report = ground.verify().await;
        (report.signed == 5)
            .then_some(())
            .ok_or(format!("{report:?}"))
    })
    .await;
    ground.record(1).await;
    until_signed_by(&ground, &next).await;
    auditor.stop().await;

    // Who leads next, with the same settings or with the new key alone, goes on with the new key.
    for settings in [
        with_next(&ground, &next),
        ground
            .settings()
            .with(
                "log.signing_key_file",
                ground.house.folder("keys").join("next"),
            )
            .and_then(|settings| settings.with("log.verifier_key", &next.verifier))
            .unwrap(),
    ] {
        let auditor = Running::start(settings);
        ground.record(1).await;
        wait::until("everything is signed", async || {
            let report = ground.verify().await;
            (report.signed == report.leaves && report.pending == 0)
                .then_some(())
                .ok_or(format!("{report:?}"))
        })
        .await;
        until_signed_by(&ground, &next).await;
        auditor.stop().await;
    }
    for pinned in [&ground.keys.verifier, &next.verifier] {
        let report = ground.verify_with(&pinned.parse().unwrap()).await;
        assert_eq!((report.verdict, report.leaves), (Verdict::Intact, 8));
    }
    let stranger = key::generate(ORIGIN).unwrap().verifier;
    let report = ground.verify_with(&stranger.parse().unwrap()).await;
    assert_eq!(report.verdict.exit_code(), 3, "{}", report.verdict);

    // The old key alone signs nothing more, and entries are recorded all the same.
    let auditor = ground.auditor();
    auditor
        .says("signing", "the log is signed by another key")
        .await;
    ground.record(1).await;
    wait::until("the entry is in the log", async || {
        let report = ground.verify().await;
        (report.leaves == 9 && report.signed == 8)
            .then_some(())
            .ok_or(format!("{report:?}"))
    })
    .await;
}

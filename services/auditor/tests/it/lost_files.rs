//! The log's files are lost: the ledger has all that they are made of, and they come out the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use auditor::epoch::{self, Cause};
use contract::time::now;
use testkit::wait;

use crate::ground::{Ground, ORIGIN};

/// Files by their path in the folder of the log.
type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Leaves of the first epoch: a full tile, and a few.
const LEAVES: u64 = 300;

fn log(ground: &Ground) -> PathBuf {
    ground.objects_folder().join("log")
}

fn files(ground: &Ground) -> Files {
    let (log, mut found) = (log(ground), Files::new());
    let mut folders = vec![log.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                found.insert(path.strip_prefix(&log).unwrap().to_owned(), bytes);
            }
        }
    }
    found
}

fn assert_same(found: &Files, before: &Files) {
    let names: Vec<&PathBuf> = before.keys().collect();
    assert_eq!(found.keys().collect::<Vec<_>>(), names);
    for (name, bytes) in before {
        assert!(
            found[name] == *bytes,
            "{} came out otherwise",
            name.display()
        );
    }
}

/// Waits until every file is there again: some that are looked for were never lost.
async fn until_there(ground: &Ground, before: &Files) {
    wait::until("the files are there again", async || {
        let lost = before.keys().find(|name| !log(ground).join(name).exists());
        lost.map_or(Ok(()), |name| Err(format!("{} is lost", name.display())))
    })
    .await;
}

fn lose(folder: &Path) {
    fs::remove_dir_all(folder).unwrap();
}

/// A ledger with a log of so many leaves, all published; nobody runs.
async fn published() -> Ground {
    let ground = Ground::start().await;
    let auditor = ground.auditor();
    ground.record(3).await;
    ground.until_published(1, 3).await;
    ground.record(u32::try_from(LEAVES).unwrap() - 3).await;
    ground.until_published(1, LEAVES).await;
    auditor.stop().await;
    ground
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_were_lost_while_nobody_ran_are_made_again_byte_for_byte() {
    let ground = published().await;
    let before = files(&ground);
    lose(&log(&ground));
    let auditor = ground.auditor();
    ground.until_published(1, LEAVES).await;
    auditor.until_ready().await;
    auditor.stop().await;
    assert_same(&files(&ground), &before);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_lost_while_the_auditor_runs_are_made_again_with_the_next_checkpoint() {
    let ground = published().await;
    let auditor = ground.auditor();
    auditor.until_ready().await;
    let mut before = files(&ground);
    lose(&log(&ground));
    ground.record(1).await;
    ground.until_published(1, LEAVES + 1).await;
    auditor.stop().await;
    let mut found = files(&ground);
    // The newest checkpoint is another one, and what ends there was not there before.
    for files in [&mut before, &mut found] {
        let at_the_end = format!(".p/{}", (LEAVES + 1) % 256);
        files.remove(Path::new("1/checkpoint"));
        files.retain(|name, _| !name.to_str().unwrap().ends_with(&at_the_end));
    }
    assert_same(&found, &before);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_an_epoch_that_ended_are_made_again_too() {
    let ground = published().await;
    let store = ground.house.store("assay_auditor", 1);
    let cause = Cause {
        reason: "a restore",
        actor: "operator",
        at: now(),
    };
    let mut conn = store.connection().await.unwrap();
    epoch::open(&mut conn, &ground.objects(), ORIGIN, &[], cause)
        .await
        .unwrap();
    let auditor = ground.auditor();
    ground.record(2).await;
    ground.until_published(2, 3).await;
    auditor.stop().await;
    let before = files(&ground);
    // All of it; the ended epoch alone; its tiles alone.
    for lost in ["", "1", "1/tile"] {
        lose(&log(&ground).join(lost));
        let auditor = ground.auditor();
        ground.until_published(2, 3).await;
        ground.until_published(1, LEAVES).await;
        until_there(&ground, &before).await;
        auditor.stop().await;
        assert_same(&files(&ground), &before);
    }
}

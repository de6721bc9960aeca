//! A proof is the same whatever it is made from: published tiles, the leaves beyond them, or leaves
//! alone.

use std::fs;
use std::path::{Path, PathBuf};

use auditor::prove::{ProveError, prove};
use contract::ids::AuditEntryId;
use objects::store::Objects;

use crate::ground::Ground;

/// More than one full tile.
const PUBLISHED: u32 = 300;
/// Leaves that come after.
const LATER: u32 = 290;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A log that goes further than the folder that is given, with some of its entries.
async fn grown(ground: &Ground) -> (PathBuf, Vec<AuditEntryId>) {
    let auditor = ground.auditor();
    let mut entries = ground.record(PUBLISHED).await;
    ground.until_published(1, u64::from(PUBLISHED)).await;
    let older = ground.house.folder("older").join("objects");
    copy(&ground.objects_folder(), &older);
    entries.extend(ground.record(LATER).await);
    ground.settled().await;
    ground
        .until_published(1, u64::from(PUBLISHED + LATER))
        .await;
    auditor.stop().await;
    let some = entries.into_iter().step_by(97).collect();
    (older, some)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_is_the_same_from_tiles_from_leaves_and_from_both() {
    let ground = Ground::start().await;
    let (older, entries) = grown(&ground).await;
    let older_store = Objects::open_folder(&older).unwrap();
    let (newest, empty) = (ground.objects(), ground.house.folder("empty"));
    let empty = Objects::open_folder(&empty).unwrap();
    let mut conn = ground.reading().await;
    let key = ground.verifier();
    for entry in &entries {
        let leaves = prove(&mut conn, None, *entry, &key).await.unwrap();
        for store in [&newest, &older_store, &empty] {
            let made = prove(&mut conn, Some(store), *entry, &key).await.unwrap();
            assert_eq!(made, leaves);
        }
    }
    // A tile that is not the log's, and one that is gone, cost time and no proof.
    let tile = older.join("log/1/tile/0/000");
    let mut bytes = fs::read(&tile).unwrap();
    bytes.rotate_left(32);
    fs::write(&tile, bytes).unwrap();
    for _ in 0..2 {
        for entry in &entries {
            let leaves = prove(&mut conn, None, *entry, &key).await.unwrap();
            let made = prove(&mut conn, Some(&older_store), *entry, &key).await;
            assert_eq!(made.unwrap(), leaves);
        }
        let _ = fs::remove_file(&tile);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_proven_without_the_hashes_of_other_leaves() {
    let ground = Ground::start().await;
    let (_, entries) = grown(&ground).await;
    ground
        .tamper("UPDATE ledger_leaf SET leaf_hash = sha256(leaf_hash)")
        .await;
    let (store, key) = (ground.objects(), ground.verifier());
    let mut conn = ground.reading().await;
    for entry in entries {
        let proven = prove(&mut conn, Some(&store), entry, &key).await.unwrap();
        assert_eq!(proven.checkpoint.size, u64::from(PUBLISHED + LATER));
        let refused = prove(&mut conn, None, entry, &key).await.unwrap_err();
        assert!(matches!(refused, ProveError::Proof(_)), "{refused}");
    }
}

//! The log as files: whatever checkpoint is published, every file that it needs is there.

use std::fs;

use objects::log::LogFile;
use store::log_head;
use testkit::wait;
use tlog::bundle;
use tlog::hash::Hash;
use tlog::tile::{Kind, Tile, all_of, hashes_of};
use tlog::tree::Frontier;

use crate::ground::Ground;

/// Entries that a writer records at once.
const RECORDED_AT_ONCE: u32 = 70;

/// A file of the first epoch: as it is named, or the full one in its place.
async fn file(ground: &Ground, tile: Tile) -> (Tile, Vec<u8>) {
    let objects = ground.objects();
    for tile in [tile, tile.filled()] {
        if let Some(bytes) = objects.log_file(1, LogFile::Tile(tile)).await.unwrap() {
            return (tile, bytes.to_vec());
        }
    }
    panic!("{tile} is missing below a published checkpoint");
}

/// Recomputes the published log from its files alone; says how far it goes.
async fn whole(ground: &Ground) -> u64 {
    let Some(said) = ground.published(1).await else {
        return 0;
    };
    let mut tree = Frontier::new();
    let mut hashes = Vec::new();
    for tile in all_of(said.size) {
        let (found, bytes) = file(ground, tile).await;
        match tile.kind() {
            Kind::Entries => {
                let entries = bundle::entries(&bytes, found.width()).unwrap();
                for entry in entries.iter().take(usize::try_from(tile.width()).unwrap()) {
                    tree.append(Hash::of_leaf(entry));
                    hashes.push(Hash::of_leaf(entry));
                }
            }
            Kind::Hashes(0) => {
                let first = usize::try_from(tile.start()).unwrap();
                let found = hashes_of(&found, &bytes).unwrap();
                let wide = usize::try_from(tile.width()).unwrap();
                assert_eq!(found[..wide], hashes[first..first + wide], "{tile}");
            }
            Kind::Hashes(_) => {
                let (_, below) = file(ground, Tile::full(Kind::Hashes(0), 0)).await;
                let mut subtree = Frontier::new();
                let leaves = hashes_of(&Tile::full(Kind::Hashes(0), 0), &below).unwrap();
                leaves.into_iter().for_each(|leaf| {
                    subtree.append(leaf);
                });
                assert_eq!(hashes_of(&found, &bytes).unwrap()[0], subtree.root());
            }
        }
    }
    assert_eq!((tree.size(), tree.root()), (said.size, said.root));
    said.size
}

#[tokio::test(flavor = "multi_thread")]
async fn every_published_checkpoint_has_its_files_when_leaders_are_killed_at_any_moment() {
    let ground = Ground::start().await;
    let mut leader = ground.auditor();
    let mut seen = 0;
    for _ in 0..8 {
        ground.record(RECORDED_AT_ONCE).await;
        let size = wait::until("more is published", async || {
            let size = whole(&ground).await;
            (size > seen)
                .then_some(size)
                .ok_or(format!("{size} > {seen}"))
        })
        .await;
        seen = size;
        drop(leader);
        leader = ground.auditor();
    }
    let all = u64::from(8 * RECORDED_AT_ONCE);
    ground.until_published(1, all).await;
    assert_eq!(whole(&ground).await, all);
    drop(leader);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_leaves_publishes_what_it_signed_last() {
    let ground = Ground::start().await;
    let auditor = ground.auditor();
    ground.record(3).await;
    ground.until_published(1, 3).await;
    ground.record(300).await;
    wait::until("the entries are in the log", async || {
        let leaves = ground.verify().await.leaves;
        (leaves == 303).then_some(()).ok_or(leaves.to_string())
    })
    .await;
    auditor.stop().await;
    assert_eq!(whole(&ground).await, 303);
    // The first tile is full, and the part that it was before is gone.
    for kind in [Kind::Entries, Kind::Hashes(0)] {
        let partials = ground.objects_folder().join("log/1");
        let partials = partials.join(Tile::full(kind, 0).partials());
        let left = fs::read_dir(&partials).map_or(0, Iterator::count);
        assert_eq!(left, 0, "{}", partials.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_object_store_is_away_the_log_goes_on_and_is_published_afterwards() {
    let ground = Ground::start().await;
    let auditor = ground.auditor();
    ground.record(3).await;
    ground.until_published(1, 3).await;
    let folder = ground.objects_folder();
    let away = folder.with_extension("away");
    fs::rename(&folder, &away).unwrap();
    ground.record(3).await;
    ground.settled().await;
    auditor.says("published", "").await;
    wait::until("the objects are back", async || {
        // The auditor may make the folder anew in between.
        let _ = fs::remove_dir_all(&folder);
        fs::rename(&away, &folder).map_err(|error| error.to_string())
    })
    .await;
    ground.until_published(1, 6).await;
    assert_eq!(whole(&ground).await, 6);
    auditor.until_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_could_not_publish_and_leads_no_more_is_ready_to_stand_by() {
    let ground = Ground::start().await;
    let auditor = ground.auditor();
    ground.record(3).await;
    ground.until_published(1, 3).await;
    let folder = ground.objects_folder();
    fs::rename(&folder, folder.with_extension("away")).unwrap();
    wait::until("nothing can be published", async || {
        // The auditor may make the folder anew in between.
        let _ = fs::remove_dir_all(&folder);
        fs::write(&folder, "no folder").map_err(|error| error.to_string())
    })
    .await;
    ground.record(3).await;
    auditor.says("published", "").await;
    let store = ground.house.store("assay_auditor", 1);
    let mut other = store.dedicated().await.unwrap();
    // It comes back at once, and may be the first.
    wait::until("another one leads", async || {
        ground
            .house
            .sql(
                "SELECT pg_terminate_backend(pid) FROM pg_locks \
                 WHERE locktype = 'advisory' AND granted",
            )
            .await;
        let leads = log_head::try_lead(&mut other).await.unwrap();
        leads.then_some(()).ok_or_else(String::new)
    })
    .await;
    auditor.until_ready().await;
    assert!(log_head::try_lead(&mut other).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn tiles_that_are_missing_at_the_edge_are_published_again() {
    let ground = Ground::start().await;
    let auditor = ground.auditor();
    ground.record(300).await;
    ground.until_published(1, 300).await;
    auditor.stop().await;
    fs::remove_dir_all(ground.objects_folder().join("log/1/tile")).unwrap();
    ground.record(1).await;
    let auditor = ground.auditor();
    ground.until_published(1, 301).await;
    assert_eq!(whole(&ground).await, 301);
    auditor.stop().await;
}

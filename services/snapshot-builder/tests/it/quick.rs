//! What is begun ahead and kept tidy so that a push is quick: the answers are the same.

use contract::name::CommitSha;
use sample::lab::{FAILING, PASSING};
use snapshot_builder::git::cache::Cache;
use snapshot_builder::git::commits::PushRange;
use snapshot_builder::git::tidy::PACKS;

use crate::world::{World, sha};

/// What a cache says of a commit: its tree, its changes, and which commits a push of it brought.
async fn said(cache: &Cache, commit: &CommitSha, before: &CommitSha) -> String {
    let range = PushRange {
        after: commit,
        before: Some(before),
        starting: None,
        template: &[],
        fallback: &[],
    };
    let tree = cache.list(commit).await.unwrap();
    let changed = cache.changed(commit).await.unwrap();
    let commits = cache.commits(range).await.unwrap();
    format!("{tree:?} {changed:?} {commits:?}")
}

#[tokio::test]
async fn what_is_begun_before_a_commit_is_fetched_answers_as_what_is_begun_after() {
    let world = World::make().await;
    let one = sha(&world.learner.commit("main", "One", FAILING).await.unwrap());
    let two = sha(&world.learner.commit("main", "Two", PASSING).await.unwrap());
    let ahead = world.cache().await;
    ahead.ensure_new(&two).await.unwrap();
    // First of a commit that nothing was begun for.
    let of_one = said(&ahead, &one, &world.starting).await;
    let of_two = said(&ahead, &two, &world.starting).await;
    assert!(of_two.contains(one.as_str()), "{of_two}");
    drop(ahead);
    std::fs::remove_dir_all(world.cache_folder()).unwrap();
    let after = world.cache().await;
    after.ensure(&two).await.unwrap();
    assert_eq!(said(&after, &one, &world.starting).await, of_one);
    assert_eq!(said(&after, &two, &world.starting).await, of_two);
}

#[tokio::test]
async fn a_cache_of_many_fetches_is_tidied_and_says_what_it_said() {
    let world = World::make().await;
    let mut heads = vec![world.starting.clone()];
    for number in 0..PACKS {
        if number > 0 {
            let change = if number % 2 == 0 { FAILING } else { PASSING };
            let commit = world.learner.commit("main", "Next", change).await.unwrap();
            heads.push(sha(&commit));
        }
        let cache = world.cache().await;
        cache.ensure(heads.last().unwrap()).await.unwrap();
        let index = world.cache_folder().join("objects/pack/multi-pack-index");
        assert!(!index.exists(), "after {number}");
        cache.tidy().await;
        assert_eq!(index.exists(), number + 1 == PACKS, "after {number}");
    }
    let packed = std::fs::read_to_string(world.cache_folder().join("packed-refs")).unwrap();
    for head in &heads {
        assert!(packed.contains(&format!("refs/assay/{head}")), "{head}");
    }
    // Nothing that is there is asked for again, and what is new is found beside it.
    let asked = world.forge.fetch_count();
    let cache = world.cache().await;
    for head in &heads {
        cache.ensure(head).await.unwrap();
    }
    assert_eq!(world.forge.fetch_count(), asked);
    let last = sha(&world.learner.commit("main", "Last", PASSING).await.unwrap());
    cache.ensure(&last).await.unwrap();
    let told = said(&cache, &last, &world.starting).await;
    assert!(
        heads[1..].iter().all(|head| told.contains(head.as_str())),
        "{told}"
    );
    assert_eq!(cache.holdings().await.unwrap().packs, PACKS + 1);
}

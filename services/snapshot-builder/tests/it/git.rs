//! Fetching and listing.

use contract::name::CommitSha;
use git::error::GitError;
use git::origin::Origin;
use sample::lab::{FAILING, PASSING};
use sample::repository::{AUTHOR_EMAIL, Change};
use snapshot_builder::git::cache::Caches;
use snapshot_builder::git::commits::{COMMITS_PER_PUSH_MAX, Listed, PushRange};
use snapshot_builder::limits::Limits;

use crate::world::{World, sha};

async fn why_not(world: &World, url: &str, commit: &CommitSha) -> String {
    let cache = world.cache_of(url).await;
    match cache.ensure(commit).await {
        Err(err @ (GitError::SourceUnavailable { .. } | GitError::NoSuchCommit)) => err.to_string(),
        other => panic!("{url}: {other:?}"),
    }
}

async fn commits(
    world: &World,
    before: Option<&CommitSha>,
    after: &CommitSha,
    starting: Option<&CommitSha>,
) -> Vec<String> {
    let cache = world.cache().await;
    cache.ensure(after).await.unwrap();
    let range = PushRange {
        after,
        before,
        starting,
        template: &[],
        fallback: &[],
    };
    let found = cache.commits(range).await.unwrap().commits;
    assert!(
        found
            .iter()
            .all(|commit| commit.author_email == AUTHOR_EMAIL)
    );
    assert!(found.iter().all(|commit| commit.committed_at.is_some()));
    found
        .into_iter()
        .map(|commit| commit.commit.into())
        .collect()
}

#[tokio::test]
async fn a_commit_is_fetched_by_its_sha_once_and_then_found_in_the_cache() {
    let world = World::make().await;
    let cache = world.cache().await;
    assert!(!cache.has(&world.starting).await.unwrap());
    cache.ensure(&world.starting).await.unwrap();
    assert!(cache.has(&world.starting).await.unwrap());
    let asked = world.forge.fetch_count();
    cache.ensure(&world.starting).await.unwrap();
    drop(cache);
    world.cache().await.ensure(&world.starting).await.unwrap();
    assert_eq!(world.forge.fetch_count(), asked);
}

#[tokio::test]
async fn a_new_commit_is_fetched_at_once_found_without_its_forge_and_bounded_in_any_case() {
    let world = World::make().await;
    let cache = world.cache().await;
    cache.ensure_new(&world.starting).await.unwrap();
    assert!(cache.has(&world.starting).await.unwrap());
    drop(cache);
    // What lies in the cache may be more than is allowed now, whoever brought it.
    let limits = Limits {
        objects_max: 1,
        ..Limits::default()
    };
    let folder = world.cache_folder();
    let caches = Caches::open(folder.parent().unwrap(), 60, limits).unwrap();
    std::fs::rename(world.learner.folder(), world.folder.path().join("gone")).unwrap();
    let cache = world.cache().await;
    cache.ensure_new(&world.starting).await.unwrap();
    let nowhere = cache.ensure_new(&sha(&"1".repeat(40))).await.unwrap_err();
    assert!(
        matches!(nowhere, GitError::SourceUnavailable { .. }),
        "{nowhere:?}"
    );
    drop(cache);
    let origin = Origin::url(&world.learner.clone_url()).unwrap();
    let cache = caches.hold(origin, &world.starting).await.unwrap();
    let refused = cache.ensure_new(&world.starting).await.unwrap_err();
    assert!(matches!(refused, GitError::Refused { .. }), "{refused:?}");
    assert!(!cache.has(&world.starting).await.unwrap());
}

#[tokio::test]
async fn a_commit_that_no_branch_reaches_any_more_is_fetched_by_its_sha() {
    let world = World::make().await;
    let gone = sha(&world.learner.commit("main", "Gone", FAILING).await.unwrap());
    let parent = Some(world.starting.as_str());
    world
        .learner
        .commit_onto(parent, "main", "Instead", PASSING)
        .await
        .unwrap();
    world.cache().await.ensure(&gone).await.unwrap();
}

#[tokio::test]
async fn what_the_forge_does_not_give_is_unavailable_in_words_of_our_own() {
    let world = World::make().await;
    let (url, starting) = (world.learner.clone_url(), &world.starting);
    let missing = sha(&"1".repeat(40));
    assert_eq!(
        why_not(&world, &url, &missing).await,
        "the forge has no such commit"
    );
    let other = format!("{}/course/nothing.git", world.forge.url());
    assert_eq!(
        why_not(&world, &other, starting).await,
        "the forge has no such repository"
    );
    // Port 1 of the loopback has no listener.
    let dead = "http://learner:secret@127.0.0.1:1/course/nothing.git";
    assert_eq!(
        why_not(&world, dead, starting).await,
        "the forge cannot be reached"
    );
    // A blob is no commit, and no page of a forge is a repository.
    let page = format!("{}/course", world.forge.url());
    assert_eq!(
        why_not(&world, &page, starting).await,
        "the forge has no such repository"
    );
}

#[tokio::test]
async fn a_forge_that_never_answers_is_given_up_and_leaves_no_process() {
    let world = World::make().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/a/b.git", silent.local_addr().unwrap());
    let folder = world.folder.path().join("impatient");
    let caches = Caches::open(&folder, 1, Limits::default()).unwrap();
    let origin = Origin::url(&url).unwrap();
    let cache = caches.hold(origin, &world.starting).await.unwrap();
    let err = cache.ensure(&world.starting).await.unwrap_err();
    assert_eq!(err.to_string(), "the forge did not answer within 1 s");
    // The connection that git's child held ends with the child.
    let (mut held, _) = silent.accept().await.unwrap();
    let mut request = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut held, &mut request)
        .await
        .unwrap();
    assert!(request.starts_with(b"GET /a/b.git/info/refs"));
}

#[tokio::test]
async fn a_cache_that_was_damaged_is_made_anew() {
    let world = World::make().await;
    world.cache().await.ensure(&world.starting).await.unwrap();
    let folder = world.cache_folder();
    std::fs::remove_dir_all(folder.join("objects")).unwrap();
    let next = sha(&world.learner.commit("main", "Next", PASSING).await.unwrap());
    world.cache().await.ensure(&next).await.unwrap();
    std::fs::write(folder.join("config"), "[core\n").unwrap();
    let last = sha(&world.learner.commit("main", "Last", FAILING).await.unwrap());
    world.cache().await.ensure(&last).await.unwrap();
}

#[tokio::test]
async fn the_commits_of_a_push_are_those_after_before_and_after_the_starting_commit() {
    let world = World::make().await;
    let start = &world.starting;
    let one = sha(&world.learner.commit("main", "One", FAILING).await.unwrap());
    let two = sha(&world.learner.commit("main", "Two", PASSING).await.unwrap());
    let three = sha(&world
        .learner
        .commit("main", "Three", FAILING)
        .await
        .unwrap());
    let all = [one.as_str(), two.as_str(), three.as_str()];
    assert_eq!(commits(&world, Some(start), &three, Some(start)).await, all);
    assert_eq!(
        commits(&world, Some(&one), &three, Some(start)).await,
        all[1..]
    );
    assert_eq!(commits(&world, None, &three, Some(start)).await, all);
    assert_eq!(commits(&world, None, &three, None).await.len(), 4);
    assert!(
        commits(&world, Some(&three), &two, Some(start))
            .await
            .is_empty()
    );
    // What bounds the push but is nowhere any more bounds nothing.
    let gone = sha(&"1".repeat(40));
    assert_eq!(commits(&world, Some(&gone), &three, Some(start)).await, all);
}

#[tokio::test]
async fn a_force_push_brings_what_its_old_head_does_not_reach() {
    let world = World::make().await;
    let start = &world.starting;
    let kept = sha(&world.learner.commit("main", "Kept", FAILING).await.unwrap());
    let old = sha(&world.learner.commit("main", "Old", FAILING).await.unwrap());
    let parent = Some(kept.as_str());
    let new = world
        .learner
        .commit_onto(parent, "main", "New", PASSING)
        .await
        .unwrap();
    let found = commits(&world, Some(&old), &sha(&new), Some(start)).await;
    assert_eq!(found, [new]);
}

#[tokio::test]
async fn what_a_commit_changed_is_told_from_its_parent() {
    let world = World::make().await;
    let changes = [
        Change::File("notes/über.md".as_bytes(), b"hello\n"),
        Change::Remove(b"README.md"),
        PASSING[0],
    ];
    let commit = sha(&world
        .learner
        .commit("main", "Change", &changes)
        .await
        .unwrap());
    let cache = world.cache().await;
    cache.ensure(&commit).await.unwrap();
    let changed = cache.changed(&commit).await.unwrap().unwrap();
    assert_eq!(changed, ["README.md", "calc.sh", "notes/über.md"]);
    let first = cache.changed(&world.starting).await.unwrap().unwrap();
    assert_eq!(first, ["README.md", "calc.sh", "lab.toml", "tests/run.sh"]);
    let nothing = sha(&world.learner.commit("main", "Nothing", &[]).await.unwrap());
    cache.ensure(&nothing).await.unwrap();
    let changed = cache.changed(&nothing).await.unwrap().unwrap();
    assert_eq!(changed, Vec::<String>::new());
    // What cannot be read changed who knows what, and not nothing.
    let unread = cache.changed(&sha(&"1".repeat(40))).await;
    assert!(
        matches!(unread, Err(GitError::Corrupt { .. })),
        "{unread:?}"
    );
}

#[tokio::test]
async fn a_reference_is_a_branch_a_tag_a_commit_or_head() {
    let world = World::make().await;
    let head = world.lab.head("main").await.unwrap();
    world.lab.commit("next", "Next", PASSING).await.unwrap();
    let next = world.lab.head("next").await.unwrap();
    let tag = world.lab.tag("v1", &head).await.unwrap();
    assert_ne!(tag, head);
    let folder = world.lab.folder().to_str().unwrap();
    for location in [world.lab.clone_url().as_str(), folder] {
        let origin = Origin::of_operator(location).unwrap();
        for (reference, expected) in [
            (None, &head),
            (Some("main"), &head),
            (Some("refs/heads/next"), &next),
            (Some("next"), &next),
            (Some("v1"), &head),
            (Some(next.as_str()), &next),
        ] {
            let found = world.caches.resolve(&origin, reference).await.unwrap();
            assert_eq!(found.as_str(), expected, "{location} {reference:?}");
            world
                .caches
                .hold(origin.clone(), &found)
                .await
                .unwrap()
                .ensure(&found)
                .await
                .unwrap();
        }
        for missing in ["nothing", "--upload-pack=touch /tmp/x", "ma*", ""] {
            let found = world.caches.resolve(&origin, Some(missing)).await;
            assert!(
                matches!(&found, Err(GitError::SourceUnavailable { .. })),
                "{location} {missing:?}: {found:?}"
            );
        }
    }
    let nowhere = Origin::of_operator("/nowhere/at/all").unwrap();
    let err = world.caches.resolve(&nowhere, None).await.unwrap_err();
    assert_eq!(err.to_string(), "there is no git repository");
}

#[tokio::test]
async fn a_repository_with_hooks_and_configuration_of_its_own_runs_none_of_it() {
    let world = World::make().await;
    let marker = world.folder.path().join("ran");
    let folder = world.lab.folder();
    std::fs::create_dir_all(folder.join("hooks")).unwrap();
    let script = format!("#!/bin/sh\ntouch {}\n", marker.display());
    for hook in [
        "post-checkout",
        "reference-transaction",
        "post-index-change",
    ] {
        let path = folder.join("hooks").join(hook);
        std::fs::write(&path, &script).unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, executable).unwrap();
    }
    let configuration = format!(
        "[uploadpack]\n\tpackObjectsHook = touch {}\n",
        marker.display()
    );
    let own = std::fs::read_to_string(folder.join("config")).unwrap();
    std::fs::write(folder.join("config"), own + &configuration).unwrap();
    let origin = Origin::of_operator(folder.to_str().unwrap()).unwrap();
    let head = world.caches.resolve(&origin, None).await.unwrap();
    let cache = world.caches.hold(origin, &head).await.unwrap();
    cache.ensure(&head).await.unwrap();
    assert!(!marker.exists());
}

#[tokio::test]
async fn the_git_program_of_this_machine_will_do() {
    let world = World::make().await;
    let said = world.caches.check_git().await.unwrap();
    assert!(said.starts_with("git version "), "{said}");
}

/// What a push of `after` brought, as the bounds say.
async fn bounded(world: &World, range: PushRange<'_>) -> Listed {
    let cache = world.cache().await;
    cache.ensure(range.after).await.unwrap();
    cache.commits(range).await.unwrap()
}

#[tokio::test]
async fn a_list_longer_than_a_push_may_have_says_how_many_it_leaves_out() {
    let world = World::make().await;
    let many = u32::try_from(COMMITS_PER_PUSH_MAX).unwrap() + 50;
    let head = sha(&world.learner.grow("main", many).await.unwrap());
    let range = PushRange {
        after: &head,
        before: Some(&world.starting),
        starting: None,
        template: &[],
        fallback: &[],
    };
    let listed = bounded(&world, range).await;
    assert_eq!(listed.commits.len(), COMMITS_PER_PUSH_MAX);
    assert_eq!(listed.left_out, 50);
    // Oldest first, and the newest of them all are there.
    assert_eq!(listed.commits.last().unwrap().commit, head);
}

#[tokio::test]
async fn what_the_lab_and_the_session_have_already_bounds_a_ref_that_is_new() {
    let world = World::make().await;
    let one = sha(&world.learner.grow("main", 1).await.unwrap());
    let three = sha(&world.learner.grow("main", 2).await.unwrap());
    let six = sha(&world.learner.grow("main", 3).await.unwrap());
    let start = [world.starting.clone()];
    let nowhere = [sha(&"1".repeat(40))];
    let known = [three.clone(), nowhere[0].clone()];
    for (before, template, fallback, commits, narrowed) in [
        // The whole history, the template's included: nothing is known.
        (None, &[][..], &[][..], 7, false),
        (None, &nowhere[..], &[][..], 7, false),
        (None, &start[..], &[][..], 6, false),
        // A branch that is made of what an earlier push brought.
        (None, &start[..], &known[..], 3, true),
        // What the ref was before is all that bounds it.
        (Some(&one), &start[..], &known[..], 5, false),
        // It was forced away and is gone.
        (Some(&nowhere[0]), &start[..], &known[..], 3, true),
        (Some(&nowhere[0]), &start[..], &[][..], 6, false),
    ] {
        let range = PushRange {
            after: &six,
            before,
            starting: None,
            template,
            fallback,
        };
        let listed = bounded(&world, range).await;
        let said = (listed.commits.len(), listed.narrowed, listed.left_out);
        assert_eq!(said, (commits, narrowed, 0), "{range:?}");
    }
}

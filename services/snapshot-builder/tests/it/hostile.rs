//! The corpus of hostile repositories: each is refused or kept as it must be, nothing of it runs,
//! nothing outside the caches changes, and the next good push is preserved.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use contract::ids::SessionId;
use contract::job::PreservedTree;
use contract::name::CommitSha;
use contract::result::ErrorCause;
use git::error::GitError;
use git::origin::Origin;
use objects::manifest::{Content, Manifest};
use objects::owner::Owner;
use objects::store::Objects;
use sample::hostile::{self, Expected, Hostile};
use sample::lab::PASSING;
use sample::repository::{Change, Clock, Repository};
use serde_json::json;
use snapshot_builder::build::{BuildError, Builder};
use snapshot_builder::git::cache::Caches;
use snapshot_builder::limits::Limits;

use crate::office::Office;
use crate::world::{FETCH_SECONDS_MAX, World, sha};

/// What a try may change.
const OURS: [&str; 3] = ["caches", "forge", "objects"];

/// A world with hostile neighbours, and what lies beside its caches.
pub(crate) struct Siege {
    pub(crate) world: World,
    objects: Objects,
    canary: PathBuf,
}

impl Siege {
    pub(crate) async fn begin() -> Self {
        let world = World::make().await;
        let folder = world.folder.path();
        let objects = Objects::open_folder(&folder.join("objects")).unwrap();
        std::fs::create_dir(folder.join("beside")).unwrap();
        std::fs::write(folder.join("beside/config"), "untouched").unwrap();
        let canary = folder.join("canary");
        Self {
            objects,
            canary,
            world,
        }
    }

    /// Files outside what is ours, each with its size and time.
    fn outside(&self) -> BTreeMap<PathBuf, (u64, SystemTime)> {
        let mut found = BTreeMap::new();
        let top = self.world.folder.path();
        let mut folders = vec![top.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let entry = entry.unwrap();
                let (path, data) = (entry.path(), entry.metadata().unwrap());
                let name = entry.file_name().into_string().unwrap();
                if folder == top && OURS.contains(&name.as_str()) {
                    continue;
                }
                found.insert(path.clone(), (data.len(), data.modified().unwrap()));
                if data.is_dir() {
                    folders.push(path);
                }
            }
        }
        found
    }

    pub(crate) async fn build(
        &self,
        caches: &Caches,
        repository: &Repository,
        commit: &CommitSha,
    ) -> Result<Manifest, BuildError> {
        let origin = Origin::url(&repository.clone_url()).unwrap();
        let cache = caches.hold(origin, commit).await.unwrap();
        let nothing = HashSet::new();
        let owner = Owner::Session(SessionId::new());
        let mut builder = Builder::new(&self.objects, owner, &nothing);
        builder.build(&cache, commit).await
    }

    /// Makes each, has it preserved, and looks at what came of it and of everything around it.
    async fn withstand(&self, corpus: &[Hostile]) {
        let mut odd = Vec::new();
        for (number, hostile) in corpus.iter().enumerate() {
            let name = format!("hostile/number-{number}");
            let repository = self.world.forge.create(&name, Clock::Fixed).await.unwrap();
            let commit = sha(&hostile.make(&repository, &self.canary).await.unwrap());
            let before = self.outside();
            let built = self.build(&self.world.caches, &repository, &commit);
            let built = built.await;
            odd.extend(wrong(hostile, &built));
            assert_eq!(self.outside(), before, "{}", hostile.name);
            assert!(!self.canary.exists(), "{}", hostile.name);
        }
        assert_eq!(odd, [""; 0]);
        let good = self.world.learner.commit("main", "Good", PASSING);
        let good = sha(&good.await.unwrap());
        let built = self
            .build(&self.world.caches, &self.world.learner, &good)
            .await;
        assert_eq!(built.unwrap().file_count(), 4);
    }
}

/// What is wrong with what came of it, if anything is.
fn wrong(hostile: &Hostile, built: &Result<Manifest, BuildError>) -> Option<String> {
    let as_expected = match (hostile.expected, built) {
        (Expected::Kept(paths), Ok(manifest)) => {
            let kept: Vec<_> = manifest
                .entries()
                .iter()
                .map(|entry| entry.path.to_string())
                .collect();
            paths
                .iter()
                .all(|path| kept.iter().any(|kept| kept == path))
        }
        (Expected::Refused(words), Err(BuildError::Missing { cause, detail })) => {
            *cause == ErrorCause::TreeRefused && detail.contains(words)
        }
        (Expected::Unavailable(words), Err(BuildError::Missing { cause, detail })) => {
            *cause == ErrorCause::SourceUnavailable && detail.contains(words)
        }
        (Expected::NotKept, Err(BuildError::Missing { .. })) => true,
        _ => false,
    };
    let (name, expected) = (hostile.name, hostile.expected);
    (!as_expected).then(|| format!("{name}: {expected:?}, but {built:?}"))
}

#[tokio::test]
async fn names_that_lie_are_refused_or_kept_as_bytes() {
    Siege::begin().await.withstand(hostile::names()).await;
}

#[tokio::test]
async fn content_that_would_have_somebody_do_something_does_nothing() {
    let siege = Siege::begin().await;
    siege.withstand(hostile::tricks()).await;
}

#[tokio::test]
async fn shapes_that_are_too_much_are_refused_before_they_are_unpacked() {
    Siege::begin().await.withstand(hostile::shapes()).await;
}

#[tokio::test]
async fn odd_histories_are_read_or_refused() {
    Siege::begin().await.withstand(hostile::histories()).await;
}

#[tokio::test]
async fn no_filter_conversion_or_keyword_changes_a_byte() {
    let siege = Siege::begin().await;
    let text = b"$Id$ $Format:%H$\r\n";
    let changes = [
        Change::File(
            b".gitattributes",
            b"* ident text eol=lf export-subst filter=x\n",
        ),
        Change::File(b"a.txt", text),
    ];
    let commit = siege.world.learner.commit("main", "Attributes", &changes);
    let commit = sha(&commit.await.unwrap());
    let manifest = siege
        .build(&siege.world.caches, &siege.world.learner, &commit)
        .await
        .unwrap();
    let entry = manifest
        .entries()
        .iter()
        .find(|entry| entry.path.as_bytes() == b"a.txt");
    let Some(Content::Blob(blob)) = entry.map(|entry| &entry.content) else {
        panic!("{manifest:?}")
    };
    assert_eq!(blob.digest, contract::digest::Digest::of(text));
}

/// Caches with other limits, beside the usual ones.
pub(crate) fn caches(siege: &Siege, name: &str, limits: Limits) -> Caches {
    let folder: PathBuf = Path::new("caches").join(name);
    let folder = siege.world.folder.path().join(folder);
    Caches::open(&folder, FETCH_SECONDS_MAX, limits).unwrap()
}

#[tokio::test]
async fn a_repository_of_too_many_objects_is_refused_and_not_kept() {
    let siege = Siege::begin().await;
    let limits = Limits {
        objects_max: 80,
        ..Limits::default()
    };
    let caches = caches(&siege, "few", limits);
    // Commit, tree and blob each; what was there before is four files, a folder, a tree, a commit.
    let few = sha(&siege.world.learner.grow("main", 20).await.unwrap());
    let built = siege.build(&caches, &siege.world.learner, &few).await;
    assert!(built.is_ok(), "{built:?}");
    let many = sha(&siege.world.learner.grow("main", 20).await.unwrap());
    let refused = siege.build(&caches, &siege.world.learner, &many).await;
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.starts_with("the repository has ") && refused.ends_with("objects, more than 80"),
        "{refused}"
    );
    let origin = Origin::url(&siege.world.learner.clone_url()).unwrap();
    let cache = caches.hold(origin, &many).await.unwrap();
    assert_eq!(cache.holdings().await.unwrap().packs, 0);
}

#[tokio::test]
async fn what_gathers_over_many_pushes_is_fetched_anew_and_not_refused() {
    let siege = Siege::begin().await;
    let limits = Limits {
        objects_max: 40,
        ..Limits::default()
    };
    let caches = caches(&siege, "gathering", limits);
    let learner = &siege.world.learner;
    // Each branch begins anew: none of them has more than 40 objects, all of them have.
    for number in 0..4 {
        let text = format!("{number}");
        let change = [Change::File(b"a", text.as_bytes())];
        let branch = format!("branch-{number}");
        learner
            .commit_onto(None, &branch, "One", &change)
            .await
            .unwrap();
        let head = sha(&learner.grow(&branch, 10).await.unwrap());
        let built = siege.build(&caches, learner, &head).await;
        assert!(built.is_ok(), "{number}: {built:?}");
    }
}

#[tokio::test]
async fn a_forge_that_leaves_nothing_out_is_refused_by_the_size_that_git_reads() {
    let siege = Siege::begin().await;
    siege.world.forge.never_filter();
    let large = vec![0; 40 * 1024 * 1024];
    let change = [Change::File(b"large", &large)];
    let commit = siege.world.learner.commit("main", "Large", &change).await;
    let commit = sha(&commit.unwrap());
    let refused = siege
        .build(&siege.world.caches, &siege.world.learner, &commit)
        .await;
    assert_eq!(
        refused.unwrap_err().to_string(),
        "large has 41943040 bytes, more than 33554432"
    );
}

#[tokio::test]
async fn a_pack_that_unpacks_to_more_than_git_may_hold_is_refused() {
    let siege = Siege::begin().await;
    let bounds = git::program::Bounds {
        memory_bytes_max: 256 * 1024 * 1024,
        ..git::program::Bounds::default()
    };
    let limits = Limits {
        git: bounds,
        ..Limits::default()
    };
    let caches = caches(&siege, "tight", limits);
    // Commits are held whole, and this one is some hundred kilobytes on the wire.
    let learner = &siege.world.learner;
    let tree = learner.tree("main").await.unwrap();
    let message = vec![b'm'; 300 * 1024 * 1024];
    let commit = sha(&learner.raw_commit(&tree, &[], &message).await.unwrap());
    learner.point("refs/heads/bomb", commit.as_str()).unwrap();
    let refused = siege.build(&caches, learner, &commit).await;
    let Err(BuildError::Missing { cause, detail }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(cause, ErrorCause::TreeRefused, "{detail}");
    assert!(detail.contains("more memory to unpack"), "{detail}");
}

#[tokio::test]
async fn a_pack_beyond_its_cap_is_cut_off_while_it_arrives() {
    let siege = Siege::begin().await;
    let bounds = git::program::Bounds {
        file_bytes_max: 64 * 1024,
        ..git::program::Bounds::default()
    };
    let limits = Limits {
        git: bounds,
        ..Limits::default()
    };
    let caches = caches(&siege, "small", limits);
    // Digests do not compress.
    let noise: Vec<u8> = (0u32..16_000)
        .flat_map(|n| *contract::digest::Digest::of(&n.to_be_bytes()).as_bytes())
        .collect();
    let learner = &siege.world.learner;
    let commit = learner
        .commit("main", "Noise", &[Change::File(b"noise", &noise)])
        .await
        .unwrap();
    let refused = siege.build(&caches, learner, &sha(&commit)).await;
    assert_eq!(
        refused.unwrap_err().to_string(),
        "the repository is larger than may be fetched: its pack has more than 0 MiB"
    );
}

#[tokio::test]
async fn a_tag_of_a_tag_of_a_tree_is_nothing_that_can_be_fetched() {
    let siege = Siege::begin().await;
    let odd = hostile::histories()
        .iter()
        .find(|hostile| hostile.name == "refs with odd names")
        .unwrap();
    let repository = siege.world.forge.create("hostile/tags", Clock::Fixed).await;
    let repository = repository.unwrap();
    odd.make(&repository, &siege.canary).await.unwrap();
    let origin = Origin::url(&repository.clone_url()).unwrap();
    let caches = &siege.world.caches;
    let named = caches.resolve(&origin, Some("tree")).await.unwrap();
    let cache = caches.hold(origin, &named).await.unwrap();
    let refused = cache.ensure(&named).await.unwrap_err();
    assert!(
        matches!(
            refused,
            GitError::NoSuchCommit | GitError::SourceUnavailable { .. }
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn the_service_refuses_hostile_pushes_and_preserves_the_next_good_one() {
    let office = Office::open().await;
    let session = office.session().await;
    let learner = &office.world.learner;
    let canary = office.world.folder.path().join("canary");
    let mut expected = 0;
    for name in [
        ".git in capitals",
        "a file of 10 GB that is a few bytes",
        "ten billion folders of eleven objects",
    ] {
        let all = hostile::names().iter().chain(hostile::shapes());
        let hostile = all.into_iter().find(|one| one.name == name).unwrap();
        let commit = sha(&hostile.make(learner, &canary).await.unwrap());
        let job = office
            .record_push(&session, "branch", None, &[&commit], json!(null))
            .await;
        office.bus.publish(&job).await.unwrap();
        expected += 1;
        let asked = office.verifications(expected).await;
        let asked = asked.iter().find(|asked| asked.commit == commit).unwrap();
        let PreservedTree::Missing { cause, detail } = &asked.tree else {
            panic!("{name}: {asked:?}")
        };
        assert_eq!(*cause, ErrorCause::TreeRefused, "{name}: {detail}");
    }
    let good = learner.commit_onto(
        Some(office.world.starting.as_str()),
        "main",
        "Good",
        PASSING,
    );
    let good = sha(&good.await.unwrap());
    let job = office
        .record_push(&session, "branch", None, &[&good], json!(null))
        .await;
    office.bus.publish(&job).await.unwrap();
    let asked = office.verifications(expected + 1).await;
    let asked = asked.iter().find(|asked| asked.commit == good).unwrap();
    assert!(
        matches!(asked.tree, PreservedTree::Kept { .. }),
        "{asked:?}"
    );
    assert!(!canary.exists());
    assert_eq!(office.dead_letters().await, 0);
    office.close().await;
}

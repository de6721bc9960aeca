//! Owns what the tests stand on: a loopback forge with a learner's repository, a cache beside it.

use std::path::PathBuf;

use contract::name::CommitSha;
use git::origin::Origin;
use sample::forge::LoopbackForge;
use sample::lab::{make_lab, make_learner};
use sample::repository::{Clock, Repository};
use snapshot_builder::git::cache::{Cache, Caches};
use snapshot_builder::limits::Limits;

pub(crate) const FETCH_SECONDS_MAX: u64 = 60;

pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) forge: LoopbackForge,
    pub(crate) lab: Repository,
    pub(crate) learner: Repository,
    pub(crate) starting: CommitSha,
    pub(crate) caches: Caches,
}

impl World {
    pub(crate) async fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let forge = LoopbackForge::start(&folder.path().join("forge"))
            .await
            .unwrap();
        let lab = make_lab(&forge, "course/calculator", Clock::Fixed)
            .await
            .unwrap();
        let learner = make_learner(&forge, &lab, "course-1/intro-ada", Clock::Fixed)
            .await
            .unwrap();
        let starting = sha(&learner.head("main").await.unwrap());
        let caches = Caches::open(
            &folder.path().join("caches"),
            FETCH_SECONDS_MAX,
            Limits::default(),
        )
        .unwrap();
        Self {
            folder,
            forge,
            lab,
            learner,
            starting,
            caches,
        }
    }

    pub(crate) async fn cache(&self) -> Cache {
        self.cache_of(&self.learner.clone_url()).await
    }

    pub(crate) async fn cache_of(&self, url: &str) -> Cache {
        let origin = Origin::url(url).unwrap();
        self.caches.hold(origin, &self.starting).await.unwrap()
    }

    /// The folder of the only cache there is.
    pub(crate) fn cache_folder(&self) -> PathBuf {
        let folders = std::fs::read_dir(self.folder.path().join("caches")).unwrap();
        let mut folders = folders
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir());
        let only = folders.next().unwrap();
        assert_eq!(folders.next(), None);
        only
    }
}

pub(crate) fn sha(text: &str) -> CommitSha {
    text.parse().unwrap()
}

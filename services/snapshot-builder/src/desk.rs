//! Owns what the handlers share: ledger and bus, objects, caches, and where sources are fetched.

use anyhow::Context as _;
use contract::name::Repository;
use objects::store::Objects;
use process::dependency::Dependency;
use process::health::Health;
use process::settings::Settings;
use process::settings::work::Verifier;
use service::ground::Ground;
use service::origin::{origin_at, origin_of};
use tokio_util::sync::CancellationToken;

use crate::git::cache::Caches;
use crate::lab_blobs::LabBlobs;
use crate::limits::Limits;
use crate::unchecked::Executors;
use git::origin::Origin;

/// What the handlers share.
pub(crate) struct Desk {
    pub(crate) ground: Ground,
    pub(crate) objects: Objects,
    pub(crate) caches: Caches,
    pub(crate) lab_blobs: LabBlobs,
    pub(crate) executors: Executors,
    pub(crate) store_of_objects: Dependency,
    /// The git program, and the folder that it works in.
    pub(crate) git: Dependency,
    settings: Settings,
}

impl Desk {
    pub(crate) fn open(
        settings: &Settings,
        ground: Ground,
        health: &Health,
    ) -> anyhow::Result<Self> {
        let objects = service::objects::open(settings)?;
        let snapshots = &settings.snapshots;
        let (folder, limits) = (&snapshots.cache_folder, Limits::of(snapshots));
        let caches = Caches::open(folder, snapshots.fetch_seconds_max, limits);
        let caches = caches.context("open the caches")?;
        Ok(Self {
            ground,
            objects,
            caches,
            lab_blobs: LabBlobs::default(),
            executors: Executors::default(),
            store_of_objects: Dependency::new(health.part("objects")),
            git: Dependency::new(health.part("git")),
            settings: settings.clone(),
        })
    }

    /// What the settings let labs do.
    pub(crate) fn verifier_settings(&self) -> &Verifier {
        &self.settings.verifier
    }

    /// Where a repository is fetched from, or why nowhere.
    pub(crate) fn origin(&self, repository: &Repository) -> Result<Origin, String> {
        let source = repository.source();
        match origin_of(&self.settings, repository) {
            Ok(Some(origin)) => Ok(origin),
            Ok(None) => Err(format!("the source {source} is not configured")),
            Err(error) => {
                tracing::error!(%error, "a source has no login");
                Err(format!("the login of the source {source} cannot be read"))
            }
        }
    }

    /// Where an operator's location is fetched from, or why nowhere.
    pub(crate) fn origin_at(&self, location: &str) -> Result<Origin, String> {
        let origin = Origin::of_operator(location).map_err(|bad| bad.to_string())?;
        origin_at(&self.settings, origin).map_err(|error| error.to_string())
    }

    pub(crate) async fn watch_objects(&self, stop: &CancellationToken) {
        let probe = async || self.objects.probe().await;
        self.store_of_objects.watch(stop, probe).await;
    }

    pub(crate) async fn watch_git(&self, stop: &CancellationToken) {
        let probe = async || self.caches.probe().await.map_err(|error| chain(&error));
        self.git.watch(stop, probe).await;
    }
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

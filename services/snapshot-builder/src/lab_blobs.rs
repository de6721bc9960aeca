//! Owns what is known of lab versions' blobs: a session's objects need not hold them again.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use contract::digest::Digest;
use contract::ids::{LabId, LabVersionId};
use lru::LruCache;
use objects::reader::SnapshotReader;
use objects::store::{Objects, ObjectsError};
use store::pool::Store;

use crate::trouble::Trouble;

/// Lab versions whose blobs are remembered.
const VERSIONS_MAX: NonZeroUsize = NonZeroUsize::new(64).expect("64 is not zero");

/// The blobs of lab versions, each read once: versions do not change.
pub(crate) struct LabBlobs {
    known: Mutex<LruCache<LabVersionId, Arc<HashSet<Digest>>>>,
}

impl Default for LabBlobs {
    fn default() -> Self {
        Self {
            known: Mutex::new(LruCache::new(VERSIONS_MAX)),
        }
    }
}

impl LabBlobs {
    /// The digests of a lab version's blobs.
    pub(crate) async fn of(
        &self,
        store: &Store,
        objects: &Objects,
        version: LabVersionId,
    ) -> Result<Arc<HashSet<Digest>>, Trouble> {
        if let Some(blobs) = self.lock().get(&version) {
            return Ok(Arc::clone(blobs));
        }
        let mut conn = store.connection().await?;
        let found = store::lab_version::find(&mut conn, version).await?;
        drop(conn);
        let row = found.ok_or_else(|| Trouble::Hopeless(format!("no lab version {version}")))?;
        let digest = row.digest.parse().map_err(|err| {
            Trouble::Hopeless(format!("the lab version {version} has no digest: {err}"))
        })?;
        let reader = SnapshotReader::of_lab(objects.clone(), LabId::from_uuid(row.lab_id));
        let blobs = match reader.manifest(digest).await {
            Ok(manifest) => manifest.blobs().map(|(_, blob)| blob.digest).collect(),
            Err(error) if error.is_transient() => return Err(error.into()),
            // Without it everything is kept with the session: more is stored, nothing is lost.
            Err(error @ (ObjectsError::Missing { .. } | ObjectsError::Corrupt { .. })) => {
                tracing::error!(%error, "the manifest of lab version {version} does not read");
                return Ok(Arc::default());
            }
            Err(error) => return Err(error.into()),
        };
        let blobs: Arc<HashSet<Digest>> = Arc::new(blobs);
        self.lock().put(version, Arc::clone(&blobs));
        Ok(blobs)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LruCache<LabVersionId, Arc<HashSet<Digest>>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

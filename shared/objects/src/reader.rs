//! Owns how a snapshot is read back: from its session's objects, then from its lab's.

use bytes::Bytes;
use contract::digest::Digest;
use contract::ids::{LabId, SessionId};

use crate::manifest::{Blob, MANIFEST_BYTES_MAX, Manifest};
use crate::owner::Owner;
use crate::store::{Objects, ObjectsError};

/// Reads one owner's snapshots.
#[derive(Clone, Debug)]
pub struct SnapshotReader {
    objects: Objects,
    owner: Owner,
    fallback: Option<Owner>,
}

impl SnapshotReader {
    /// Reads the snapshots of a session: what the learner did not change lies with the lab.
    pub fn of_session(objects: Objects, session: SessionId, lab: LabId) -> Self {
        let (owner, fallback) = (Owner::Session(session), Some(Owner::Lab(lab)));
        Self {
            objects,
            owner,
            fallback,
        }
    }

    /// Reads the snapshots of a lab's versions.
    pub fn of_lab(objects: Objects, lab: LabId) -> Self {
        let (owner, fallback) = (Owner::Lab(lab), None);
        Self {
            objects,
            owner,
            fallback,
        }
    }

    /// Reads a snapshot's manifest.
    ///
    /// # Errors
    /// As [`Objects::get`], and [`ObjectsError::NotAManifest`].
    pub async fn manifest(&self, digest: Digest) -> Result<Manifest, ObjectsError> {
        let text = self.get(digest, MANIFEST_BYTES_MAX).await?;
        Manifest::parse(&text).map_err(|source| ObjectsError::NotAManifest { digest, source })
    }

    /// Reads the bytes of one of its blobs.
    ///
    /// # Errors
    /// As [`Objects::get`].
    pub async fn blob(&self, blob: &Blob) -> Result<Bytes, ObjectsError> {
        self.get(blob.digest, blob.bytes).await
    }

    async fn get(&self, digest: Digest, bytes_max: u64) -> Result<Bytes, ObjectsError> {
        let own = self.objects.get(self.owner, digest, bytes_max).await;
        match (own, self.fallback) {
            (Err(ObjectsError::Missing { .. }), Some(lab)) => {
                self.objects.get(lab, digest, bytes_max).await
            }
            (own, _) => own,
        }
    }
}

//! Owns what is remembered of lab versions: they do not change, so each is read once.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use contract::ids::LabVersionId;
use lab::spec::LabSpec;
use lru::LruCache;
use store::error::StoreError;
use store::lab_version::{self, LabVersionRow};
use store::transaction::LedgerConnection;
use uuid::Uuid;

/// Lab versions that are remembered.
const VERSIONS_MAX: NonZeroUsize = NonZeroUsize::new(1_024).expect("it is not zero");

/// A lab version, as a result names it.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) digest: String,
    /// Its rules, or why they do not read.
    pub(crate) spec: Result<LabSpec, String>,
}

/// What is remembered of lab versions.
pub(crate) struct Versions {
    known: Mutex<LruCache<Uuid, Arc<Version>>>,
}

impl Default for Versions {
    fn default() -> Self {
        Self {
            known: Mutex::new(LruCache::new(VERSIONS_MAX)),
        }
    }
}

impl Versions {
    /// These versions; one that does not exist is left out.
    pub(crate) async fn of(
        &self,
        conn: &mut LedgerConnection,
        ids: HashSet<Uuid>,
    ) -> Result<HashMap<Uuid, Arc<Version>>, StoreError> {
        let mut versions = HashMap::with_capacity(ids.len());
        for id in ids {
            let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let there = known().get(&id).cloned();
            if let Some(version) = there {
                versions.insert(id, version);
            } else if let Some(row) = lab_version::find(conn, LabVersionId::from_uuid(id)).await? {
                let version = Arc::new(Version::of(row));
                known().put(id, Arc::clone(&version));
                versions.insert(id, version);
            }
        }
        Ok(versions)
    }
}

impl Version {
    fn of(row: LabVersionRow) -> Self {
        let spec = serde_json::from_value(row.spec).map_err(|error| error.to_string());
        Self {
            digest: row.digest,
            spec,
        }
    }
}

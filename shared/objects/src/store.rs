//! Owns how objects are kept and fetched: put-if-absent, digest checked on the way out.

use std::path::Path as Folder;
use std::sync::Arc;

use bytes::Bytes;
use contract::digest::Digest;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutResult};
use thiserror::Error;

use crate::home::Home;
use crate::identity;
use crate::manifest::ManifestError;
use crate::owner::{Owner, key};

/// How often an object is put that others write at the same time.
pub(crate) const PUTS_MAX: usize = 4;

/// What became of bytes that were to lie where none are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Put {
    /// They lie there.
    New,
    /// Others lay there, or were being written.
    There,
}

/// Why an object could not be kept or had.
#[derive(Debug, Error)]
pub enum ObjectsError {
    /// The folder could not be made or opened, or the bucket's settings do not hold.
    #[error("open the objects at {place}")]
    Open {
        /// The folder, or the bucket.
        place: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What lies where the store was is not the store: a folder that is not mounted, or another.
    #[error("the objects' folder or bucket is not the one that was opened")]
    Away,
    /// The bucket's server puts an object over another one although it is asked not to.
    #[error(
        "the bucket's server does not heed If-None-Match: what is written once could be overwritten"
    )]
    Overwrites,
    /// There is no such object.
    #[error("object {key} is missing")]
    Missing {
        /// Its key.
        key: String,
    },
    /// The object's bytes are not those that it is named for.
    #[error("object {key} is corrupt: its digest is {found}")]
    Corrupt {
        /// Its key.
        key: String,
        /// What its bytes digest to.
        found: Digest,
    },
    /// Another object lies where this one belongs, under a name that says nothing of its bytes.
    #[error("object {key} is there already, with other bytes")]
    Differs {
        /// Its key.
        key: String,
    },
    /// Others were writing it each time that it was tried, and it is not there.
    #[error("object {key} is being written by others, and is not there")]
    Contested {
        /// Its key.
        key: String,
    },
    /// The object is larger than its reader takes.
    #[error("object {key} has {bytes} bytes, more than {bytes_max}")]
    TooLarge {
        /// Its key.
        key: String,
        /// Its size.
        bytes: u64,
        /// The most that the reader takes.
        bytes_max: u64,
    },
    /// The object is as it was written, but it is no manifest.
    #[error("object {digest} is no manifest")]
    NotAManifest {
        /// Its digest.
        digest: Digest,
        /// Why.
        source: ManifestError,
    },
    /// The store did not do what it was asked.
    #[error("{action} object {key}")]
    Store {
        /// What it was asked.
        action: &'static str,
        /// The object's key.
        key: String,
        /// Why.
        source: object_store::Error,
    },
}

impl ObjectsError {
    /// Whether the same call may succeed later without anybody changing the object.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store { .. }
            | Self::Open { .. }
            | Self::Away
            | Self::Overwrites
            | Self::Contested { .. } => true,
            Self::Missing { .. }
            | Self::Corrupt { .. }
            | Self::Differs { .. }
            | Self::TooLarge { .. }
            | Self::NotAManifest { .. } => false,
        }
    }
}

/// The objects of one installation. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Objects {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) home: Home,
}

impl Objects {
    /// Opens a local folder, and makes it where it is missing. Writes are synced to disk before
    /// they count. Once opened, another folder in its place is [`ObjectsError::Away`].
    ///
    /// # Errors
    /// [`ObjectsError::Open`].
    pub fn open_folder(folder: &Folder) -> Result<Self, ObjectsError> {
        let refused = |source: Box<dyn std::error::Error + Send + Sync>| ObjectsError::Open {
            place: folder.display().to_string(),
            source,
        };
        std::fs::create_dir_all(folder).map_err(|err| refused(err.into()))?;
        let identity = identity::of_folder(folder).map_err(|err| refused(err.into()))?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(|err| refused(err.into()))?;
        let store = Arc::new(store.with_fsync(true));
        let home = Home::Folder(identity.into());
        Ok(Self { store, home })
    }

    /// Keeps bytes for an owner under their digest. Bytes that are there already are left alone.
    ///
    /// # Errors
    /// [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn put(&self, owner: Owner, bytes: Bytes) -> Result<Digest, ObjectsError> {
        let digest = Digest::of(&bytes);
        self.put_if_absent(key(owner, digest), bytes).await?;
        Ok(digest)
    }

    /// Gives an owner's bytes of this digest, at most `bytes_max` of them.
    ///
    /// # Errors
    /// [`ObjectsError::Missing`], [`ObjectsError::Corrupt`], [`ObjectsError::TooLarge`],
    /// [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn get(
        &self,
        owner: Owner,
        digest: Digest,
        bytes_max: u64,
    ) -> Result<Bytes, ObjectsError> {
        let key = key(owner, digest);
        let bytes = self.read(&key, bytes_max).await?;
        let found = Digest::of(&bytes);
        if found == digest {
            return Ok(bytes);
        }
        let key = key.to_string();
        Err(ObjectsError::Corrupt { key, found })
    }

    /// Whether an owner has bytes under this digest. Says nothing of their soundness.
    ///
    /// # Errors
    /// [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn exists(&self, owner: Owner, digest: Digest) -> Result<bool, ObjectsError> {
        self.is_there(&key(owner, digest)).await
    }

    /// Writes a small object and waits for it to be synced: whether the store takes objects now.
    ///
    /// # Errors
    /// [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn probe(&self) -> Result<(), ObjectsError> {
        self.put_probe().await.map(drop)
    }

    pub(crate) async fn put_probe(&self) -> Result<PutResult, ObjectsError> {
        // First, since a write would make a folder that is away anew.
        self.is_present().await?;
        let (key, bytes) = (Path::from("probe"), Bytes::from_static(b"assay\n"));
        let put = self.store.put(&key, bytes.into()).await;
        put.map_err(|source| refused("put", &key, source))
    }

    pub(crate) async fn put_if_absent(&self, key: Path, bytes: Bytes) -> Result<(), ObjectsError> {
        // Most blobs of a push are those of the push before: looking costs less than writing.
        if self.looks_there(&key).await? {
            return Ok(());
        }
        for _ in 0..PUTS_MAX {
            match self.put_new(&key, bytes.clone()).await? {
                // Written into what lies in the store's place, it would be lost to the store.
                Put::New => return self.has_taken().await,
                // A bucket says so too while another one writes it, and that may come to nothing.
                Put::There if self.is_there(&key).await? => return Ok(()),
                Put::There => {}
            }
        }
        let key = key.to_string();
        Err(ObjectsError::Contested { key })
    }

    /// Puts bytes where none are; what is there is left alone.
    pub(crate) async fn put_new(&self, key: &Path, bytes: Bytes) -> Result<Put, ObjectsError> {
        let options = PutOptions::from(PutMode::Create);
        match self.store.put_opts(key, bytes.into(), options).await {
            Ok(_) => Ok(Put::New),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(Put::There),
            Err(source) => Err(refused("put", key, source)),
        }
    }

    /// Whether something lies there, as far as who is about to write it must know.
    async fn looks_there(&self, key: &Path) -> Result<bool, ObjectsError> {
        match &self.home {
            Home::Folder(_) => self.is_there(key).await,
            Home::Bucket(_) => {
                self.known().await?;
                match self.store.head(key).await {
                    Ok(_) => Ok(true),
                    Err(object_store::Error::NotFound { .. }) => Ok(false),
                    Err(source) => Err(refused("look for", key, source)),
                }
            }
        }
    }

    pub(crate) async fn is_there(&self, key: &Path) -> Result<bool, ObjectsError> {
        match self.store.head(key).await {
            Ok(_) => Ok(true),
            // What is not in a store that is away is not missing.
            Err(object_store::Error::NotFound { .. }) => self.is_present().await.map(|()| false),
            Err(source) => Err(refused("look for", key, source)),
        }
    }

    pub(crate) async fn read(&self, key: &Path, bytes_max: u64) -> Result<Bytes, ObjectsError> {
        let found = match self.store.get(key).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => {
                self.is_present().await?;
                let key = key.to_string();
                return Err(ObjectsError::Missing { key });
            }
            Err(source) => return Err(refused("get", key, source)),
        };
        let bytes = found.meta.size;
        if bytes > bytes_max {
            let key = key.to_string();
            return Err(ObjectsError::TooLarge {
                key,
                bytes,
                bytes_max,
            });
        }
        found
            .bytes()
            .await
            .map_err(|source| refused("read", key, source))
    }
}

pub(crate) fn refused(
    action: &'static str,
    key: &Path,
    source: object_store::Error,
) -> ObjectsError {
    let key = key.to_string();
    ObjectsError::Store {
        action,
        key,
        source,
    }
}

//! Owns by what an opened store is known again, and what is seen of it before it is used.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::identity::IDENTITY;
use crate::store::{Objects, ObjectsError, Put, refused};

/// Where the objects of an opened store lie.
#[derive(Clone, Debug)]
pub(crate) enum Home {
    /// A folder, with the identity that it had when it was opened.
    Folder(Arc<str>),
    /// A bucket, with its identity once it was asked.
    Bucket(Arc<OnceCell<String>>),
}

impl Home {
    pub(crate) fn of_bucket() -> Self {
        Self::Bucket(Arc::default())
    }
}

impl Objects {
    /// Sees, once, that a bucket is one where objects can be kept.
    pub(crate) async fn known(&self) -> Result<(), ObjectsError> {
        match &self.home {
            Home::Folder(_) => Ok(()),
            Home::Bucket(known) => known
                .get_or_try_init(|| claim(&*self.store))
                .await
                .map(drop),
        }
    }

    /// Whether this is the store that was opened.
    pub(crate) async fn is_present(&self) -> Result<(), ObjectsError> {
        self.known().await?;
        let expected = match &self.home {
            Home::Folder(identity) => Some(&**identity),
            Home::Bucket(known) => known.get().map(String::as_str),
        };
        let found = identity(&*self.store).await?;
        (found.is_some() && found.as_deref() == expected)
            .then_some(())
            .ok_or(ObjectsError::Away)
    }

    /// Whether what was written just now is in this store. Another folder may have come into the
    /// place of one; a bucket that is away takes nothing.
    pub(crate) async fn has_taken(&self) -> Result<(), ObjectsError> {
        match &self.home {
            Home::Folder(_) => self.is_present().await,
            Home::Bucket(_) => Ok(()),
        }
    }

    /// Whether the store keeps what is removed as older versions: a person's objects would not go.
    ///
    /// # Errors
    /// [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn keeps_versions(&self) -> Result<bool, ObjectsError> {
        let put = self.put_probe().await?;
        Ok(put.version.is_some_and(|version| version != "null"))
    }
}

/// Gives the bucket's identity; one without is given one. Then the server must not put another in
/// its place when it is asked for what is absent alone: all that is written once relies on it.
async fn claim(store: &dyn ObjectStore) -> Result<String, ObjectsError> {
    let found = match identity(store).await? {
        Some(found) => found,
        None => {
            put_new(store, Uuid::now_v7().to_string()).await?;
            // Of several who give it one at a time, the first decides.
            identity(store).await?.ok_or(ObjectsError::Away)?
        }
    };
    match put_new(store, found.clone()).await? {
        Put::There => Ok(found),
        Put::New => Err(ObjectsError::Overwrites),
    }
}

async fn put_new(store: &dyn ObjectStore, identity: String) -> Result<Put, ObjectsError> {
    let (key, options) = (Path::from(IDENTITY), PutOptions::from(PutMode::Create));
    match store.put_opts(&key, identity.into(), options).await {
        Ok(_) => Ok(Put::New),
        Err(Error::AlreadyExists { .. }) => Ok(Put::There),
        Err(source) => Err(refused("put", &key, source)),
    }
}

async fn identity(store: &dyn ObjectStore) -> Result<Option<String>, ObjectsError> {
    let key = Path::from(IDENTITY);
    let found = match store.get(&key).await {
        Ok(found) => found.bytes().await,
        Err(Error::NotFound { .. }) => return Ok(None),
        Err(source) => Err(source),
    };
    let text = |bytes: Bytes| String::from_utf8_lossy(&bytes).into_owned();
    found
        .map(|bytes| Some(text(bytes)))
        .map_err(|source| refused("look for", &key, source))
}

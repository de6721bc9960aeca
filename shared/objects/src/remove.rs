//! Owns what goes: objects that are removed by order, and what is kept sealed so that it can be.
//! Whoever calls it has written down before what it removes.

use bytes::Bytes;
use contract::digest::Digest;
use contract::ids::{CommandId, DeliveryId};
use contract::time::Timestamp;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::home::Home;
use crate::owner::{self, Owner};
use crate::store::{Objects, ObjectsError, refused};

/// Largest record of an erasure, in bytes.
pub const ERASURE_BYTES_MAX: u64 = 1024 * 1024;

impl Objects {
    /// Keeps a delivery's body, sealed.
    ///
    /// # Errors
    /// [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn put_sealed_body(
        &self,
        delivery: DeliveryId,
        body: Digest,
        sealed: Bytes,
    ) -> Result<(), ObjectsError> {
        self.put_if_absent(owner::sealed_key(delivery, body), sealed)
            .await
    }

    /// Gives a delivery's body as it was sealed.
    ///
    /// # Errors
    /// [`ObjectsError::Missing`], [`ObjectsError::TooLarge`], [`ObjectsError::Store`] and
    /// [`ObjectsError::Away`].
    pub async fn get_sealed_body(
        &self,
        delivery: DeliveryId,
        body: Digest,
        bytes_max: u64,
    ) -> Result<Bytes, ObjectsError> {
        self.read(&owner::sealed_key(delivery, body), bytes_max)
            .await
    }

    /// Removes a delivery's sealed body, if it is there.
    ///
    /// # Errors
    /// [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn remove_sealed_body(
        &self,
        delivery: DeliveryId,
        body: Digest,
    ) -> Result<(), ObjectsError> {
        self.remove_key(&owner::sealed_key(delivery, body)).await
    }

    /// Removes a delivery's body that came as an object, if it is there.
    ///
    /// # Errors
    /// [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn remove_delivery_body(&self, body: Digest) -> Result<(), ObjectsError> {
        self.remove_key(&owner::delivery_key(body)).await
    }

    /// Removes an owner's bytes of this digest, if they are there.
    ///
    /// # Errors
    /// [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn remove(&self, owner: Owner, digest: Digest) -> Result<(), ObjectsError> {
        self.remove_key(&owner::key(owner, digest)).await
    }

    /// The digests of everything that an owner has, whether or not anything names it.
    ///
    /// # Errors
    /// [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn digests(&self, owner: Owner) -> Result<Vec<Digest>, ObjectsError> {
        let keys = self.below(&owner::folder(owner)).await?;
        let digests = keys.iter().filter_map(|key| key.filename()?.parse().ok());
        Ok(digests.collect())
    }

    /// Keeps the record of an erasure, so that whoever restores an older ledger erases again.
    ///
    /// # Errors
    /// [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn put_erasure(&self, command: CommandId, record: Bytes) -> Result<(), ObjectsError> {
        self.put_if_absent(owner::erasure_key(command), record)
            .await
    }

    /// The records of every erasure, in no order.
    ///
    /// # Errors
    /// [`ObjectsError::TooLarge`], [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn erasures(&self) -> Result<Vec<Bytes>, ObjectsError> {
        let mut records = Vec::new();
        for key in self.below(&owner::erasures()).await? {
            records.push(self.read(&key, ERASURE_BYTES_MAX).await?);
        }
        Ok(records)
    }

    /// Removes bodies that came as objects up to a moment.
    ///
    /// # Errors
    /// [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn remove_delivery_bodies_until(&self, until: Timestamp) -> Result<(), ObjectsError> {
        self.is_present().await?;
        let folder = owner::delivery_bodies();
        let listed: Result<Vec<_>, _> = self.store.list(Some(&folder)).try_collect().await;
        let listed = listed.map_err(|source| refused("list", &folder, source))?;
        for meta in listed
            .into_iter()
            .filter(|meta| meta.last_modified <= until)
        {
            self.remove_key(&meta.location).await?;
        }
        Ok(())
    }

    async fn below(&self, folder: &Path) -> Result<Vec<Path>, ObjectsError> {
        self.is_present().await?;
        let listed = self.store.list(Some(folder)).map_ok(|meta| meta.location);
        let listed: Result<Vec<Path>, _> = listed.try_collect().await;
        listed.map_err(|source| refused("list", folder, source))
    }

    async fn remove_key(&self, key: &Path) -> Result<(), ObjectsError> {
        if let Home::Bucket(_) = self.home {
            // A bucket says of what is not there that it is removed.
            self.is_present().await?;
        }
        match self.store.delete(key).await {
            Ok(()) => Ok(()),
            // What is not in a store that is away is not gone.
            Err(object_store::Error::NotFound { .. }) => self.is_present().await,
            Err(source) => Err(refused("remove", key, source)),
        }
    }
}

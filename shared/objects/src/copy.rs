//! Owns copying whole stores: every object by its key, put-if-absent, with its digest on the way.
//! For backups; it knows of an object's owner nothing.

use std::sync::Arc;

use bytes::Bytes;
use contract::digest::Digest;
use futures::stream::{BoxStream, StreamExt as _};
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _};

use crate::identity::IDENTITY;
use crate::store::{Objects, ObjectsError, refused};

/// Objects that are copied at a time: each waits for the disk.
const AT_ONCE: usize = 16;
/// Keys that are not objects: by what the store is known again, and what it was tried with.
const NOT_OBJECTS: [&str; 2] = [IDENTITY, "probe"];
/// The largest object that is copied, in bytes: it is held in memory.
const BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// An object as it lies in a store.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Lying {
    /// Its key.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes as they lie there.
    pub digest: Digest,
}

/// What became of a key that was to be copied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Copied {
    /// It was written.
    New(Lying),
    /// It was there already.
    There(Lying),
    /// It is in the source no more: removed since the keys were listed.
    Gone(String),
}

impl Objects {
    /// The keys of all objects, in no order.
    ///
    /// # Errors
    /// [`ObjectsError::Store`], in the stream.
    pub fn keys(&self) -> BoxStream<'static, Result<String, ObjectsError>> {
        let listed = self.raw().list(None);
        let keys = listed.filter_map(async |found| match found {
            Ok(meta) => {
                let key = meta.location.to_string();
                let is_object = !NOT_OBJECTS
                    .iter()
                    .any(|name| key == *name || key.starts_with(&format!("{name}.")));
                is_object.then_some(Ok(key))
            }
            Err(source) => Some(Err(refused("list", &Path::from(""), source))),
        });
        keys.boxed()
    }

    /// Whether there is no object at all.
    ///
    /// # Errors
    /// [`ObjectsError::Store`].
    pub async fn is_empty(&self) -> Result<bool, ObjectsError> {
        Ok(self.keys().next().await.transpose()?.is_none())
    }

    /// The bytes that lie under a key, whatever they are named for.
    ///
    /// # Errors
    /// [`ObjectsError::Missing`], [`ObjectsError::TooLarge`], [`ObjectsError::Store`] and
    /// [`ObjectsError::Away`].
    pub async fn bytes_at(&self, key: &str) -> Result<Bytes, ObjectsError> {
        self.read(&Path::from(key), BYTES_MAX).await
    }

    /// Puts bytes under a key where nothing lies under it.
    ///
    /// # Errors
    /// [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn put_at_if_absent(&self, key: &str, bytes: Bytes) -> Result<(), ObjectsError> {
        self.put_if_absent(Path::from(key), bytes).await
    }

    /// Puts bytes under a key, over what may lie there: for what is published and changes.
    ///
    /// # Errors
    /// [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn put_at(&self, key: &str, bytes: Bytes) -> Result<(), ObjectsError> {
        self.is_present().await?;
        let key = Path::from(key);
        match self.raw().put(&key, bytes.into()).await {
            Ok(_) => Ok(()),
            Err(source) => Err(refused("put", &key, source)),
        }
    }

    /// Removes what lies under a key, if something does: an object that no backup names.
    ///
    /// # Errors
    /// [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn remove_at(&self, key: &str) -> Result<(), ObjectsError> {
        self.is_present().await?;
        let key = Path::from(key);
        match self.raw().delete(&key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(refused("remove", &key, source)),
        }
    }

    /// Copies these objects into another store, several at a time, and says of each what became of
    /// it. What the other has is read there and left as it is.
    pub fn copy_to<'a>(
        &'a self,
        to: &'a Self,
        keys: BoxStream<'a, Result<String, ObjectsError>>,
    ) -> BoxStream<'a, Result<Copied, ObjectsError>> {
        keys.map(async |key| self.copy_one(to, key?).await)
            .buffer_unordered(AT_ONCE)
            .boxed()
    }

    async fn copy_one(&self, to: &Self, key: String) -> Result<Copied, ObjectsError> {
        match to.bytes_at(&key).await {
            Ok(bytes) => return Ok(Copied::There(lying(key, &bytes))),
            Err(ObjectsError::Missing { .. }) => {}
            Err(error) => return Err(error),
        }
        let bytes = match self.bytes_at(&key).await {
            Ok(bytes) => bytes,
            Err(ObjectsError::Missing { .. }) => return Ok(Copied::Gone(key)),
            Err(error) => return Err(error),
        };
        let lying = lying(key, &bytes);
        to.put_at_if_absent(&lying.key, bytes).await?;
        Ok(Copied::New(lying))
    }

    fn raw(&self) -> &Arc<dyn object_store::ObjectStore> {
        &self.store
    }
}

fn lying(key: String, bytes: &Bytes) -> Lying {
    Lying {
        bytes: bytes.len() as u64,
        digest: Digest::of(bytes),
        key,
    }
}

#[cfg(test)]
mod tests {
    use contract::ids::SessionId;

    use super::*;
    use crate::owner::Owner;

    async fn copied(from: &Objects, to: &Objects) -> Vec<Copied> {
        let all = from.copy_to(to, from.keys()).map(Result::unwrap);
        all.collect().await
    }

    #[tokio::test]
    async fn a_copy_has_what_its_source_has_and_a_second_one_writes_only_what_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let from = Objects::open_folder(&folder.path().join("from")).unwrap();
        let to = Objects::open_folder(&folder.path().join("to")).unwrap();
        assert!(from.is_empty().await.unwrap());
        from.probe().await.unwrap();
        assert!(from.is_empty().await.unwrap(), "a probe is no object");
        let owner = Owner::Session(SessionId::new());
        let first = from.put(owner, "one".into()).await.unwrap();
        assert!(
            matches!(copied(&from, &to).await.as_slice(), [Copied::New(one)]
            if one.bytes == 3 && one.digest == Digest::of(b"one"))
        );
        assert!(!to.is_empty().await.unwrap());

        let second = from.put(owner, "two".into()).await.unwrap();
        let again = copied(&from, &to).await;
        let new: Vec<_> = again
            .iter()
            .filter(|one| matches!(one, Copied::New(_)))
            .collect();
        assert_eq!((again.len(), new.len()), (2, 1), "{again:?}");
        for digest in [first, second] {
            assert!(to.exists(owner, digest).await.unwrap());
        }
    }

    #[tokio::test]
    async fn what_is_removed_meanwhile_is_told_as_gone_and_what_changed_in_the_copy_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let from = Objects::open_folder(&folder.path().join("from")).unwrap();
        let to = Objects::open_folder(&folder.path().join("to")).unwrap();
        let keys = futures::stream::iter([Ok("a/b".to_owned())]).boxed();
        let told: Vec<_> = from.copy_to(&to, keys).map(Result::unwrap).collect().await;
        assert_eq!(told, [Copied::Gone("a/b".to_owned())]);

        from.put_at("a/b", "good".into()).await.unwrap();
        to.put_at("a/b", "rotten".into()).await.unwrap();
        let keys = futures::stream::iter([Ok("a/b".to_owned())]).boxed();
        let told: Vec<_> = from.copy_to(&to, keys).map(Result::unwrap).collect().await;
        assert!(
            matches!(told.as_slice(), [Copied::There(found)]
            if found.digest == Digest::of(b"rotten")),
            "{told:?}"
        );
    }
}

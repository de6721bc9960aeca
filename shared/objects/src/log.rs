//! Owns where the log's files lie: `log/<epoch>/` and then the names of C2SP `tlog-tiles`, so that
//! each epoch's folder is a log as the standard has it. Files are never overwritten but the
//! checkpoint, which is the newest.

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _};
use tlog::bundle::ENTRY_BYTES_MAX;
use tlog::tile::{CHECKPOINT, Tile, WIDTH};

use crate::store::{Objects, ObjectsError, PUTS_MAX, Put, refused};

/// Largest file of a log, in bytes: a full bundle of the longest entries.
pub const FILE_BYTES_MAX: u64 = WIDTH * (ENTRY_BYTES_MAX as u64 + 2);

/// The folder of all epochs.
const LOG: &str = "log";

/// A file of a log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LogFile {
    /// The newest signed checkpoint.
    Checkpoint,
    /// A tile or a bundle.
    Tile(Tile),
}

/// The key of a log's file.
fn key(epoch: u64, file: LogFile) -> Path {
    match file {
        LogFile::Checkpoint => Path::from(format!("{LOG}/{epoch}/{CHECKPOINT}")),
        LogFile::Tile(tile) => Path::from(format!("{LOG}/{epoch}/{tile}")),
    }
}

impl Objects {
    /// The numbers of the epochs that have a folder, the first first.
    ///
    /// # Errors
    /// [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn log_epochs(&self) -> Result<Vec<u64>, ObjectsError> {
        self.is_present().await?;
        let folder = Path::from(LOG);
        let listed = self.store.list_with_delimiter(Some(&folder)).await;
        let listed = listed.map_err(|source| refused("list", &folder, source))?;
        let numbers = listed.common_prefixes.iter();
        let mut epochs: Vec<u64> = numbers
            .filter_map(|folder| folder.filename()?.parse().ok())
            .collect();
        epochs.sort_unstable();
        Ok(epochs)
    }

    /// Gives a file of a log; `None` where it is not there.
    ///
    /// # Errors
    /// [`ObjectsError::TooLarge`], [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn log_file(&self, epoch: u64, file: LogFile) -> Result<Option<Bytes>, ObjectsError> {
        match self.read(&key(epoch, file), FILE_BYTES_MAX).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(ObjectsError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps a tile or a bundle. The same one that is there already is left alone.
    ///
    /// # Errors
    /// [`ObjectsError::Differs`] if another one is there; [`ObjectsError::Store`] and
    /// [`ObjectsError::Away`].
    pub async fn put_log_tile(
        &self,
        epoch: u64,
        tile: Tile,
        bytes: Bytes,
    ) -> Result<(), ObjectsError> {
        self.known().await?;
        let key = key(epoch, LogFile::Tile(tile));
        for _ in 0..PUTS_MAX {
            if self.put_new(&key, bytes.clone()).await? == Put::New {
                // Written into what lies in the store's place, it would be lost to the store.
                return self.has_taken().await;
            }
            match self.read(&key, FILE_BYTES_MAX).await {
                Ok(found) if found == bytes => return Ok(()),
                Ok(_) => {
                    let key = key.to_string();
                    return Err(ObjectsError::Differs { key });
                }
                // A bucket says so too while another one writes it.
                Err(ObjectsError::Missing { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let key = key.to_string();
        Err(ObjectsError::Contested { key })
    }

    /// Releases a checkpoint, in the place of the one before. The caller has put every tile that it
    /// needs, and has seen that it is ahead of the one that is there.
    ///
    /// # Errors
    /// [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn put_log_checkpoint(&self, epoch: u64, note: Bytes) -> Result<(), ObjectsError> {
        self.is_present().await?;
        let key = key(epoch, LogFile::Checkpoint);
        let put = self.store.put(&key, note.into()).await;
        put.map(drop).map_err(|source| refused("put", &key, source))
    }

    /// Removes the partial tiles in whose place a full one is. Does nothing where the full one is not
    /// there.
    ///
    /// # Errors
    /// [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn remove_log_partials(&self, epoch: u64, tile: Tile) -> Result<(), ObjectsError> {
        if !self
            .is_there(&key(epoch, LogFile::Tile(tile.filled())))
            .await?
        {
            return Ok(());
        }
        let folder = Path::from(format!("{LOG}/{epoch}/{}", tile.partials()));
        let listed = self.store.list(Some(&folder)).map_ok(|meta| meta.location);
        let listed: Result<Vec<Path>, _> = listed.try_collect().await;
        for partial in listed.map_err(|source| refused("list", &folder, source))? {
            match self.store.delete(&partial).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(source) => return Err(refused("remove", &partial, source)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tlog::tile::Kind;

    use super::*;

    fn tile(count: u64) -> Tile {
        Tile::of_count(Kind::Hashes(0), 0, count).unwrap()
    }

    #[tokio::test]
    async fn each_epochs_folder_is_a_log_as_the_standard_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open_folder(folder.path()).unwrap();
        assert_eq!(objects.log_epochs().await.unwrap(), [0; 0]);
        for epoch in [10, 2] {
            objects
                .put_log_tile(epoch, tile(3), "abc".into())
                .await
                .unwrap();
            objects
                .put_log_checkpoint(epoch, "old".into())
                .await
                .unwrap();
            objects
                .put_log_checkpoint(epoch, "new".into())
                .await
                .unwrap();
        }
        assert_eq!(objects.log_epochs().await.unwrap(), [2, 10]);
        for (name, text) in [("2/tile/0/000.p/3", "abc"), ("10/checkpoint", "new")] {
            let read = std::fs::read_to_string(folder.path().join("log").join(name));
            assert_eq!(read.unwrap(), text);
        }
        let read = objects.log_file(2, LogFile::Checkpoint).await.unwrap();
        assert_eq!(read.unwrap(), "new");
        let none = objects.log_file(3, LogFile::Checkpoint).await.unwrap();
        assert_eq!(none, None);
    }

    #[tokio::test]
    async fn a_tile_is_put_once_and_another_one_in_its_place_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open_folder(folder.path()).unwrap();
        objects
            .put_log_tile(1, tile(3), "abc".into())
            .await
            .unwrap();
        objects
            .put_log_tile(1, tile(3), "abc".into())
            .await
            .unwrap();
        let refused = objects.put_log_tile(1, tile(3), "abd".into()).await;
        assert!(
            matches!(refused, Err(ObjectsError::Differs { .. })),
            "{refused:?}"
        );
    }

    #[tokio::test]
    async fn partial_tiles_go_when_the_full_one_is_there_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open_folder(folder.path()).unwrap();
        for count in [3, 200] {
            objects
                .put_log_tile(1, tile(count), "x".into())
                .await
                .unwrap();
        }
        let there = async |count| {
            let read = objects.log_file(1, LogFile::Tile(tile(count))).await;
            read.unwrap().is_some()
        };
        objects.remove_log_partials(1, tile(3)).await.unwrap();
        assert!(there(3).await && there(200).await);
        objects
            .put_log_tile(1, tile(256), "y".into())
            .await
            .unwrap();
        objects.remove_log_partials(1, tile(3)).await.unwrap();
        assert!(!there(3).await && !there(200).await && there(256).await);
    }
}

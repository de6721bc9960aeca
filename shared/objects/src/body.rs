//! Owns the bodies of deliveries that are too large for a message: as they came, compressed.

use bytes::Bytes;
use contract::digest::Digest;

use crate::owner::delivery_key;
use crate::store::{Objects, ObjectsError};

impl Objects {
    /// Keeps a delivery's body, compressed to `frame`, under the digest of the raw body.
    ///
    /// # Errors
    /// [`ObjectsError::Store`] and [`ObjectsError::Away`].
    pub async fn put_delivery_body(&self, body: Digest, frame: Bytes) -> Result<(), ObjectsError> {
        self.put_if_absent(delivery_key(body), frame).await
    }

    /// Gives the compressed body of a delivery. Its name is the digest of the raw body, so it is
    /// for the caller to check it once it is decompressed.
    ///
    /// # Errors
    /// [`ObjectsError::Missing`], [`ObjectsError::TooLarge`], [`ObjectsError::Store`] and
    /// [`ObjectsError::Away`].
    pub async fn get_delivery_body(
        &self,
        body: Digest,
        frame_bytes_max: u64,
    ) -> Result<Bytes, ObjectsError> {
        self.read(&delivery_key(body), frame_bytes_max).await
    }
}

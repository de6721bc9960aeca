//! Owns a bucket of a store that speaks S3: where it is, and as whom it is asked.

mod http;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};

use crate::home::Home;
use crate::s3::http::Connector;
use crate::store::{Objects, ObjectsError};

/// How long a request is made again for, in seconds.
const RETRY_SECS_MAX: u64 = 30;
/// The first wait before a request is made again, in milliseconds, and the longest.
const RETRY_WAIT_MS: (u64, u64) = (200, 3_000);

/// A bucket, and how it is reached.
#[derive(Clone)]
pub struct Bucket {
    /// The server: scheme, host and port.
    pub endpoint: String,
    /// Its name.
    pub name: String,
    /// The region that requests are signed for.
    pub region: String,
    /// What every key begins with.
    pub prefix: Option<String>,
    /// Whether the bucket's name is in the path, and not in the host.
    pub path_style: bool,
    /// The access key's id.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// Certificates that the server's is checked by instead of the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// How long an answer, or the next part of one, may take.
    pub answer_max: Duration,
    /// How often a request is made again.
    pub retries_max: u32,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bucket({self})")
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.endpoint.trim_end_matches('/'), self.name)?;
        match &self.prefix {
            Some(prefix) => write!(f, "/{prefix}"),
            None => Ok(()),
        }
    }
}

impl Objects {
    /// Opens a bucket. Nothing is asked of the server yet: before the first object is put or looked
    /// for, it is seen that this is a bucket of ours, and that the server puts nothing in the place
    /// of what is there when it is asked not to.
    ///
    /// # Errors
    /// [`ObjectsError::Open`], where the settings are none that a request can be made of.
    pub fn open_bucket(bucket: &Bucket) -> Result<Self, ObjectsError> {
        let refused = |source: Box<dyn std::error::Error + Send + Sync>| ObjectsError::Open {
            place: bucket.to_string(),
            source,
        };
        let connector = Connector::new(bucket).map_err(refused)?;
        let (first, most) = RETRY_WAIT_MS;
        let retry = RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(first),
                max_backoff: Duration::from_millis(most),
                base: 2.0,
            },
            max_retries: bucket.retries_max as usize,
            retry_timeout: Duration::from_secs(RETRY_SECS_MAX),
        };
        let built = AmazonS3Builder::new()
            .with_endpoint(bucket.reached_at())
            .with_bucket_name(&bucket.name)
            .with_region(&bucket.region)
            .with_virtual_hosted_style_request(!bucket.path_style)
            .with_access_key_id(&bucket.access_key)
            .with_secret_access_key(&bucket.secret_key)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_retry(retry)
            .with_http_connector(connector)
            .build()
            .map_err(|err| refused(err.into()))?;
        let store: Arc<dyn ObjectStore> = match &bucket.prefix {
            Some(prefix) => Arc::new(PrefixStore::new(built, prefix.as_str())),
            None => Arc::new(built),
        };
        let home = Home::of_bucket();
        Ok(Self { store, home })
    }
}

impl Bucket {
    /// With the bucket in the host, the host is the bucket's.
    fn reached_at(&self) -> String {
        match self.endpoint.split_once("://") {
            Some((scheme, host)) if !self.path_style => {
                format!("{scheme}://{}.{}", self.name, host.trim_end_matches('/'))
            }
            _ => self.endpoint.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(path_style: bool) -> Bucket {
        Bucket {
            endpoint: "https://s3.example.net/".into(),
            name: "assay".into(),
            region: "eu".into(),
            prefix: Some("house".into()),
            path_style,
            access_key: "id".into(),
            secret_key: "nobody may read this".into(),
            ca_file: None,
            answer_max: Duration::from_secs(1),
            retries_max: 0,
        }
    }

    #[test]
    fn a_bucket_is_in_the_path_or_in_the_host() {
        assert_eq!(bucket(true).reached_at(), "https://s3.example.net/");
        assert_eq!(bucket(false).reached_at(), "https://assay.s3.example.net");
    }

    #[test]
    fn nothing_that_is_printed_has_the_secret() {
        let bucket = bucket(true);
        assert_eq!(bucket.to_string(), "https://s3.example.net/assay/house");
        let opened = Objects::open_bucket(&bucket).unwrap();
        let shown = format!("{bucket:?} {opened:?}");
        assert!(!shown.contains("nobody may read this"), "{shown}");
    }
}

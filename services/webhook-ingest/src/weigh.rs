//! Owns the work on a whole body: its signature, its digest, its compressed form. A large one is
//! worked on off the async threads, few at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use contract::digest::Digest;
use contract::time::Timestamp;
use forge::headers::Headers;
use forge::identity::Identity;
use tokio::sync::Semaphore;

use crate::admit::{What, admit};
use crate::body::{self, Raw};
use crate::problem::Problem;
use crate::source::Source;

/// Bodies from this size on are worked on off the async threads, in bytes.
const BLOCKING_BYTES_MIN: usize = 256 * 1024;
/// How many of them at a time: each takes a core, and the compressor some memory of its own.
const WORKING_MAX: usize = 4;

static WORKING: Semaphore = Semaphore::const_new(WORKING_MAX);

/// A request that arrived whole.
pub(crate) struct Arrived {
    pub(crate) source: Arc<Source>,
    pub(crate) headers: Headers,
    pub(crate) raw: Raw,
    pub(crate) received_at: Timestamp,
}

/// What it is.
pub(crate) enum Weighed {
    /// The forge asks whether we are here.
    Ping,
    /// An event that this source does not take.
    Ignored(Identity),
    /// A delivery, ready to be stored.
    Delivery(Box<Delivery>),
}

/// A signed delivery on its way to be stored.
pub(crate) struct Delivery {
    pub(crate) source: Arc<Source>,
    pub(crate) identity: Identity,
    /// The name of the secret that verified it.
    pub(crate) key: String,
    /// The headers that are kept with it.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) digest: Digest,
    /// Length of the raw body.
    pub(crate) bytes: usize,
    /// The raw body as one zstd frame.
    pub(crate) frame: Bytes,
    pub(crate) received_at: Timestamp,
}

/// Finds out what a request is.
pub(crate) async fn weigh(arrived: Arrived) -> Result<Weighed, Problem> {
    if arrived.raw.bytes.len() < BLOCKING_BYTES_MIN {
        return weigh_now(arrived);
    }
    // The semaphore is never closed.
    let _working = WORKING.acquire().await;
    let weighing = tokio::task::spawn_blocking(move || weigh_now(arrived));
    weighing
        .await
        .unwrap_or(Err(Problem::Unavailable("the body could not be read")))
}

fn weigh_now(arrived: Arrived) -> Result<Weighed, Problem> {
    let Arrived {
        source,
        headers,
        raw,
        received_at,
    } = arrived;
    let count = |key: &str| source.count_key(key, received_at);
    let tokens = || source.take_token();
    let admitted = admit(&source, &headers, &raw.bytes, received_at, count, tokens)?;
    let identity = match admitted.what {
        What::Ping => return Ok(Weighed::Ping),
        What::Ignored(identity) => return Ok(Weighed::Ignored(identity)),
        What::Delivery(identity) => identity,
    };
    let digest = Digest::of(&raw.bytes);
    let bytes = raw.bytes.len();
    let headers = headers.into_kept(&raw.bytes);
    let frame = body::compress(raw)
        .map_err(|_| Problem::Unavailable("the body could not be compressed"))?;
    Ok(Weighed::Delivery(Box::new(Delivery {
        source,
        identity,
        key: admitted.key,
        headers,
        digest,
        bytes,
        frame,
        received_at,
    })))
}

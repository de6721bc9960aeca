//! Owns reading a request's body: capped while it streams in, and cut off when it is slow.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

use crate::problem::Problem;

/// Longest time a body may take to arrive, in seconds.
pub(crate) const READ_SECS_MAX: u64 = 30;
/// Bodies from this size on are compressed off the async threads, in bytes.
const BLOCKING_BYTES_MIN: usize = 256 * 1024;
/// The fastest level still compresses webhooks about fivefold.
const ZSTD_LEVEL: i32 = 1;

/// Reads a body of at most `cap` bytes.
pub(crate) async fn read(headers: &HeaderMap, body: Body, cap: usize) -> Result<Bytes, Problem> {
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<usize>().ok());
    if declared.is_some_and(|length| length > cap) {
        return Err(Problem::TooLarge(cap));
    }
    let reading = async {
        let mut stream = body.into_data_stream();
        let mut read = BytesMut::with_capacity(declared.unwrap_or(0));
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|_| Problem::Incomplete)?;
            // Counted, not believed: a chunked body declares no length.
            if read.len() + chunk.len() > cap {
                return Err(Problem::TooLarge(cap));
            }
            read.extend_from_slice(&chunk);
        }
        Ok(read.freeze())
    };
    tokio::time::timeout(Duration::from_secs(READ_SECS_MAX), reading)
        .await
        .unwrap_or(Err(Problem::Incomplete))
}

/// Compresses a body to one zstd frame.
pub(crate) async fn compress(body: Bytes) -> std::io::Result<Bytes> {
    if body.len() < BLOCKING_BYTES_MIN {
        return zstd::bulk::compress(&body, ZSTD_LEVEL).map(Bytes::from);
    }
    let work = move || zstd::bulk::compress(&body, ZSTD_LEVEL).map(Bytes::from);
    tokio::task::spawn_blocking(work)
        .await
        .map_err(std::io::Error::other)?
}

//! Owns a request's body: capped while it streams in, within the room there is, and cut off when
//! its sender is slow; and its compressed form.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use axum::body::BodyDataStream;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures::StreamExt;
use zstd::bulk::Compressor;

use crate::budget::{Budget, Lease, NoRoom, SMALL_BYTES_MAX};
use crate::problem::Problem;

/// How long a sender may take for anything at all, in seconds.
const GRACE_SECS: f64 = 5.0;
/// How many bytes a second a sender brings on average, once the grace is over.
const BYTES_PER_SECOND_MIN: f64 = 16.0 * 1024.0;
/// The fastest level still compresses webhooks about fivefold.
const ZSTD_LEVEL: i32 = 1;
/// Bodies up to this size, in bytes, share a compressor with those before them: what it keeps grows
/// with the largest.
const KEPT_BYTES_MAX: usize = 256 * 1024;

type Kept = Option<Compressor<'static>>;

thread_local! {
    /// The compressor of this thread, once it has compressed something.
    static COMPRESSOR: RefCell<Kept> = const { RefCell::new(None) };
}

/// How long what nobody wants is still read after the answer, in seconds, so that its sender gets
/// to reading the answer.
const LINGER_SECS_MAX: u64 = 10;
/// How much of it is read, in bytes.
const LINGER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a body may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Largest body, in bytes.
    pub(crate) bytes_max: usize,
    /// How long it may take to arrive.
    pub(crate) time_max: Duration,
}

/// A whole body and the room that it and what is made of it take.
pub(crate) struct Raw {
    pub(crate) bytes: Vec<u8>,
    pub(crate) lease: Lease,
}

/// Reads a body.
///
/// # Errors
/// It is too large, too slow, not whole, or there is no room for it.
pub(crate) async fn read(
    headers: &HeaderMap,
    stream: &mut BodyDataStream,
    limits: Limits,
    budget: &Budget,
) -> Result<Raw, Problem> {
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<usize>().ok());
    let most = declared.unwrap_or(limits.bytes_max);
    if most > limits.bytes_max {
        return Err(Problem::TooLarge(limits.bytes_max));
    }
    let no_room = |NoRoom| Problem::Unavailable("there is no room for the body");
    // A large body has to bring its first part before it gets the room for the rest: a length is
    // cheap to claim.
    let mut room = most.min(SMALL_BYTES_MAX);
    let mut lease = budget.lease(room).await.map_err(no_room)?;
    let mut bytes = Vec::new();
    let mut pace = Pace::new(limits.time_max);
    while let Some(chunk) = pace.next(stream, bytes.len()).await? {
        let length = bytes.len() + chunk.len();
        // Counted, not believed: a chunked body declares no length.
        if length > limits.bytes_max {
            return Err(Problem::TooLarge(limits.bytes_max));
        }
        if length > room {
            // Both leases are held until the next line: while it grows, both buffers are.
            let whole = budget.lease(most.max(length)).await.map_err(no_room)?;
            grow(&mut bytes, length, most);
            room = most.max(length);
            lease = whole;
        }
        grow(&mut bytes, length, room);
        bytes.extend_from_slice(&chunk);
    }
    Ok(Raw { bytes, lease })
}

/// Makes room for `length` bytes, by doubling, and never for more than `most`.
fn grow(bytes: &mut Vec<u8>, length: usize, most: usize) {
    if length > bytes.capacity() {
        let capacity = length.max(most.min(2 * bytes.capacity()));
        bytes.reserve_exact(capacity - bytes.len());
    }
}

/// How long a body's sender has been waited for. What we wait for ourselves is not the sender's.
struct Pace {
    waited: Duration,
    time_max: Duration,
}

impl Pace {
    fn new(time_max: Duration) -> Self {
        Self {
            waited: Duration::ZERO,
            time_max,
        }
    }

    /// The next part of a body of which `received` bytes are here.
    async fn next(
        &mut self,
        stream: &mut BodyDataStream,
        received: usize,
    ) -> Result<Option<Bytes>, Problem> {
        let left = patience(received, self.time_max).saturating_sub(self.waited);
        let from = Instant::now();
        let next = tokio::time::timeout(left, stream.next()).await;
        self.waited += from.elapsed();
        let next = next.map_err(|_| Problem::Slow)?;
        next.transpose().map_err(|_| Problem::Incomplete)
    }
}

/// How long a sender may have taken in all that has sent so many bytes.
fn patience(received: usize, time_max: Duration) -> Duration {
    let seconds = GRACE_SECS + received as f64 / BYTES_PER_SECOND_MIN;
    Duration::from_secs_f64(seconds).min(time_max)
}

/// Compresses a body to one zstd frame, which keeps only the room that it takes itself.
///
/// # Errors
/// The compressor's.
pub(crate) fn compress(raw: Raw) -> std::io::Result<Bytes> {
    let mut frame = match raw.bytes.len() <= KEPT_BYTES_MAX {
        true => COMPRESSOR.with_borrow_mut(|kept| kept_compressor(kept)?.compress(&raw.bytes))?,
        false => zstd::bulk::compress(&raw.bytes, ZSTD_LEVEL)?,
    };
    frame.shrink_to_fit();
    drop(raw.bytes);
    Ok(raw.lease.keep(frame.capacity()).hold(frame))
}

/// To make a compressor takes longer than to compress a webhook.
fn kept_compressor(kept: &mut Kept) -> std::io::Result<&mut Compressor<'static>> {
    match kept {
        Some(kept) => Ok(kept),
        None => Ok(kept.insert(Compressor::new(ZSTD_LEVEL)?)),
    }
}

/// Reads on what nobody wants, and forgets it: a connection that is closed over unread bytes is
/// reset, and its sender may never see the answer.
pub(crate) async fn linger(mut stream: BodyDataStream) {
    let reading = async {
        let mut read = 0;
        while let Some(Ok(chunk)) = stream.next().await {
            read += chunk.len();
            if read > LINGER_BYTES_MAX {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(LINGER_SECS_MAX), reading).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_has_time_as_long_as_it_sends() {
        let time_max = Duration::from_secs(30);
        for (received, seconds) in [
            (0, 5),
            (16 * 1024, 6),
            (160 * 1024, 15),
            (400 * 1024, 30),
            (25 * 1024 * 1024, 30),
        ] {
            let patience = patience(received, time_max);
            assert_eq!(patience.as_secs(), seconds, "{received}");
        }
        let short = Duration::from_secs(1);
        assert_eq!(patience(1_000_000, short), short);
    }

    #[test]
    fn a_buffer_grows_by_doubling_and_never_beyond_its_room() {
        let mut bytes = Vec::new();
        let mut capacities = Vec::new();
        for length in [10, 15, 21, 50, 90, 100] {
            grow(&mut bytes, length, 100);
            assert!(bytes.capacity() >= length);
            capacities.push(bytes.capacity());
            bytes.resize(length, 0);
        }
        assert_eq!(capacities, [10, 20, 40, 80, 100, 100]);
    }

    #[tokio::test]
    async fn a_frame_gives_back_the_room_of_its_body() {
        let budget = Budget::new(16 * 1024 * 1024);
        let lease = budget.lease(1_000_000).await.unwrap();
        let bytes = vec![b'x'; 1_000_000];
        let frame = compress(Raw { bytes, lease }).unwrap();
        assert!(frame.len() < 1_000);
        let back = zstd::bulk::decompress(&frame, 1_000_000).unwrap();
        assert!(back.len() == 1_000_000 && back.iter().all(|byte| *byte == b'x'));
    }
}

//! Owns the memory of bodies: how many bytes all of them together may take. Whoever holds bytes
//! holds a lease of at least as many; there are never more leases than there is room.
//!
//! A body leases once what it needs at most, and large ones never wait while they hold up others:
//! small bodies have a part of the room that large ones cannot take, and a body that turns out to
//! be large leases the rest of its need before it grows. Nobody who holds a large lease waits for
//! more, so nobody waits for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bodies up to this size are small, in bytes. Nearly all pushes are.
pub(crate) const SMALL_BYTES_MAX: usize = 256 * 1024;
/// The part of the room that only small bodies take: one in so many.
const SMALL_PART: usize = 4;
/// What a request takes beside its body, in bytes: headers, and what the compressor adds.
const OVERHEAD_BYTES: usize = 16 * 1024;
/// What a compressed body can be larger than the raw one: one byte in so many, at most.
const FRAME_GROWTH: usize = 128;
/// Leases are counted in units of so many bytes.
const UNIT_BYTES: usize = 1024;
/// Longest wait for room, in seconds. A forge that waits longer has hung up.
pub(crate) const ROOM_SECS_MAX: u64 = 3;

/// The room for all bodies.
pub(crate) struct Budget {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    held: Arc<Held>,
}

/// There was no room in time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// Room that is taken; dropping it gives the room back.
pub(crate) struct Lease {
    permit: OwnedSemaphorePermit,
    held: Arc<Held>,
}

/// Bytes, and the room they take. They keep it until their last copy is gone, wherever they are.
struct Leased {
    bytes: Vec<u8>,
    _lease: Lease,
}

/// What is leased, in bytes, and the most that ever was.
#[derive(Default)]
struct Held {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Budget {
    /// Room for so many bytes in all.
    pub(crate) fn new(bytes: usize) -> Self {
        let units = bytes / UNIT_BYTES;
        let small = units / SMALL_PART;
        metrics::gauge!("assay_ingest_memory_bytes_max").set(bytes as f64);
        let held = Arc::new(Held::default());
        held.add(0);
        Self {
            small: Arc::new(Semaphore::new(small)),
            large: Arc::new(Semaphore::new(units - small)),
            held,
        }
    }

    /// Takes room for everything that a body of at most `bytes` needs until it is answered.
    ///
    /// # Errors
    /// There was none within [`ROOM_SECS_MAX`].
    pub(crate) async fn lease(&self, bytes: usize) -> Result<Lease, NoRoom> {
        let room = if bytes <= SMALL_BYTES_MAX {
            &self.small
        } else {
            &self.large
        };
        let units = u32::try_from(need(bytes).div_ceil(UNIT_BYTES)).map_err(|_| NoRoom)?;
        let taking = Arc::clone(room).acquire_many_owned(units);
        let waited = tokio::time::timeout(Duration::from_secs(ROOM_SECS_MAX), taking).await;
        let permit = waited.map_err(|_| NoRoom)?.map_err(|_| NoRoom)?;
        self.held.add(permit.num_permits() * UNIT_BYTES);
        Ok(Lease {
            permit,
            held: Arc::clone(&self.held),
        })
    }
}

/// What a body of `bytes` needs at most: itself, and beside it what it is copied, decoded or
/// compressed to.
const fn need(bytes: usize) -> usize {
    2 * bytes + bytes / FRAME_GROWTH + OVERHEAD_BYTES
}

impl Lease {
    /// Keeps room for `bytes` alone and gives the rest back.
    pub(crate) fn keep(mut self, bytes: usize) -> Self {
        let kept = bytes.div_ceil(UNIT_BYTES).min(self.permit.num_permits());
        let rest = self.permit.num_permits() - kept;
        self.held.remove(rest * UNIT_BYTES);
        drop(self.permit.split(rest));
        self
    }

    /// Ties bytes to their room.
    pub(crate) fn hold(self, bytes: Vec<u8>) -> Bytes {
        let _lease = self;
        Bytes::from_owner(Leased { bytes, _lease })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.held.remove(self.permit.num_permits() * UNIT_BYTES);
    }
}

impl AsRef<[u8]> for Leased {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Held {
    /// Counted after the room was taken, and taken off before it is given back: what is shown is
    /// never more than what there is.
    fn add(&self, bytes: usize) {
        let now = self.now.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let most = self.most.fetch_max(now, Ordering::Relaxed).max(now);
        metrics::gauge!("assay_ingest_body_bytes").set(now as f64);
        metrics::gauge!("assay_ingest_body_bytes_most").set(most as f64);
    }

    fn remove(&self, bytes: usize) {
        let now = self.now.fetch_sub(bytes, Ordering::Relaxed) - bytes;
        metrics::gauge!("assay_ingest_body_bytes").set(now as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    fn held(budget: &Budget) -> usize {
        budget.held.now.load(Ordering::Relaxed)
    }

    #[tokio::test(start_paused = true)]
    async fn large_bodies_leave_room_for_small_ones_and_nobody_waits_for_ever() {
        let budget = Budget::new(16 * MIB);
        let mut large = Vec::new();
        while let Ok(lease) = budget.lease(MIB).await {
            large.push(lease);
        }
        assert_eq!(large.len(), 5, "of twelve MiB, at two and a little each");
        let mut small = Vec::new();
        while let Ok(lease) = budget.lease(1_000).await {
            small.push(lease);
        }
        assert!(small.len() > 200, "{}", small.len());
        assert!(held(&budget) <= 16 * MIB);
        drop(large.pop());
        assert!(budget.lease(MIB).await.is_ok());
        drop((large, small));
        assert_eq!(held(&budget), 0);
        assert!(budget.held.most.load(Ordering::Relaxed) <= 16 * MIB);
    }

    #[tokio::test]
    async fn bytes_keep_their_room_until_their_last_copy_is_gone() {
        let budget = Budget::new(16 * MIB);
        let lease = budget.lease(2 * MIB).await.unwrap();
        assert!(held(&budget) > 4 * MIB);
        let bytes = lease.keep(10_000).hold(vec![7; 10_000]);
        assert_eq!(held(&budget), 10 * UNIT_BYTES);
        let copy = bytes.slice(5..9);
        drop(bytes);
        assert_eq!(copy.as_ref(), [7; 4]);
        assert_eq!(held(&budget), 10 * UNIT_BYTES);
        drop(copy);
        assert_eq!(held(&budget), 0);
    }

    #[tokio::test]
    async fn a_lease_cannot_be_kept_larger_than_it_was() {
        let budget = Budget::new(16 * MIB);
        let lease = budget.lease(1_000).await.unwrap();
        let before = held(&budget);
        let lease = lease.keep(MIB);
        assert_eq!(held(&budget), before);
        drop(lease);
        assert_eq!(held(&budget), 0);
    }

    #[test]
    fn what_cannot_be_compressed_grows_by_less_than_is_leased() {
        for bytes in [0, 1, 1_000, SMALL_BYTES_MAX, 25 * MIB, 100 * MIB] {
            let frame = zstd::zstd_safe::compress_bound(bytes);
            assert!(bytes + frame <= need(bytes), "{bytes}");
        }
    }
}

//! Owns what digests of the same bodies cost, on one core.

use std::hint::black_box;

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use std::time::Instant;

/// MiB a second.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Digests {
    /// SHA-256 of each body.
    pub sha256: f64,
    /// HMAC-SHA-256 of each body.
    pub hmac: f64,
}

/// Digests every body once.
pub fn measure(bodies: &[Bytes]) -> Digests {
    let mib = bodies.iter().map(Bytes::len).sum::<usize>() as f64 / 1024.0 / 1024.0;
    let began = Instant::now();
    for body in bodies {
        black_box(Sha256::digest(body));
    }
    let sha256 = mib / began.elapsed().as_secs_f64();
    let began = Instant::now();
    for body in bodies {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(b"a secret").expect("HMAC takes keys of any length");
        mac.update(body);
        black_box(mac.finalize());
    }
    let hmac = mib / began.elapsed().as_secs_f64();
    Digests { sha256, hmac }
}

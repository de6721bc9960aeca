//! Owns chance: every choice of a run is drawn from its seed, by what it is for and its number, so
//! that the same seed makes the same choices, whatever came in between.

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sha2::{Digest as _, Sha256};

/// What every choice of a run comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seed(pub u64);

impl Seed {
    /// The dice for one choice.
    pub fn dice(self, what: &str, number: u64) -> StdRng {
        let mut hash = Sha256::new();
        hash.update(self.0.to_be_bytes());
        hash.update(number.to_be_bytes());
        hash.update(what);
        StdRng::from_seed(hash.finalize().into())
    }
}

//! Owns what keeps a cache quick that many fetches went into: one index of all packs, one file of all
//! references. Each fetch leaves one of each, and every git that begins looks into all of them.

use std::sync::atomic::Ordering;

use git::program::Reach;

use crate::git::cache::{Cache, SHORT_BYTES_MAX};
use git::said::last_words;

/// So many packs later it is done again.
pub const PACKS: usize = 16;

impl Cache {
    /// Does it when its time has come: after a fetch, once nobody waits for what was asked. Nothing needs
    /// it; that it cannot be done is logged.
    pub async fn tidy(&self) {
        let packs = self.packs().load(Ordering::Relaxed);
        if !self.has_fetched() || packs == 0 || !packs.is_multiple_of(PACKS) {
            return;
        }
        for line in [&["multi-pack-index", "write"], &["pack-refs", "--all"]] {
            let mut command = self.git(Reach::Cache);
            command.args(line);
            match self.run(command, SHORT_BYTES_MAX, "tidy a cache").await {
                Ok(ended) if ended.status.success() => {}
                Ok(ended) => {
                    let said = last_words(&ended.said);
                    tracing::warn!(said, "a cache is not tidied");
                }
                Err(error) => tracing::warn!(%error, "a cache is not tidied"),
            }
        }
    }
}

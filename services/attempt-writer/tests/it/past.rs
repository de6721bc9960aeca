//! Owns what a world remembers: attempts that were judged before its test begins.

use testkit::past::Past;

use crate::world::World;

impl World {
    /// Writes a past into the ledger, of the world's own lab.
    pub(crate) async fn remember(&self, past: Past) {
        past.write(&self.house).await;
    }
}

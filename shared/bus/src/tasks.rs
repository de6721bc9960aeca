//! Owns the tasks in which messages are handled: that they are waited for, and not forgotten.

use tokio::task::JoinSet;
use tracing::error;

/// Waits until nothing is worked on any more.
pub(crate) async fn ended(running: &mut JoinSet<()>) {
    while running.join_next().await.is_some() {}
}

/// Forgets the tasks that ended; one that broke left its message unsettled, and it comes again
/// after the ack wait.
pub(crate) fn reap(running: &mut JoinSet<()>) {
    while let Some(ended) = running.try_join_next() {
        if let Err(error) = ended {
            error!(%error, "a handler ended without an outcome");
        }
    }
}

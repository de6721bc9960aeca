//! Owns publishing many messages with as few syncs of the server as can be. Each must be one that may
//! be stored again without harm.

use futures::stream::{self, TryStreamExt};

use crate::batch::BATCH_MESSAGES_MAX;
use crate::connect::Bus;
use crate::error::PublishError;
use crate::outgoing::Outgoing;

/// From so many messages on one atomic batch is cheaper than each alone. A server that is no cluster
/// makes a folder for each batch, with files that it syncs and removes: what a dozen messages cost
/// that are synced one by one, however few the batch has.
pub const BATCH_WORTH_FROM: usize = 12;
/// Messages that are published at one time where they do not go as one batch.
const SINGLES_AT_ONCE: usize = 32;

/// Whether so many messages are better published as one atomic batch.
pub fn is_worth_a_batch(messages: usize) -> bool {
    (BATCH_WORTH_FROM..=BATCH_MESSAGES_MAX).contains(&messages)
}

impl Bus {
    /// Publishes messages to one stream and awaits that all are stored: as batches, or each alone
    /// where there are few, or where one was stored before.
    ///
    /// # Errors
    /// [`PublishError`] of the first that is not stored; others may be.
    pub async fn publish_all(&self, messages: &[Outgoing]) -> Result<(), PublishError> {
        for part in messages.chunks(BATCH_MESSAGES_MAX) {
            if is_worth_a_batch(part.len()) {
                match self.publish_batch(part).await {
                    // Some are stored already, or perhaps all: each alone is harmless.
                    Err(PublishError::BatchHasDuplicate | PublishError::NoAnswer(_)) => {}
                    Err(error) => return Err(error),
                    Ok(_) => continue,
                }
            }
            self.publish_each(part).await?;
        }
        Ok(())
    }

    async fn publish_each(&self, messages: &[Outgoing]) -> Result<(), PublishError> {
        stream::iter(messages.iter().cloned().map(Ok))
            .try_for_each_concurrent(SINGLES_AT_ONCE, async |message| {
                self.publish_raw(message).await.map(drop)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_messages_go_each_alone_and_no_batch_has_more_than_the_server_takes() {
        for (count, is_worth_it) in [
            (0, false),
            (1, false),
            (BATCH_WORTH_FROM - 1, false),
            (BATCH_WORTH_FROM, true),
            (BATCH_MESSAGES_MAX, true),
            (BATCH_MESSAGES_MAX + 1, false),
        ] {
            assert_eq!(is_worth_a_batch(count), is_worth_it, "{count}");
        }
    }
}

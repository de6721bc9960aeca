//! Owns publishing many messages: with as few syncs of the bus as can be.

use bus::connect::Bus;
use bus::error::PublishError;
use bus::outgoing::Outgoing;
use futures::stream::{self, StreamExt, TryStreamExt};

/// Messages that are published at one time where they cannot go as one batch.
const SINGLES_AT_ONCE: usize = 32;

/// Publishes messages to one stream, of which there are no more than one atomic batch holds.
pub(crate) async fn all(bus: &Bus, messages: Vec<Outgoing>) -> Result<(), PublishError> {
    match bus.publish_batch(&messages).await {
        // Some are stored already, or perhaps all: each alone is harmless.
        Err(PublishError::BatchHasDuplicate | PublishError::NoAnswer(_)) => {
            stream::iter(messages)
                .map(Ok)
                .try_for_each_concurrent(SINGLES_AT_ONCE, async |message| {
                    bus.publish_raw(message).await.map(drop)
                })
                .await
        }
        published => published.map(drop),
    }
}

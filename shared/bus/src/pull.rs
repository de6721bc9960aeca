//! Owns pulling: one pull at a time, each with an end.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer::PullConsumer;
use futures::StreamExt;
use tracing::{debug, warn};

use crate::consume::Consumption;
use crate::error::ConsumeError;
use crate::topology::ConsumerSpec;

/// Longest wait of one pull for a first message, in seconds.
const PULL_SECS_MAX: u64 = 5;
/// Pause after a pull that the server did not answer, in milliseconds.
const PULL_RETRY_MS: u64 = 500;

pub(crate) async fn open(consumption: &Consumption) -> Result<PullConsumer, ConsumeError> {
    let ConsumerSpec {
        stream, durable, ..
    } = consumption.consumer;
    consumption
        .bus
        .jetstream
        .get_consumer_from_stream(*durable, *stream)
        .await
        .map_err(|source| ConsumeError::Open {
            stream,
            consumer: durable,
            source: source.into(),
        })
}

/// Takes what is there, at most `messages_max`; waits for a first message. `None` when it is time
/// to leave with nothing in hand.
pub(crate) async fn pull(
    consumption: &Consumption,
    puller: &PullConsumer,
    messages_max: usize,
) -> Option<Vec<jetstream::Message>> {
    let mut messages = Vec::new();
    let answered = tokio::select! {
        biased;
        // What has come is worked on; what is still on its way comes again after the ack wait.
        () = consumption.stop.cancelled() => {
            return (!messages.is_empty()).then_some(messages);
        }
        answered = take(consumption.consumer, puller, messages_max, &mut messages) => answered,
    };
    if answered || !messages.is_empty() {
        return Some(messages);
    }
    tokio::select! {
        biased;
        () = consumption.stop.cancelled() => None,
        () = tokio::time::sleep(Duration::from_millis(PULL_RETRY_MS)) => Some(messages),
    }
}

/// One pull; says whether the server answered it. An expiry is always given: at the consumer's
/// limit of unacked messages a pull without one waits in silence for ever.
async fn take(
    consumer: &ConsumerSpec,
    puller: &PullConsumer,
    messages_max: usize,
    messages: &mut Vec<jetstream::Message>,
) -> bool {
    let pulled = puller
        .fetch()
        .max_messages(messages_max)
        .expires(Duration::from_secs(PULL_SECS_MAX))
        .messages()
        .await;
    let mut pulled = match pulled {
        Ok(pulled) => pulled,
        Err(error) => {
            warn!(consumer = consumer.durable, %error, "pull");
            return false;
        }
    };
    while let Some(next) = pulled.next().await {
        match next {
            Ok(message) => messages.push(message),
            Err(error) => {
                debug!(consumer = consumer.durable, %error, "a pull ended early");
                return false;
            }
        }
    }
    true
}

//! Owns looking into a queue beside its consumer: how far that is, which messages are stored, and
//! what to do with one that the consumer would never be given. A message that is stored in a queue
//! but neither pending nor waiting for its ack is a hole that the broker made.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::stream::RawMessageErrorKind;
use bytes::Bytes;
use contract::time::Timestamp;
use tokio::time::timeout;

use crate::bundle;
use crate::connect::{ACK_SECS_MAX, Bus};
use crate::dead;
use crate::error::{PublishError, TopologyError};
use crate::history::of_nanos;
use crate::outgoing::Outgoing;
use crate::publish::Stored;
use crate::topology::ConsumerSpec;

/// Most places behind a message that cannot be read at which reading on is tried.
const UNREADABLE_MAX: usize = 1_000;

/// A queue and its one consumer at about the same moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QueueState {
    /// Place of the oldest message in the stream; beyond `last` when there is none.
    pub first: u64,
    /// Place of the newest message that the stream ever had.
    pub last: u64,
    /// Messages in it.
    pub messages: u64,
    /// Every message up to this place was given to somebody.
    pub delivered: u64,
    /// Every message up to this place was acked, or passed over.
    pub acked: u64,
    /// Messages that will be given to somebody.
    pub pending: u64,
    /// Messages that somebody has.
    pub unacked: u64,
}

impl QueueState {
    /// Messages that nobody has and nobody would ever be given. One look may be wrong, since the
    /// counts are not of one moment.
    pub fn stranded(&self) -> u64 {
        self.messages.saturating_sub(self.pending + self.unacked)
    }
}

/// A message that was found in its stream.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its place.
    pub sequence: u64,
    /// When it was stored.
    pub stored_at: Option<Timestamp>,
    subject: String,
    headers: HeaderMap,
    payload: Bytes,
}

impl Found {
    /// A header's value; of a dead letter, that of the message that died.
    pub fn header(&self, name: &str) -> Option<&str> {
        let original = format!("{}{name}", dead::ORIGINAL_PREFIX);
        let found = self.headers.get(name);
        let found = found.or_else(|| self.headers.get(original.as_str()));
        found.map(|value| value.as_str())
    }

    /// What is in the bundle that it is, all at its place; else itself.
    fn apart(self) -> Vec<Self> {
        let parts = bundle::is_bundle(&self.headers).then(|| bundle::open(self.payload.clone()));
        let Some(Ok(parts)) = parts else {
            return vec![self];
        };
        let one = |part: bundle::Part| Self {
            sequence: self.sequence,
            stored_at: self.stored_at,
            subject: self.subject.clone(),
            headers: part.headers,
            payload: part.payload,
        };
        parts.into_iter().map(one).collect()
    }
}

impl Bus {
    /// How a queue and its consumer stand.
    ///
    /// # Errors
    /// [`TopologyError::Server`] if the server does not answer.
    pub async fn queue_state(&self, spec: &ConsumerSpec) -> Result<QueueState, TopologyError> {
        let server = |source: Box<dyn std::error::Error + Send + Sync>| TopologyError::Server {
            what: spec.what(),
            source,
        };
        // The stream before and after: what was counted while messages came and went is the lesser.
        let mut stream = self
            .jetstream
            .get_stream(spec.stream)
            .await
            .map_err(|error| server(error.into()))?;
        let before = stream.cached_info().state.messages;
        let consumer: PullConsumer = self
            .jetstream
            .get_consumer_from_stream(spec.durable, spec.stream)
            .await
            .map_err(|error| server(error.into()))?;
        let after = stream.info().await.map_err(|error| server(error.into()))?;
        let info = consumer.cached_info();
        Ok(QueueState {
            first: after.state.first_sequence,
            last: after.state.last_sequence,
            messages: before.min(after.state.messages),
            delivered: info.delivered.stream_sequence,
            acked: info.ack_floor.stream_sequence,
            pending: info.num_pending,
            unacked: info.num_ack_pending as u64,
        })
    }

    /// The messages of a consumer's stream from a place on, in their order; at most `limit`, a
    /// bundle's as far as it goes, and whether these are all. Read from the stream itself, without
    /// the consumer. A message that the server cannot read any more ends its search, so that is
    /// begun again behind it.
    ///
    /// # Errors
    /// [`TopologyError::Server`] if the server does not answer.
    pub async fn look_through(
        &self,
        spec: &ConsumerSpec,
        from: u64,
        limit: usize,
    ) -> Result<(Vec<Found>, bool), TopologyError> {
        let server = |source: Box<dyn std::error::Error + Send + Sync>| TopologyError::Server {
            what: format!("the messages of {}", spec.stream),
            source,
        };
        let stream = self.jetstream.get_stream(spec.stream).await;
        let stream = stream.map_err(|error| server(error.into()))?;
        let state = &stream.cached_info().state;
        let (first, last) = (state.first_sequence, state.last_sequence);
        let (mut all, mut next, mut tries) = (Vec::new(), from.max(first).max(1), 0);
        while next <= last {
            if all.len() >= limit || tries >= UNREADABLE_MAX {
                return Ok((all, false));
            }
            let asked = stream
                .raw_message_builder()
                .next_by_subject(spec.filter)
                .sequence(next)
                .send();
            match asked.await {
                Ok(found) => {
                    next = found.sequence + 1;
                    let one = Found {
                        sequence: found.sequence,
                        stored_at: of_nanos(found.time.unix_timestamp_nanos()),
                        subject: found.subject.to_string(),
                        headers: found.headers,
                        payload: found.payload,
                    };
                    all.extend(one.apart());
                }
                Err(error) => match error.kind() {
                    // None at all, where the stream is empty; else perhaps none before one that
                    // cannot be read.
                    RawMessageErrorKind::NoMessageFound if state.messages == 0 => break,
                    RawMessageErrorKind::NoMessageFound => {
                        next += 1;
                        tries += 1;
                    }
                    _ => return Err(server(error.into())),
                },
            }
        }
        Ok((all, true))
    }

    /// Publishes a message that no consumer would be given once more, under an id of its own, with
    /// all that it carries.
    ///
    /// # Errors
    /// [`PublishError`].
    pub async fn hand_again(&self, found: &Found, id: &str) -> Result<Stored, PublishError> {
        let (headers, payload) = (&found.headers, found.payload.clone());
        let again = Outgoing::again(found.subject.clone(), id, headers, payload)?;
        self.publish_raw(again).await
    }

    /// Takes a message out of its queue that was handed again and has arrived, with all that came
    /// in its bundle: its place must hold what was found there.
    ///
    /// # Errors
    /// [`TopologyError::Server`] if the server does not answer.
    pub async fn take_out(&self, spec: &ConsumerSpec, found: &Found) -> Result<(), TopologyError> {
        let server = |source: Box<dyn std::error::Error + Send + Sync>| TopologyError::Server {
            what: format!("the message {} of {}", found.sequence, spec.stream),
            source,
        };
        let (still, _) = self.look_through(spec, found.sequence, 1).await?;
        // A place may have been given twice.
        let is_it = |other: &Found| {
            other.sequence == found.sequence
                && other.stored_at == found.stored_at
                && other.headers == found.headers
        };
        if !still.iter().any(is_it) {
            return Ok(());
        }
        let stream = self.jetstream.get_stream_no_info(spec.stream).await;
        let stream = stream.map_err(|error| server(error.into()))?;
        let limit = Duration::from_secs(ACK_SECS_MAX);
        match timeout(limit, stream.delete_message(found.sequence)).await {
            Ok(removed) => removed.map(drop).map_err(|error| server(error.into())),
            Err(late) => Err(server(late.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::QueueState;

    #[test]
    fn a_message_that_is_neither_pending_nor_with_somebody_is_stranded() {
        for (messages, pending, unacked, stranded) in
            [(0, 0, 0, 0), (3, 2, 1, 0), (3, 1, 1, 1), (3, 5, 0, 0)]
        {
            let state = QueueState {
                messages,
                pending,
                unacked,
                ..QueueState::default()
            };
            assert_eq!(state.stranded(), stranded);
        }
    }
}

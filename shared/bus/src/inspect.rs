//! Owns looking at the queues: what waits, what is being worked on. Changes nothing.

use async_nats::jetstream::consumer::PullConsumer;
use contract::time::Timestamp;

use crate::connect::Bus;
use crate::error::TopologyError;
use crate::history::of_nanos;
use crate::topology::{CONSUMERS, STREAMS};

/// A stream at this moment.
#[derive(Clone, Debug)]
pub struct StreamState {
    /// Its name.
    pub name: &'static str,
    /// Messages in it.
    pub messages: u64,
    /// Their size.
    pub bytes: u64,
    /// When the oldest message in it was stored; `None` when there is none.
    pub oldest_at: Option<Timestamp>,
    /// Place of the oldest message in it.
    pub first_sequence: u64,
    /// Place of the newest message that it ever had.
    pub last_sequence: u64,
    /// Place of the oldest that is in it; one beyond the last place when there is none.
    pub first: u64,
    /// The last place that was given to a message.
    pub last: u64,
}

/// A consumer at this moment.
#[derive(Clone, Debug)]
pub struct ConsumerState {
    /// Its stream.
    pub stream: &'static str,
    /// Its name.
    pub durable: &'static str,
    /// Messages not delivered yet.
    pub waiting: u64,
    /// Messages delivered and not yet acked: worked on, or waiting for their time.
    pub unacked: u64,
    /// Of those, the ones delivered more than once.
    pub redelivered: u64,
}

impl Bus {
    /// Every stream at this moment.
    ///
    /// # Errors
    /// [`TopologyError::Server`] naming the first that could not be read.
    pub async fn stream_states(&self) -> Result<Vec<StreamState>, TopologyError> {
        let mut states = Vec::with_capacity(STREAMS.len());
        for spec in STREAMS {
            let stream = self
                .jetstream
                .get_stream(spec.name)
                .await
                .map_err(|error| {
                    let what = format!("the stream {}", spec.name);
                    TopologyError::Server {
                        what,
                        source: error.into(),
                    }
                })?;
            let state = &stream.cached_info().state;
            states.push(StreamState {
                name: spec.name,
                messages: state.messages,
                bytes: state.bytes,
                oldest_at: (state.messages > 0)
                    .then(|| of_nanos(state.first_timestamp.unix_timestamp_nanos()))
                    .flatten(),
                first_sequence: state.first_sequence,
                last_sequence: state.last_sequence,
                first: state.first_sequence,
                last: state.last_sequence,
            });
        }
        Ok(states)
    }

    /// Every consumer at this moment.
    ///
    /// # Errors
    /// [`TopologyError::Server`] naming the first that could not be read.
    pub async fn consumer_states(&self) -> Result<Vec<ConsumerState>, TopologyError> {
        let mut states = Vec::with_capacity(CONSUMERS.len());
        for spec in CONSUMERS {
            let consumer: PullConsumer = self
                .jetstream
                .get_consumer_from_stream(spec.durable, spec.stream)
                .await
                .map_err(|error| {
                    let what = format!("the consumer {} of {}", spec.durable, spec.stream);
                    TopologyError::Server {
                        what,
                        source: error.into(),
                    }
                })?;
            let info = consumer.cached_info();
            states.push(ConsumerState {
                stream: spec.stream,
                durable: spec.durable,
                waiting: info.num_pending,
                unacked: info.num_ack_pending as u64,
                redelivered: info.num_redelivered as u64,
            });
        }
        Ok(states)
    }
}

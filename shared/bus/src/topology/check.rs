//! Owns the services' side: compares what the server has with what the program was built with.

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::{ErrorCode, stream};

use super::{CONSUMERS, ConsumerSpec, STREAMS, StreamSpec};
use crate::connect::Bus;
use crate::error::TopologyError;

/// Compares one option; the first that differs is the error.
macro_rules! same {
    ($what:expr, $found:expr, $needed:expr, $($option:ident),+ $(,)?) => {
        $(
            if $found.$option != $needed.$option {
                return Err(TopologyError::Differs {
                    what: $what,
                    option: stringify!($option),
                    found: format!("{:?}", $found.$option),
                    needed: format!("{:?}", $needed.$option),
                });
            }
        )+
    };
}

impl Bus {
    /// Compares every stream and consumer with the topology.
    ///
    /// # Errors
    /// [`TopologyError::Missing`] or [`TopologyError::Differs`], naming the first that is not as
    /// it must be; [`TopologyError::Server`] if the server does not answer.
    pub async fn check_topology(&self) -> Result<(), TopologyError> {
        for spec in STREAMS {
            self.check_stream(spec).await?;
        }
        for spec in CONSUMERS {
            self.check_consumer(spec).await?;
        }
        Ok(())
    }

    pub(super) async fn check_stream(&self, spec: &StreamSpec) -> Result<(), TopologyError> {
        let what = format!("the stream {}", spec.name);
        let found = match self.jetstream.get_stream(spec.name).await {
            Ok(found) => found.cached_info().config.clone(),
            Err(error) => {
                return Err(match error.kind() {
                    GetStreamErrorKind::JetStream(refusal)
                        if refusal.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                    {
                        TopologyError::Missing { what }
                    }
                    _ => TopologyError::Server {
                        what,
                        source: error.into(),
                    },
                });
            }
        };
        // The operator chooses the replicas for the cluster at hand; everything else is ours.
        let needed: stream::Config = spec.config(found.num_replicas);
        same!(
            what,
            found,
            needed,
            subjects,
            retention,
            discard,
            max_age,
            max_bytes,
            max_messages,
            max_messages_per_subject,
            max_message_size,
            max_consumers,
            storage,
            duplicate_window,
            deny_purge,
            deny_delete,
            allow_atomic_publish,
            allow_rollup,
            allow_message_ttl,
            allow_message_schedules,
            no_ack,
            sealed,
            discard_new_per_subject,
            persist_mode,
        );
        Ok(())
    }

    pub(super) async fn check_consumer(&self, spec: &ConsumerSpec) -> Result<(), TopologyError> {
        let consumer: Result<PullConsumer, _> = self
            .jetstream
            .get_consumer_from_stream(spec.durable, spec.stream)
            .await;
        let found = match consumer {
            Ok(consumer) => consumer.cached_info().config.clone(),
            Err(error) => {
                let text = error.to_string();
                let missing = text.contains("10014") || text.contains("not found");
                let what = spec.what();
                return Err(if missing {
                    TopologyError::Missing { what }
                } else {
                    TopologyError::Server {
                        what,
                        source: error.into(),
                    }
                });
            }
        };
        let needed = spec.config();
        same!(
            spec.what(),
            found,
            needed,
            filter_subject,
            deliver_policy,
            ack_policy,
            ack_wait,
            max_deliver,
            max_ack_pending,
            max_waiting,
            headers_only,
            backoff,
        );
        Ok(())
    }
}

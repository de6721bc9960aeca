//! Owns `FACTS`: the log's leaves in their order. Each publish names the place that it goes on from,
//! so that two publishers can never mix their leaves.

use async_nats::header::NATS_EXPECTED_LAST_SEQUENCE;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use contract::fact::Fact;

use crate::connect::Bus;
use crate::error::{PublishError, TopologyError};
use crate::outgoing::Outgoing;

/// The stream.
const STREAM: &str = "FACTS";

/// Where the stream of facts ends.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FactsEnd {
    /// The place of its last message; 0 when it never had one.
    pub sequence: u64,
    /// The last fact; `None` when there is none, or none that can be read.
    pub last: Option<Fact>,
}

impl Bus {
    /// Where the stream of facts ends now.
    ///
    /// # Errors
    /// [`TopologyError::Server`] if the server does not answer.
    pub async fn facts_end(&self) -> Result<FactsEnd, TopologyError> {
        let server = |source: Box<dyn std::error::Error + Send + Sync>| TopologyError::Server {
            what: format!("the end of {STREAM}"),
            source,
        };
        let stream = self.jetstream.get_stream(STREAM).await;
        let stream = stream.map_err(|error| server(error.into()))?;
        let sequence = stream.cached_info().state.last_sequence;
        if sequence == 0 {
            return Ok(FactsEnd::default());
        }
        let last = match stream.get_raw_message(sequence).await {
            Ok(found) => serde_json::from_slice(&found.payload).ok(),
            Err(error) => match error.kind() {
                LastRawMessageErrorKind::NoMessageFound => None,
                LastRawMessageErrorKind::JetStream(refusal)
                    if refusal.error_code() == ErrorCode::NO_MESSAGE_FOUND =>
                {
                    None
                }
                _ => return Err(server(error.into())),
            },
        };
        Ok(FactsEnd { sequence, last })
    }

    /// Publishes facts after the message in place `after`, all or none; gives the place of the last
    /// one. At most [`crate::batch::BATCH_MESSAGES_MAX`].
    ///
    /// # Errors
    /// [`PublishError`]: whatever it is, [`Bus::facts_end`] says how far the stream goes now.
    pub async fn publish_facts(&self, after: u64, facts: &[Fact]) -> Result<u64, PublishError> {
        let mut messages = Vec::with_capacity(facts.len());
        for fact in facts {
            messages.push(Outgoing::of(self.service, fact)?);
        }
        if let Some(first) = messages.first_mut() {
            first
                .headers
                .insert(NATS_EXPECTED_LAST_SEQUENCE, after.to_string().as_str());
        }
        self.publish_batch(&messages).await?;
        Ok(after + facts.len() as u64)
    }
}

//! Owns `FACTS`: the log's leaves in their order, those that come together in bundles. Each publish
//! names the place that it goes on from, so that two publishers can never mix their leaves.

use async_nats::header::NATS_EXPECTED_LAST_SEQUENCE;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_nats::{HeaderMap, Subscriber};
use bytes::Bytes;
use contract::fact::Fact;
use futures::StreamExt as _;

use crate::bundle::{self, in_runs};
use crate::connect::Bus;
use crate::error::{PublishError, TopologyError};
use crate::live::ListenError;
use crate::many::is_worth_a_batch;
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
            Ok(found) => read(&found.headers, found.payload).pop(),
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

    /// Publishes facts after the message in place `after`, in as few messages as keep their order:
    /// many of them all or none, few one after the other. Gives the place of the last one.
    ///
    /// # Errors
    /// [`PublishError`]: whatever it is, [`Bus::facts_end`] says how far the stream goes now.
    pub async fn publish_facts(&self, after: u64, facts: &[Fact]) -> Result<u64, PublishError> {
        let messages = facts.iter().map(|fact| Outgoing::of(self.service, fact));
        let messages = messages.collect::<Result<Vec<_>, _>>()?;
        let bundles = in_runs(&messages).into_iter().map(|run| {
            let run: Vec<&Outgoing> = messages[run].iter().collect();
            Outgoing::bundle(self.service, &run)
        });
        let mut bundles = bundles.collect::<Result<Vec<_>, _>>()?;
        let go_on_from = |place: u64, bundle: &mut Outgoing| {
            let place = place.to_string();
            bundle
                .headers
                .insert(NATS_EXPECTED_LAST_SEQUENCE, place.as_str());
        };
        if is_worth_a_batch(bundles.len()) {
            go_on_from(after, &mut bundles[0]);
            return self.publish_batch(&bundles).await;
        }
        let mut place = after;
        for mut bundle in bundles {
            go_on_from(place, &mut bundle);
            let stored = self.publish_raw(bundle).await?;
            if stored.duplicate {
                // The stream remembers its id, and may have lost it since: nothing was stored now.
                return Err(PublishError::BatchHasDuplicate);
            }
            place = stored.sequence;
        }
        Ok(place)
    }

    /// Listens to the facts that are told from now on, as [`Bus::listen`] does.
    ///
    /// # Errors
    /// [`ListenError`].
    pub async fn listen_to_facts(&self) -> Result<FactEar, ListenError> {
        let ear = self.listen("assay.fact.*".to_owned()).await?;
        Ok(FactEar(ear.into_inner()))
    }
}

/// Hears facts as they are told.
#[derive(Debug)]
pub struct FactEar(Subscriber);

impl FactEar {
    /// The facts that are told next, in their order; none where what was told cannot be read.
    /// `None` when the connection has ended for good.
    pub async fn next(&mut self) -> Option<Vec<Fact>> {
        let message = self.0.next().await?;
        let headers = message.headers.unwrap_or_default();
        Some(read(&headers, message.payload))
    }
}

/// The facts of one message of the stream, in their order; without those that cannot be read.
pub fn read(headers: &HeaderMap, payload: Bytes) -> Vec<Fact> {
    if !bundle::is_bundle(headers) {
        return serde_json::from_slice(&payload).into_iter().collect();
    }
    let parts = bundle::open(payload).unwrap_or_default();
    let facts = parts
        .iter()
        .map(|part| serde_json::from_slice(&part.payload));
    facts.filter_map(Result::ok).collect()
}

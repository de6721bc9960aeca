//! Owns the operator's side: makes the streams and consumers, or brings them up to date.

use async_nats::jetstream::context::GetStreamErrorKind;

use super::{CONSUMERS, STREAMS};
use crate::connect::Bus;
use crate::error::TopologyError;

/// Copies of each stream in a cluster: the fewest of which one may be lost.
const COPIES_IN_CLUSTER: usize = 3;

/// What applying the topology changed.
#[derive(Debug, Default)]
pub struct Applied {
    /// What was made, by name.
    pub created: Vec<String>,
    /// What was brought up to date, by name.
    pub updated: Vec<String>,
}

impl Bus {
    /// Makes every stream and consumer that is missing and brings the others up to date, with so
    /// many copies of each stream. Where nothing is said a stream keeps the copies that it has, and
    /// a new one has three in a cluster and one elsewhere. Deletes and purges nothing.
    ///
    /// # Errors
    /// [`TopologyError::Server`], where the server refuses a change.
    pub async fn apply_topology(
        &self,
        copies: impl Into<Option<usize>>,
    ) -> Result<Applied, TopologyError> {
        let copies = copies.into();
        let mut applied = Applied::default();
        for spec in STREAMS {
            let what = format!("the stream {}", spec.name);
            let server = |source: Box<dyn std::error::Error + Send + Sync>| TopologyError::Server {
                what: what.clone(),
                source,
            };
            match self.jetstream.get_stream(spec.name).await {
                Ok(found) => {
                    let has = found.cached_info().config.num_replicas;
                    let wanted = copies.unwrap_or(has);
                    if has == wanted && self.check_stream(spec).await.is_ok() {
                        continue;
                    }
                    let config = spec.config(wanted);
                    let updated = self.jetstream.update_stream(&config).await;
                    updated.map_err(|error| server(error.into()))?;
                    applied.updated.push(spec.name.to_owned());
                }
                Err(error) if is_missing(error.kind()) => {
                    let config = spec.config(copies.unwrap_or_else(|| self.copies_of_new()));
                    let created = self.jetstream.create_stream(config).await;
                    created.map_err(|error| server(error.into()))?;
                    applied.created.push(spec.name.to_owned());
                }
                Err(error) => return Err(server(error.into())),
            }
        }
        for spec in CONSUMERS {
            match self.check_consumer(spec).await {
                Ok(()) => continue,
                Err(TopologyError::Missing { .. }) => applied.created.push(spec.what()),
                Err(TopologyError::Differs { .. }) => applied.updated.push(spec.what()),
                Err(error) => return Err(error),
            }
            // Creates, or changes what is there.
            let stream = self.jetstream.get_stream_no_info(spec.stream).await;
            let server = |source: Box<dyn std::error::Error + Send + Sync>| TopologyError::Server {
                what: spec.what(),
                source,
            };
            let stream = stream.map_err(|error| server(error.into()))?;
            stream
                .create_consumer(spec.config())
                .await
                .map_err(|error| server(error.into()))?;
        }
        Ok(applied)
    }

    /// How many copies a stream is made with where nobody says.
    fn copies_of_new(&self) -> usize {
        match self.client.server_info().cluster {
            Some(_) => COPIES_IN_CLUSTER,
            None => 1,
        }
    }
}

fn is_missing(kind: GetStreamErrorKind) -> bool {
    matches!(kind, GetStreamErrorKind::JetStream(error)
        if error.error_code() == async_nats::jetstream::ErrorCode::STREAM_NOT_FOUND)
}

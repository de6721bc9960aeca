//! Owns the operator's side: makes the streams and consumers, or brings them up to date.

use async_nats::jetstream::context::GetStreamErrorKind;

use super::{CONSUMERS, STREAMS};
use crate::connect::Bus;
use crate::error::TopologyError;

/// What applying the topology changed.
#[derive(Debug, Default)]
pub struct Applied {
    /// What was made, by name.
    pub created: Vec<String>,
    /// What was brought up to date, by name.
    pub updated: Vec<String>,
}

impl Bus {
    /// Makes every stream and consumer that is missing and brings the others up to date, with
    /// `replicas` copies of each stream. Deletes and purges nothing.
    ///
    /// # Errors
    /// [`TopologyError::Server`], where the server refuses a change.
    pub async fn apply_topology(&self, replicas: usize) -> Result<Applied, TopologyError> {
        let mut applied = Applied::default();
        for spec in STREAMS {
            let what = format!("the stream {}", spec.name);
            let server = |source: Box<dyn std::error::Error + Send + Sync>| TopologyError::Server {
                what: what.clone(),
                source,
            };
            let config = spec.config(replicas);
            match self.jetstream.get_stream(spec.name).await {
                Ok(_) if self.check_stream(spec).await.is_ok() => {}
                Ok(_) => {
                    let updated = self.jetstream.update_stream(&config).await;
                    updated.map_err(|error| server(error.into()))?;
                    applied.updated.push(spec.name.to_owned());
                }
                Err(error) if is_missing(error.kind()) => {
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
}

fn is_missing(kind: GetStreamErrorKind) -> bool {
    matches!(kind, GetStreamErrorKind::JetStream(error)
        if error.error_code() == async_nats::jetstream::ErrorCode::STREAM_NOT_FOUND)
}

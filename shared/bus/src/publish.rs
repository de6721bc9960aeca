//! Owns publishing: returning means stored. A message always has an id, so that publishing it
//! again is harmless.

use std::time::Duration;

use async_nats::jetstream::context::{PublishError as NatsPublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use contract::message::Message;

use crate::connect::{ACK_SECS_MAX, Bus};
use crate::error::PublishError;
use crate::outgoing::Outgoing;

/// What the server says of a message that is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stored {
    /// Its place in the stream. Not an identity: a broker that lost data hands it out again.
    pub sequence: u64,
    /// Whether a message with this id was stored before, within the stream's window.
    pub duplicate: bool,
}

impl Bus {
    /// Publishes a message of ours and awaits its ack.
    ///
    /// # Errors
    /// [`PublishError`]; after [`PublishError::NoAnswer`] the message may be stored all the same.
    pub async fn publish<M: Message>(&self, message: &M) -> Result<Stored, PublishError> {
        self.publish_raw(Outgoing::of(self.service, message)?).await
    }

    /// Publishes a prepared message and awaits its ack.
    ///
    /// # Errors
    /// As [`Bus::publish`].
    pub async fn publish_raw(&self, outgoing: Outgoing) -> Result<Stored, PublishError> {
        in_time(self.send(outgoing)).await
    }

    async fn send(&self, outgoing: Outgoing) -> Result<Stored, PublishError> {
        let Outgoing {
            subject,
            headers,
            payload,
        } = outgoing;
        let message = PublishMessage::build().headers(headers).payload(payload);
        let refused = |error| PublishError::from_nats(&subject, error);
        let ack = self
            .jetstream
            .send_publish(subject.clone(), message)
            .await
            .map_err(refused)?
            .await
            .map_err(refused)?;
        Ok(Stored {
            sequence: ack.sequence,
            duplicate: ack.duplicate,
        })
    }

    /// The service's name, as the messages it publishes bear it.
    pub fn service(&self) -> &'static str {
        self.service
    }
}

/// Holds the wait for the ack's limit over the whole of a publish: the client library's own does
/// not count the wait for room in its buffers, which has no end while the server is away.
pub(crate) async fn in_time<T>(
    publishing: impl Future<Output = Result<T, PublishError>>,
) -> Result<T, PublishError> {
    tokio::time::timeout(Duration::from_secs(ACK_SECS_MAX), publishing)
        .await
        .unwrap_or_else(|_| {
            let late = NatsPublishError::new(PublishErrorKind::TimedOut);
            Err(PublishError::NoAnswer(late))
        })
}

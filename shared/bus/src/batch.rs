//! Owns the atomic batch (ADR-50): many messages, stored all or none, with one sync. The client
//! library has the headers but no method for it.

use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE,
};
use async_nats::jetstream::context::{PublishError as NatsPublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use uuid::Uuid;

use crate::connect::Bus;
use crate::error::PublishError;
use crate::outgoing::Outgoing;
use crate::publish::in_time;

/// Most messages that the server takes in one atomic batch.
pub const BATCH_MESSAGES_MAX: usize = 1_000;
/// What a batch adds to each message's headers, in bytes, at most.
const BATCH_HEADERS: usize = 128;

impl Bus {
    /// Publishes the messages to one stream as one atomic batch and awaits its ack: then all are
    /// stored, one after the other, and the place of the last is given. At most
    /// [`BATCH_MESSAGES_MAX`]; none is nothing to do.
    ///
    /// # Errors
    /// [`PublishError::BatchHasDuplicate`] if one id was stored before: then none is stored now,
    /// and each must be published alone. [`PublishError::NoAnswer`]: all may be stored, or none;
    /// publishing each alone under its id finds out. [`PublishError::Full`] and
    /// [`PublishError::TooLarge`]: none is stored.
    pub async fn publish_batch(&self, messages: &[Outgoing]) -> Result<u64, PublishError> {
        let Some((last, before)) = messages.split_last() else {
            return Ok(0);
        };
        // Looked at before anything is sent: a batch without an end holds room on the server.
        let bytes_max = self.client.server_info().max_payload;
        if let Some(large) = messages
            .iter()
            .find(|m| m.size() + BATCH_HEADERS > bytes_max)
        {
            return Err(PublishError::TooLarge {
                subject: large.subject.clone(),
            });
        }
        in_time(self.send_batch(last, before)).await
    }

    async fn send_batch(&self, last: &Outgoing, before: &[Outgoing]) -> Result<u64, PublishError> {
        let id = Uuid::now_v7().simple().to_string();
        for (place, message) in before.iter().enumerate() {
            let headers = batch_headers(message, &id, place + 1);
            self.client
                .publish_with_headers(message.subject.clone(), headers, message.payload.clone())
                .await
                .map_err(|error| {
                    let error = NatsPublishError::with_source(PublishErrorKind::BrokenPipe, error);
                    PublishError::NoAnswer(error)
                })?;
        }
        let mut headers = batch_headers(last, &id, before.len() + 1);
        headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
        let commit = PublishMessage::build()
            .headers(headers)
            .payload(last.payload.clone());
        let refused = |error| PublishError::from_nats(&last.subject, error);
        let ack = self
            .jetstream
            .send_publish(last.subject.clone(), commit)
            .await
            .map_err(refused)?
            .await
            .map_err(refused)?;
        if ack.batch_size == Some(before.len() as u64 + 1) || before.is_empty() {
            return Ok(ack.sequence);
        }
        // The server acked something, but not this batch.
        Err(PublishError::NoAnswer(NatsPublishError::new(
            PublishErrorKind::Other,
        )))
    }
}

fn batch_headers(message: &Outgoing, id: &str, place: usize) -> async_nats::HeaderMap {
    let mut headers = message.headers.clone();
    headers.insert(NATS_BATCH_ID, id);
    headers.insert(NATS_BATCH_SEQUENCE, place.to_string().as_str());
    headers
}

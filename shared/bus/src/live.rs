//! Owns what is told beside the streams: said once to whoever listens at that moment, kept by
//! nobody, and never waited for. For what may be lost, such as the log of a run while it runs.

use std::time::Duration;

use async_nats::Subscriber;
use bytes::Bytes;
use futures::StreamExt as _;
use thiserror::Error;

use crate::connect::Bus;

/// Longest wait for room in the client's buffer, in milliseconds. What finds none is lost.
const ROOM_MS_MAX: u64 = 50;

/// Listening failed.
#[derive(Debug, Error)]
#[error("listen to {subject}")]
pub struct ListenError {
    subject: String,
    source: async_nats::SubscribeError,
}

/// Hears what is told on one subject.
#[derive(Debug)]
pub struct Ear(Subscriber);

impl Bus {
    /// Tells whoever listens to the subject. `false` when it was certainly lost.
    pub async fn tell(&self, subject: String, payload: Vec<u8>) -> bool {
        // Without a connection it would be kept, and be old news when it arrived.
        if !self.is_connected() {
            return false;
        }
        let telling = self.client.publish(subject, payload.into());
        let told = tokio::time::timeout(Duration::from_millis(ROOM_MS_MAX), telling).await;
        matches!(told, Ok(Ok(())))
    }

    /// Listens to a subject. What is told to the same server after this returned is heard, while
    /// there is a connection; the other servers of a cluster learn of it a moment later.
    ///
    /// # Errors
    /// [`ListenError`].
    pub async fn listen(&self, subject: String) -> Result<Ear, ListenError> {
        let listening = self.client.subscribe(subject.clone()).await;
        let ear = listening.map_err(|source| ListenError { subject, source })?;
        // The server takes what a connection says in its order: once it answers, it has heard this.
        // To have sent it is not enough. Without an answer what is told may be lost, as ever.
        if let Err(error) = self.ping().await {
            tracing::debug!(error, "nobody knows yet whether what is told is heard");
        }
        Ok(Ear(ear))
    }
}

impl Ear {
    /// What hears, for who must know more than what is told.
    pub(crate) fn into_inner(self) -> Subscriber {
        self.0
    }

    /// What is heard next; `None` when the connection has ended for good.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.0.next().await.map(|message| message.payload)
    }
}

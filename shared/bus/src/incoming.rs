//! Owns a message that arrived, as its handler sees it.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream;
use bytes::Bytes;
use contract::message::Message;
use tracing::{Span, info_span};

use crate::error::PublishError;
use crate::history::{
    self, DELIVERIES_BEFORE_HEADER, FIRST_AT_HEADER, FIRST_ID_HEADER, History, RENEWALS_HEADER,
};
use crate::outgoing::Outgoing;
use crate::trace;

/// A message that arrived. What becomes of it is the handler's [`crate::consume::Outcome`]; it
/// has no way to acknowledge by itself.
#[derive(Debug)]
pub struct Incoming {
    /// The subject it was published under.
    pub subject: String,
    /// How often it has been delivered, this time included.
    pub deliveries: u64,
    /// Its place in its stream: where to find it there, never an identity.
    pub sequence: u64,
    /// The body.
    pub payload: Bytes,
    pub(crate) headers: HeaderMap,
    failure: Mutex<Option<String>>,
    lease: Lease,
    span: Span,
}

/// Whether this process may still work on a message. It is extended every third of the ack wait;
/// a gap longer than the ack wait means that the server has given the message to somebody else.
#[derive(Clone, Debug, Default)]
pub struct Lease {
    lost: Arc<AtomicBool>,
}

impl Lease {
    /// Whether the lease was lost: the result belongs to whoever has the message now.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    pub(crate) fn lose(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }
}

impl Incoming {
    pub(crate) fn new(consumer: &'static str, message: &jetstream::Message) -> Self {
        let headers = message.headers.clone().unwrap_or_default();
        Self::part(consumer, message, headers, message.payload.clone())
    }

    /// A message that another one brought.
    pub(crate) fn part(
        consumer: &'static str,
        message: &jetstream::Message,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Self {
        let deliveries = history::deliveries(message);
        let kind = header(&headers, "ce-type").unwrap_or("unknown");
        let span = info_span!(
            parent: None,
            "process",
            otel.kind = "consumer",
            messaging.system = "nats",
            messaging.destination.name = %message.subject,
            messaging.consumer.name = consumer,
            messaging.message.kind = kind,
            messaging.delivery.count = deliveries,
            otel.name = format!("{consumer} {kind}"),
        );
        trace::set_parent(&span, &headers);
        if header(&headers, trace::TRACEPARENT).is_none() {
            metrics::counter!("assay_messages_untraced_total", "consumer" => consumer).increment(1);
        }
        Self {
            subject: message.subject.to_string(),
            deliveries,
            sequence: history::sequence(message),
            payload,
            headers,
            failure: Mutex::default(),
            lease: Lease::default(),
            span,
        }
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The message's span: a child of the sender's. A handler of single messages already runs in
    /// it; a batch enters each in turn.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// The same message, to be published alone, with the past of the bundle that brought it but for
    /// the id. By the bundle's place, published twice it is stored once, and whatever else had its
    /// id is another.
    ///
    /// # Errors
    /// [`PublishError::BadHeader`].
    pub(crate) fn alone(&self, bundle: &History) -> Result<Outgoing, PublishError> {
        let id = self.header(NATS_MESSAGE_ID.as_ref()).unwrap_or_default();
        let first = self.header(FIRST_ID_HEADER).unwrap_or(id);
        let id = format!("unpacked:{}:{id}", bundle.sequence);
        let (subject, payload) = (self.subject.clone(), self.payload.clone());
        let mut alone = Outgoing::again(subject, &id, &self.headers, payload)?;
        alone.set(FIRST_ID_HEADER, first)?;
        alone.set(FIRST_AT_HEADER, &bundle.first_at_text())?;
        alone.set(DELIVERIES_BEFORE_HEADER, &bundle.deliveries.to_string())?;
        alone.set(RENEWALS_HEADER, &bundle.renewals.to_string())?;
        Ok(alone)
    }

    /// Whether this process may still work on the message.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Notes why it could not be handled this time: kept for its dead letter, should there be one.
    /// Free of secrets and of personal data.
    pub fn note(&self, failure: impl Display) {
        let mut noted = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        *noted = Some(failure.to_string());
    }

    /// What was noted, once.
    pub(crate) fn failure(&self) -> Option<String> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Reads a message of ours.
    ///
    /// # Errors
    /// A reason for the dead letter, if the payload is not this kind of message.
    pub fn decode<M: Message>(&self) -> Result<M, String> {
        let kind = self.header("ce-type").unwrap_or_default();
        if kind != M::KIND {
            return Err(format!(
                "the message is of kind {kind:?}, not {:?}",
                M::KIND
            ));
        }
        serde_json::from_slice(&self.payload)
            .map_err(|error| format!("decode {}: {error}", M::KIND))
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.as_str())
}

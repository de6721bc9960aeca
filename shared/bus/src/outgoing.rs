//! Owns a message on its way out: subject, id, CloudEvents headers, payload.

use std::str::FromStr;

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, HeaderValue, NATS_MESSAGE_ID};
use bytes::Bytes;
use contract::message::Message;
use contract::time;

use crate::error::PublishError;
use crate::trace;

/// A message ready to be published.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

impl Outgoing {
    /// A message of ours: JSON, with its own subject and id, and the current span's trace.
    ///
    /// # Errors
    /// [`PublishError::Encode`] or [`PublishError::BadHeader`].
    pub fn of<M: Message>(service: &str, message: &M) -> Result<Self, PublishError> {
        let payload = serde_json::to_vec(message).map_err(PublishError::Encode)?;
        Self::raw(
            service,
            M::KIND,
            message.subject(),
            &message.message_id(),
            payload.into(),
        )
    }

    /// A message whose payload is not ours to write.
    ///
    /// # Errors
    /// [`PublishError::BadHeader`] if the id holds what a header cannot carry.
    pub fn raw(
        service: &str,
        kind: &str,
        subject: String,
        message_id: &str,
        payload: Bytes,
    ) -> Result<Self, PublishError> {
        let mut outgoing = Self {
            subject,
            headers: HeaderMap::new(),
            payload,
        };
        outgoing.set(NATS_MESSAGE_ID.as_ref(), message_id)?;
        outgoing.set("ce-specversion", "1.0")?;
        outgoing.set("ce-id", message_id)?;
        outgoing.set("ce-source", &format!("/assay/{service}"))?;
        outgoing.set("ce-type", kind)?;
        outgoing.set("ce-time", &time::to_text(time::now()))?;
        trace::inject_current(&mut outgoing.headers);
        Ok(outgoing)
    }

    /// Sets a header of ours. Never panics: what a header cannot carry is an error.
    ///
    /// # Errors
    /// [`PublishError::BadHeader`].
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), PublishError> {
        let refused = || PublishError::BadHeader {
            what: name.to_owned(),
        };
        // The library refuses CR and LF only; nothing below space belongs into a header.
        if value.bytes().any(|byte| byte < b' ') {
            return Err(refused());
        }
        let header = HeaderName::from_str(name).map_err(|_| refused())?;
        let value = HeaderValue::from_str(value).map_err(|_| refused())?;
        self.headers.insert(header, value);
        Ok(())
    }

    /// Carries another span's trace than the current one's.
    pub fn set_traceparent(&mut self, traceparent: &str) {
        // A traceparent that is none is dropped: the receiver then begins a trace of its own.
        let _ = self.set("traceparent", traceparent);
    }

    /// The payload's and the headers' size in bytes, as the server counts them.
    pub fn size(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| (name, value)))
            .map(|(name, value)| AsRef::<str>::as_ref(name).len() + value.as_str().len() + 4)
            .sum();
        self.subject.len() + headers + self.payload.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_that_would_break_the_headers_is_an_error_not_a_panic() {
        for bad in ["a\r\nNats-Expected-Stream: x", "a\nb", "a\0b"] {
            let made = Outgoing::raw("test", "kind", "s".into(), bad, Bytes::new());
            assert!(
                matches!(made, Err(PublishError::BadHeader { .. })),
                "{bad:?}"
            );
        }
    }
}

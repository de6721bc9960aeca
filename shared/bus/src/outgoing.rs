//! Owns a message on its way out: subject, id, CloudEvents headers, payload.

use std::str::FromStr;

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, HeaderValue, NATS_MESSAGE_ID};
use bytes::Bytes;
use contract::message::Message;
use contract::time;

use crate::error::PublishError;
use crate::trace;

/// How the names of headers begin that the server acts on.
const RESERVED: &str = "Nats-";

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

    /// A message that was stored before, once more under a new id: with its headers, but for the
    /// reserved ones, which would act again.
    ///
    /// # Errors
    /// [`PublishError::BadHeader`].
    pub(crate) fn again(
        subject: String,
        message_id: &str,
        headers: &HeaderMap,
        payload: Bytes,
    ) -> Result<Self, PublishError> {
        let mut again = Self {
            subject,
            headers: HeaderMap::new(),
            payload,
        };
        for (name, values) in headers.iter() {
            if is_reserved(name.as_ref()) {
                continue;
            }
            for value in values {
                again.headers.append(name.clone(), value.clone());
            }
        }
        again.set(NATS_MESSAGE_ID.as_ref(), message_id)?;
        Ok(again)
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

    /// Makes a message again of what [`Outgoing::subject`], [`Outgoing::headers`] and
    /// [`Outgoing::payload`] gave. Never panics, whatever the parts are.
    ///
    /// # Errors
    /// [`PublishError::BadHeader`] for a part that a message cannot have, or without an id.
    pub fn from_parts<'a>(
        subject: String,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
        payload: Bytes,
    ) -> Result<Self, PublishError> {
        let mut outgoing = Self {
            subject,
            headers: HeaderMap::new(),
            payload,
        };
        for (name, value) in headers {
            outgoing.set(name, value)?;
        }
        if outgoing.message_id().is_empty() {
            let what = NATS_MESSAGE_ID.to_string();
            return Err(PublishError::BadHeader { what });
        }
        Ok(outgoing)
    }

    /// Where it goes.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Its headers, each with its value, in no order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().flat_map(|(name, values)| {
            let name = AsRef::<str>::as_ref(name);
            values.iter().map(move |value| (name, value.as_str()))
        })
    }

    /// What it carries.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Its id, by which the stream knows it again.
    pub fn message_id(&self) -> &str {
        self.headers
            .get(NATS_MESSAGE_ID)
            .map_or("", HeaderValue::as_str)
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

/// Whether the server acts on a header of this name.
fn is_reserved(name: &str) -> bool {
    name.get(..RESERVED.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(RESERVED))
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

    #[test]
    fn a_message_that_is_sent_again_has_its_headers_but_for_the_reserved_ones() {
        let mut first = Outgoing::raw("test", "kind", "s".into(), "id", Bytes::new()).unwrap();
        first.set("Assay-Test", "ü").unwrap();
        first.headers.insert("Nats-Batch-Id", "b");
        first.headers.insert("nats-expected-stream", "S");
        let again = Outgoing::again("s".into(), "new", &first.headers, Bytes::new()).unwrap();
        let header = |name: &str| again.headers.get(name).map(|value| value.as_str());
        assert_eq!(header("Assay-Test"), Some("ü"));
        assert_eq!(header("ce-id"), Some("id"));
        assert_eq!(header("Nats-Msg-Id"), Some("new"));
        assert_eq!(header("Nats-Batch-Id"), None);
        assert_eq!(header("nats-expected-stream"), None);
    }
}

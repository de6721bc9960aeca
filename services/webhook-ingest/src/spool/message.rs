//! Owns a message's form in the spool: exactly what would be published, with its id and headers.
//!
//! ```text
//! subject length u16 | subject | headers u16 | (name length u16 | name | value length u32 | value)*
//! | payload
//! ```

use bus::error::PublishError;
use bus::outgoing::Outgoing;
use bytes::{Buf as _, BufMut as _, Bytes};
use thiserror::Error;

/// The bytes are no message.
#[derive(Debug, Error)]
pub enum NoMessage {
    /// They end too early.
    #[error("the message is cut off")]
    Cut,
    /// Its subject or a header is no text.
    #[error("a subject or a header is no text")]
    NoText,
    /// A message cannot have such parts.
    #[error("the parts make no message")]
    Parts(#[source] PublishError),
}

/// Appends a message's bytes to `into`.
pub fn encode(message: &Outgoing, into: &mut Vec<u8>) {
    let short = |length: usize| u16::try_from(length).expect("ours, and far shorter than 64 KiB");
    let subject = message.subject();
    into.put_u16(short(subject.len()));
    into.put_slice(subject.as_bytes());
    into.put_u16(short(message.headers().count()));
    for (name, value) in message.headers() {
        into.put_u16(short(name.len()));
        into.put_slice(name.as_bytes());
        into.put_u32(u32::try_from(value.len()).expect("a header is far shorter than 4 GiB"));
        into.put_slice(value.as_bytes());
    }
    into.put_slice(message.payload());
}

/// Reads a message. Never panics, whatever the bytes are.
///
/// # Errors
/// [`NoMessage`].
pub fn decode(mut bytes: Bytes) -> Result<Outgoing, NoMessage> {
    let length = short(&mut bytes)?;
    let subject = text(&mut bytes, length)?;
    let count = short(&mut bytes)?;
    let mut headers = Vec::new();
    for _ in 0..count {
        let length = short(&mut bytes)?;
        let name = text(&mut bytes, length)?;
        let length = bytes.try_get_u32().map_err(|_| NoMessage::Cut)?;
        let value = text(&mut bytes, length as usize)?;
        headers.push((name, value));
    }
    let headers = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    Outgoing::from_parts(subject, headers, bytes).map_err(NoMessage::Parts)
}

fn short(bytes: &mut Bytes) -> Result<usize, NoMessage> {
    bytes
        .try_get_u16()
        .map(usize::from)
        .map_err(|_| NoMessage::Cut)
}

fn text(bytes: &mut Bytes, length: usize) -> Result<String, NoMessage> {
    if bytes.len() < length {
        return Err(NoMessage::Cut);
    }
    let text = bytes.split_to(length);
    let text = std::str::from_utf8(&text).map_err(|_| NoMessage::NoText)?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn parts(message: &Outgoing) -> (String, BTreeMap<String, String>, Bytes) {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let headers = message.headers().map(owned).collect();
        (
            message.subject().to_owned(),
            headers,
            message.payload().clone(),
        )
    }

    fn message() -> Outgoing {
        let payload = Bytes::from_static(b"\0\xffbody");
        let mut message = Outgoing::raw("test", "kind", "a.b".into(), "id", payload).unwrap();
        message.set("Assay-Delivery", "{\"a\":\"\u{e9}\"}").unwrap();
        message.set_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        message
    }

    #[test]
    fn a_message_comes_back_as_it_was() {
        let message = message();
        let mut bytes = Vec::new();
        encode(&message, &mut bytes);
        let read = decode(bytes.into()).unwrap();
        assert_eq!(parts(&read), parts(&message));
        assert_eq!(read.message_id(), "id");
    }

    #[test]
    fn cut_anywhere_before_its_payload_it_is_none() {
        let message = message();
        let mut bytes = Vec::new();
        encode(&message, &mut bytes);
        for cut in 0..bytes.len() - message.payload().len() {
            let cut = Bytes::copy_from_slice(&bytes[..cut]);
            assert!(decode(cut.clone()).is_err(), "{cut:?}");
        }
    }

    #[test]
    fn a_flipped_byte_never_panics() {
        let mut bytes = Vec::new();
        encode(&message(), &mut bytes);
        for place in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[place] ^= 0xff;
            let _ = decode(bytes.into());
        }
    }
}

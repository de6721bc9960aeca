//! Owns the bundle: several messages of one subject that are stored as one, so that the server
//! syncs once for all of them, and once more for their ack. Only the bus knows of it: who publishes
//! gives messages, and a handler of batches is given messages. One that is not done with the others
//! of its bundle is put into the queue alone.

use std::ops::Range;

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use bytes::{Buf, Bytes};
use contract::digest::Digest;
use futures::future::try_join_all;

use crate::connect::Bus;
use crate::error::PublishError;
use crate::outgoing::Outgoing;

/// The `ce-type` of a bundle.
pub(crate) const KIND: &str = "dev.assay.bundle.v1";
/// Most messages in a bundle: a process that dies burns a delivery of all of them.
pub const BUNDLE_MESSAGES_MAX: usize = 64;
/// Largest bundle, in bytes, with the headers of all that is in it.
pub const BUNDLE_BYTES_MAX: usize = 128 * 1024;

/// One message of a bundle.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

/// Parts messages into those that are published together: of one subject each, in their order, and
/// no larger than a bundle may be. Each is given by its place.
pub fn together(messages: &[Outgoing]) -> Vec<Vec<usize>> {
    struct Open {
        places: Vec<usize>,
        bytes: usize,
    }
    let mut groups: Vec<Open> = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        let bytes = message.size();
        let is_of_its_subject =
            |group: &&mut Open| messages[group.places[0]].subject == message.subject;
        let fits = |group: &&mut Open| {
            group.places.len() < BUNDLE_MESSAGES_MAX && group.bytes + bytes <= BUNDLE_BYTES_MAX
        };
        // Only the newest group of a subject is open: what went into an older one would come before
        // its elders.
        let newest = groups.iter_mut().rev().find(is_of_its_subject);
        match newest.filter(fits) {
            Some(group) => {
                group.places.push(place);
                group.bytes += bytes;
            }
            None => groups.push(Open {
                places: vec![place],
                bytes,
            }),
        }
    }
    groups.into_iter().map(|group| group.places).collect()
}

/// Parts messages into runs of one subject, none larger than a bundle may be, so that bundles of
/// them keep the order of all.
pub(crate) fn in_runs(messages: &[Outgoing]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    let mut bytes = 0;
    for (place, message) in messages.iter().enumerate() {
        let size = message.size();
        let goes_on = |run: &&mut Range<usize>| {
            messages[run.start].subject == message.subject
                && run.len() < BUNDLE_MESSAGES_MAX
                && bytes + size <= BUNDLE_BYTES_MAX
        };
        match runs.last_mut().filter(goes_on) {
            Some(run) => {
                run.end = place + 1;
                bytes += size;
            }
            None => {
                runs.push(place..place + 1);
                bytes = size;
            }
        }
    }
    runs
}

impl Outgoing {
    /// One message for several of one subject; the message itself where there is one. Its id is
    /// computed of theirs, so that the same messages are the same bundle.
    ///
    /// # Errors
    /// [`PublishError::BadHeader`].
    pub fn bundle(service: &str, messages: &[&Outgoing]) -> Result<Outgoing, PublishError> {
        let [first, _, ..] = messages else {
            return messages
                .first()
                .map(|&one| one.clone())
                .ok_or(PublishError::BadHeader {
                    what: "an empty bundle".to_owned(),
                });
        };
        let mut payload = Vec::new();
        let mut ids = String::new();
        for message in messages {
            write(&mut payload, message);
            ids.push_str(message.message_id());
            ids.push('\n');
        }
        let id = format!("bundle:{}", Digest::of(ids.as_bytes()));
        Self::raw(service, KIND, first.subject.clone(), &id, payload.into())
    }
}

/// Appends a message: how many bytes its headers have, the headers, how many bytes its payload has,
/// the payload. A header is a line, as in NATS: no value of ours has one.
fn write(into: &mut Vec<u8>, message: &Outgoing) {
    let mut headers = String::new();
    for (name, value) in message.headers() {
        headers.push_str(name);
        headers.push(':');
        headers.push_str(value);
        headers.push('\n');
    }
    for bytes in [headers.as_bytes(), &message.payload] {
        // Both are far smaller than the largest message of any server.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        into.extend(length.to_be_bytes());
        into.extend(bytes);
    }
}

/// Whether a message with these headers is a bundle.
pub(crate) fn is_bundle(headers: &HeaderMap) -> bool {
    headers
        .get("ce-type")
        .is_some_and(|kind| kind.as_str() == KIND)
}

/// The messages of a bundle.
///
/// # Errors
/// A reason for the dead letter, if it is none.
pub(crate) fn open(mut payload: Bytes) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    while payload.has_remaining() {
        let headers = take(&mut payload)?;
        let headers = std::str::from_utf8(&headers)
            .map_err(|error| format!("headers in a bundle: {error}"))?;
        let headers = read_headers(headers)?;
        let payload = take(&mut payload)?;
        parts.push(Part { headers, payload });
    }
    if parts.is_empty() {
        return Err("the bundle is empty".to_owned());
    }
    Ok(parts)
}

fn take(payload: &mut Bytes) -> Result<Bytes, String> {
    let short = "the bundle ends within a message";
    let length = payload.try_get_u32().map_err(|_| short.to_owned())?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > payload.remaining() {
        return Err(short.to_owned());
    }
    Ok(payload.split_to(length))
}

fn read_headers(text: &str) -> Result<HeaderMap, String> {
    let mut message = Outgoing {
        subject: String::new(),
        headers: HeaderMap::new(),
        payload: Bytes::new(),
    };
    for line in text.lines() {
        let (name, value) = line
            .split_once(':')
            .ok_or("a line of headers in a bundle has no colon")?;
        message
            .set(name, value)
            .map_err(|error| error.to_string())?;
    }
    if message.message_id().is_empty() {
        return Err(format!("a message in a bundle has no {NATS_MESSAGE_ID}"));
    }
    Ok(message.headers)
}

impl Bus {
    /// Publishes messages in as few bundles as can be, for consumers that take them in batches, and
    /// awaits that all are stored. Each must be one that may be stored again without harm: the
    /// stream knows the ids of bundles, and not of what is in them.
    ///
    /// # Errors
    /// [`PublishError`] of the first that is not stored; others may be.
    pub async fn publish_bundled(&self, messages: &[Outgoing]) -> Result<(), PublishError> {
        let bundles = together(messages).into_iter().map(|places| {
            let all: Vec<&Outgoing> = places.iter().map(|&place| &messages[place]).collect();
            Outgoing::bundle(self.service(), &all)
        });
        let bundles = bundles.collect::<Result<Vec<_>, _>>()?;
        try_join_all(bundles.into_iter().map(|bundle| self.publish_raw(bundle))).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(subject: &str, id: &str, payload: &'static [u8]) -> Outgoing {
        let payload = Bytes::from_static(payload);
        let mut made = Outgoing::raw("test", "kind", subject.into(), id, payload).unwrap();
        made.set("Assay-Test", "ü: a b").unwrap();
        made
    }

    #[test]
    fn what_is_in_a_bundle_comes_out_as_it_was() {
        let messages = [
            message("s", "a", b"one"),
            message("s", "b", b""),
            message("s", "c", &[0, 255, 10, 13]),
        ];
        let all: Vec<&Outgoing> = messages.iter().collect();
        let bundle = Outgoing::bundle("test", &all).unwrap();
        assert!(is_bundle(&bundle.headers) && !is_bundle(&messages[0].headers));
        let parts = open(bundle.payload.clone()).unwrap();
        assert_eq!(parts.len(), 3);
        for (part, message) in parts.iter().zip(&messages) {
            assert_eq!(part.headers, message.headers);
            assert_eq!(part.payload, message.payload);
        }
        let same = Outgoing::bundle("other", &all).unwrap();
        assert_eq!(same.message_id(), bundle.message_id());
        let fewer = Outgoing::bundle("test", &all[..2]).unwrap();
        assert_ne!(fewer.message_id(), bundle.message_id());
        let alone = Outgoing::bundle("test", &all[..1]).unwrap();
        assert_eq!(alone.message_id(), "a");
    }

    #[test]
    fn what_is_no_bundle_has_a_reason_and_no_panic() {
        let message = message("s", "a", b"payload");
        let bundle = Outgoing::bundle("test", &[&message, &message]).unwrap();
        let whole = bundle.payload;
        let first = whole.len() / 2;
        for end in (0..whole.len()).filter(|end| *end != first) {
            assert!(open(whole.slice(..end)).is_err(), "{end}");
        }
        for bad in [
            &[0, 0, 0, 1, 255, 0, 0, 0, 0][..],
            &[0, 0, 0, 1, b'a', 0, 0, 0, 0],
            &[0, 0, 0, 0, 0, 0, 0, 0],
            &[255, 255, 255, 255],
        ] {
            assert!(open(Bytes::copy_from_slice(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn messages_go_together_by_their_subject_in_their_order_and_within_the_bounds() {
        let named = |subject| message(subject, "id", b"payload");
        let mixed = [named("a"), named("b"), named("a"), named("a")];
        assert_eq!(together(&mixed), [vec![0, 2, 3], vec![1]]);
        let many = vec![named("a"); BUNDLE_MESSAGES_MAX + 1];
        let sizes: Vec<usize> = together(&many).iter().map(Vec::len).collect();
        assert_eq!(sizes, [BUNDLE_MESSAGES_MAX, 1]);
        static LARGE: [u8; BUNDLE_BYTES_MAX / 2] = [0; BUNDLE_BYTES_MAX / 2];
        let large = vec![message("a", "id", &LARGE); 3];
        assert_eq!(together(&large), [vec![0], vec![1], vec![2]]);
        // The last would fit beside the first, and must not come before the one between them.
        static FULL: [u8; BUNDLE_BYTES_MAX] = [0; BUNDLE_BYTES_MAX];
        let between = [named("a"), message("a", "id", &FULL), named("a")];
        assert_eq!(together(&between), [vec![0], vec![1], vec![2]]);
        assert!(together(&[]).is_empty());

        assert_eq!(in_runs(&mixed), [0..1, 1..2, 2..4]);
        assert_eq!(in_runs(&many), [0..64, 64..65]);
        assert_eq!(in_runs(&large), [0..1, 1..2, 2..3]);
        assert_eq!(in_runs(&between), [0..1, 1..2, 2..3]);
        assert!(in_runs(&[]).is_empty());
    }
}

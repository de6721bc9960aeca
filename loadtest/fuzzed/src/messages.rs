//! Owns what must hold for any bytes that claim to be a message: they are refused, or they are a
//! message that is the same after it was sent again, with a subject that routes.

use contract::canonical::canonical_json;
use contract::command::{LabPublishRequested, SessionOpenRequested};
use contract::delivery::DeliveryReceived;
use contract::job::{CommitsFound, SnapshotRequested, VerificationRequested};
use contract::message::Message;

/// Any bytes as the body of a message; the first says of which kind.
pub(crate) fn message(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else {
        return;
    };
    match kind % 6 {
        0 => one::<SnapshotRequested>(body),
        1 => one::<VerificationRequested>(body),
        2 => one::<CommitsFound>(body),
        3 => one::<LabPublishRequested>(body),
        4 => one::<SessionOpenRequested>(body),
        _ => delivery(body),
    }
}

fn one<M: Message>(body: &[u8]) {
    let Ok(message) = serde_json::from_slice::<M>(body) else {
        return;
    };
    routes(&message.subject());
    let sent = canonical_json(&message);
    let read: M = serde_json::from_str(&sent).expect("what was sent can be read");
    assert_eq!(sent, canonical_json(&read), "a resend is the same message");
    assert_eq!(message.message_id(), read.message_id(), "and has its id");
}

fn delivery(body: &[u8]) {
    let Ok(received) = serde_json::from_slice::<DeliveryReceived>(body) else {
        return;
    };
    routes(&received.subject());
    let sent = canonical_json(&received);
    let read: DeliveryReceived = serde_json::from_str(&sent).expect("what was sent can be read");
    assert_eq!(received, read, "a resend is the same delivery");
    assert_eq!(received.message_id(), read.message_id(), "and has its id");
}

/// A subject made of what came from outside must reach one consumer and no other.
fn routes(subject: &str) {
    let is_plain = |token: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        !token.is_empty() && token.bytes().all(plain)
    };
    assert!(
        subject.split('.').all(is_plain),
        "{subject:?} does not route"
    );
}

//! Owns what is known of a message's past: out of the broker's metadata, and out of the headers
//! that it bears when it was put back as a fresh one.

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream;
use contract::time::{self, Timestamp};

/// The id that the message had when it was first published.
pub(crate) const FIRST_ID_HEADER: &str = "Assay-First-Message-Id";
/// When it was first stored.
pub(crate) const FIRST_AT_HEADER: &str = "Assay-First-Stored";
/// How often it was delivered before it was put back.
pub(crate) const DELIVERIES_BEFORE_HEADER: &str = "Assay-Deliveries-Before";
/// How often it was put back.
pub(crate) const RENEWALS_HEADER: &str = "Assay-Renewals";
/// The headers that a message has from being put back; one that is sent back begins with the first
/// two of them, and counts anew.
pub(crate) const HISTORY_HEADERS: [&str; 4] = [
    FIRST_ID_HEADER,
    FIRST_AT_HEADER,
    DELIVERIES_BEFORE_HEADER,
    RENEWALS_HEADER,
];

/// A message's past.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct History {
    /// The id that it was first published with.
    pub(crate) message_id: String,
    /// Its place in its stream now.
    pub(crate) sequence: u64,
    /// How often it was delivered in all, this time included.
    pub(crate) deliveries: u64,
    /// How often it was put back as a fresh one.
    pub(crate) renewals: u64,
    /// When it was first stored.
    pub(crate) first_at: Option<Timestamp>,
}

impl History {
    pub(crate) fn of(message: &jetstream::Message) -> Self {
        let none = HeaderMap::new();
        let headers = message.headers.as_ref().unwrap_or(&none);
        let text = |name: &str| headers.get(name).map(|value| value.as_str());
        let number = |name: &str| text(name).and_then(|text| text.parse().ok()).unwrap_or(0);
        let id = text(FIRST_ID_HEADER).or_else(|| text(NATS_MESSAGE_ID.as_ref()));
        let stored = message
            .info()
            .ok()
            .and_then(|info| of_nanos(info.published.unix_timestamp_nanos()));
        let first = text(FIRST_AT_HEADER).and_then(|text| text.parse().ok());
        Self {
            message_id: id.unwrap_or_default().to_owned(),
            sequence: sequence(message),
            deliveries: deliveries(message).saturating_add(number(DELIVERIES_BEFORE_HEADER)),
            renewals: number(RENEWALS_HEADER),
            first_at: first.or(stored),
        }
    }

    pub(crate) fn first_at_text(&self) -> String {
        self.first_at.map(time::to_text).unwrap_or_default()
    }
}

/// How often the broker has delivered this message, this time included.
pub(crate) fn deliveries(message: &jetstream::Message) -> u64 {
    message
        .info()
        .map_or(1, |info| info.delivered.max(1).unsigned_abs())
}

/// The message's place in its stream: good for telling it from others in it now, never as an
/// identity.
pub(crate) fn sequence(message: &jetstream::Message) -> u64 {
    message.info().map_or(0, |info| info.stream_sequence)
}

/// A moment by its nanoseconds since 1970; `None` beyond what a timestamp can say.
pub(crate) fn of_nanos(nanos: i128) -> Option<Timestamp> {
    let nanos = i64::try_from(nanos).ok()?;
    Some(time::to_micros(
        Timestamp::UNIX_EPOCH + std::time::Duration::from_nanos(nanos.try_into().ok()?),
    ))
}

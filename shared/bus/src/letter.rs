//! Owns a dead letter as it is read: by whoever records it, shows it, or sends it back.

use std::str::FromStr;

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, NATS_MESSAGE_ID};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use bytes::Bytes;
use contract::ids::DeadLetterId;
use contract::time::{self, Timestamp};

use crate::connect::Bus;
use crate::dead;
use crate::error::{PublishError, TopologyError};
use crate::history::{FIRST_AT_HEADER, FIRST_ID_HEADER, HISTORY_HEADERS};
use crate::incoming::Incoming;
use crate::outgoing::Outgoing;

/// The header by which a message says that it was sent back, with the dead letter's id.
pub const SENT_BACK_HEADER: &str = "Assay-Sent-Back";
/// What a letter says that was made before letters said so.
const UNKNOWN: &str = "unknown";

/// A dead letter.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The letter's own message id: what makes it one.
    pub id: String,
    /// Its place in `DEAD`: where to find it there, never an identity.
    pub sequence: u64,
    /// The id that the dead message was first published with.
    pub message_id: String,
    /// The stream that it was in.
    pub stream: String,
    /// The consumer that gave it up.
    pub consumer: String,
    /// The subject that it was published under.
    pub subject: String,
    /// Why it is dead.
    pub reason: String,
    /// What failed at last, where that is known.
    pub last_failure: Option<String>,
    /// How often it was delivered.
    pub deliveries: u64,
    /// How often it was put back as a fresh message because of an outage.
    pub renewals: u64,
    /// When it was first stored.
    pub first_at: Option<Timestamp>,
    /// When it died.
    pub died_at: Option<Timestamp>,
    /// Its bytes.
    pub payload: Bytes,
    original: HeaderMap,
}

impl DeadLetter {
    /// Reads the letter that a consumer of `DEAD` was given.
    pub fn of(incoming: &Incoming) -> Self {
        Self::read(
            &incoming.subject,
            incoming.sequence,
            &incoming.headers,
            incoming.payload.clone(),
        )
    }

    fn read(subject: &str, sequence: u64, headers: &HeaderMap, payload: Bytes) -> Self {
        let text = |name: &str| headers.get(name).map(|value| value.as_str().to_owned());
        let number = |name: &str| text(name).and_then(|text| text.parse().ok()).unwrap_or(0);
        let time = |name: &str| text(name).and_then(|text| text.parse().ok());
        // `assay.dead.<stream>.<consumer>`
        let token = |place: usize| subject.split('.').nth(place).unwrap_or(UNKNOWN).to_owned();
        let mut original = HeaderMap::new();
        for (name, values) in headers.iter() {
            let name: &str = name.as_ref();
            let name = name.strip_prefix(dead::ORIGINAL_PREFIX);
            let Some(name) = name.and_then(|name| HeaderName::from_str(name).ok()) else {
                continue;
            };
            for value in values {
                original.append(name.clone(), value.clone());
            }
        }
        let first_id = original.get(NATS_MESSAGE_ID).map(ToString::to_string);
        Self {
            id: text(NATS_MESSAGE_ID.as_ref()).unwrap_or_default(),
            sequence,
            message_id: text(dead::MESSAGE_ID_HEADER)
                .or(first_id)
                .unwrap_or_default(),
            stream: token(2),
            consumer: token(3),
            subject: text(dead::SUBJECT_HEADER).unwrap_or_default(),
            reason: text(dead::REASON_HEADER).unwrap_or_else(|| UNKNOWN.to_owned()),
            last_failure: text(dead::LAST_FAILURE_HEADER),
            deliveries: number(dead::DELIVERIES_HEADER),
            renewals: number(dead::RENEWALS_HEADER),
            first_at: time(dead::FIRST_AT_HEADER),
            died_at: time("ce-time"),
            payload,
            original,
        }
    }

    /// A header of the dead message.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.original.get(name).map(|value| value.as_str())
    }

    /// All headers of the dead message.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.original
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| (name, value)))
            .map(|(name, value)| (name.as_ref(), value.as_str()))
    }

    /// The dead message as it goes back to its queue: the same bytes and headers under the same
    /// subject, with a new id, since the old one may still be remembered there, and with a count
    /// of deliveries that begins anew. Should it die again, its letter names the same first id.
    ///
    /// # Errors
    /// [`PublishError::BadHeader`] if an id holds what a header cannot carry.
    pub fn sent_back(&self, message_id: &str) -> Result<Outgoing, PublishError> {
        let mut headers = HeaderMap::new();
        for (name, values) in self.original.iter() {
            if HISTORY_HEADERS.contains(&name.as_ref()) {
                continue;
            }
            for value in values {
                headers.append(name.clone(), value.clone());
            }
        }
        let subject = self.subject.clone();
        let mut back = Outgoing::again(subject, message_id, &headers, self.payload.clone())?;
        back.set(SENT_BACK_HEADER, &self.id)?;
        back.set(FIRST_ID_HEADER, &self.message_id)?;
        if let Some(first_at) = self.first_at {
            back.set(FIRST_AT_HEADER, &time::to_text(first_at))?;
        }
        Ok(back)
    }
}

impl Bus {
    /// The dead letter in this place of `DEAD`; `None` where there is none any more.
    ///
    /// # Errors
    /// [`TopologyError::Server`] if the server does not answer.
    pub async fn dead_letter(&self, sequence: u64) -> Result<Option<DeadLetter>, TopologyError> {
        let server = |source: Box<dyn std::error::Error + Send + Sync>| TopologyError::Server {
            what: format!("the dead letter {sequence}"),
            source,
        };
        let dead = self.jetstream.get_stream_no_info(dead::STREAM).await;
        let dead = dead.map_err(|error| server(error.into()))?;
        match dead.get_raw_message(sequence).await {
            Ok(found) => Ok(Some(DeadLetter::read(
                &found.subject,
                found.sequence,
                &found.headers,
                found.payload,
            ))),
            Err(error) => match error.kind() {
                LastRawMessageErrorKind::NoMessageFound => Ok(None),
                LastRawMessageErrorKind::JetStream(refusal)
                    if refusal.error_code() == ErrorCode::NO_MESSAGE_FOUND =>
                {
                    Ok(None)
                }
                _ => Err(server(error.into())),
            },
        }
    }

    /// Takes the letter with this id out of `DEAD`: its bytes are overwritten. One that is not in
    /// this place any more is gone already.
    ///
    /// # Errors
    /// [`TopologyError::Server`] if the server does not answer.
    pub async fn remove_dead_letter(
        &self,
        sequence: u64,
        id: DeadLetterId,
    ) -> Result<(), TopologyError> {
        let found = self.dead_letter(sequence).await?;
        // A place may have been given twice: only the letter's own id says that it is it.
        if found.is_none_or(|letter| DeadLetterId::compute(&letter.id) != id) {
            return Ok(());
        }
        let server = |source: Box<dyn std::error::Error + Send + Sync>| TopologyError::Server {
            what: format!("the dead letter {sequence}"),
            source,
        };
        let dead = self.jetstream.get_stream_no_info(dead::STREAM).await;
        let dead = dead.map_err(|error| server(error.into()))?;
        let removed = dead.delete_message(sequence).await;
        removed.map(drop).map_err(|error| server(error.into()))
    }
}

//! Owns dead letters: where a message goes that cannot succeed, with its bytes, headers, reason
//! and history. It leaves its queue only after the dead letter's ack.

use async_nats::jetstream;

use crate::connect::Bus;
use crate::error::PublishError;
use crate::history::History;
use crate::outgoing::Outgoing;
use crate::topology::ConsumerSpec;

/// `ce-type` of a dead letter.
pub const DEAD_LETTERED: &str = "dev.assay.message.dead-lettered.v1";
/// The stream of dead letters.
pub const STREAM: &str = "DEAD";
/// How the names of the original message's headers begin in its dead letter.
pub const ORIGINAL_PREFIX: &str = "Assay-Original-";
/// Why the message is dead.
pub const REASON_HEADER: &str = "Assay-Dead-Reason";
/// The id that the message was first published with.
pub const MESSAGE_ID_HEADER: &str = "Assay-Dead-Message-Id";
/// The subject that it was published under.
pub const SUBJECT_HEADER: &str = "Assay-Dead-Subject";
/// The stream that it was in.
pub const STREAM_HEADER: &str = "Assay-Dead-Stream";
/// The consumer that gave it up.
pub const CONSUMER_HEADER: &str = "Assay-Dead-Consumer";
/// Its place in its stream.
pub const SEQUENCE_HEADER: &str = "Assay-Dead-Sequence";
/// How often it was delivered in all.
pub const DELIVERIES_HEADER: &str = "Assay-Dead-Deliveries";
/// How often it was put back as a fresh message because of an outage.
pub const RENEWALS_HEADER: &str = "Assay-Dead-Renewals";
/// When it was first stored. When it died is the letter's `ce-time`.
pub const FIRST_AT_HEADER: &str = "Assay-Dead-First-Stored";
/// What failed at last, where the process that buried it knows.
pub const LAST_FAILURE_HEADER: &str = "Assay-Dead-Last-Failure";
/// Longest reason or failure that is kept, in bytes.
pub const REASON_BYTES_MAX: usize = 1_024;

/// What the dead letter says beside the original message.
pub(crate) struct Death<'a> {
    pub(crate) consumer: &'a ConsumerSpec,
    pub(crate) reason: &'a str,
    pub(crate) last_failure: Option<&'a str>,
}

pub(crate) async fn bury(
    bus: &Bus,
    message: &jetstream::Message,
    death: Death<'_>,
) -> Result<(), PublishError> {
    let history = History::of(message);
    let headers = message.headers.clone().unwrap_or_default();
    // What strangers gave their message for an id must not keep it from its grave.
    let original = &one_line(&history.message_id);
    let ConsumerSpec {
        stream, durable, ..
    } = death.consumer;
    // The sequence tells two messages with one id apart; the id tells a sequence that was handed
    // out twice apart.
    let message_id = format!("dead:{stream}:{durable}:{}:{original}", history.sequence);
    let mut letter = Outgoing::raw(
        bus.service,
        DEAD_LETTERED,
        subject(stream, durable),
        &message_id,
        message.payload.clone(),
    )?;
    for (name, values) in headers.iter() {
        let name: &str = name.as_ref();
        // Reserved and batch headers would act again; the rest is kept under a prefix.
        for value in values {
            letter.set(
                &format!("{ORIGINAL_PREFIX}{name}"),
                &one_line(value.as_str()),
            )?;
        }
    }
    letter.set(REASON_HEADER, &cut(death.reason))?;
    letter.set(MESSAGE_ID_HEADER, original)?;
    letter.set(SUBJECT_HEADER, &message.subject)?;
    letter.set(STREAM_HEADER, stream)?;
    letter.set(CONSUMER_HEADER, durable)?;
    letter.set(SEQUENCE_HEADER, &history.sequence.to_string())?;
    letter.set(DELIVERIES_HEADER, &history.deliveries.to_string())?;
    letter.set(RENEWALS_HEADER, &history.renewals.to_string())?;
    letter.set(FIRST_AT_HEADER, &history.first_at_text())?;
    if let Some(failure) = death.last_failure {
        letter.set(LAST_FAILURE_HEADER, &cut(failure))?;
    }
    bus.publish_raw(letter).await?;
    metrics::counter!("assay_dead_letters_total", "stream" => *stream, "consumer" => *durable)
        .increment(1);
    Ok(())
}

/// The text on one line, cut between characters where it is too long.
fn cut(text: &str) -> String {
    let mut text = one_line(text);
    while text.len() > REASON_BYTES_MAX {
        text.pop();
    }
    text
}

/// The text without what a header cannot carry.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Where dead letters of a consumer go.
pub(crate) fn subject(stream: &str, durable: &str) -> String {
    format!("assay.dead.{stream}.{durable}")
}

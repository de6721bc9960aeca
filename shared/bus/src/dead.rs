//! Owns dead letters: where a message goes that cannot succeed, with its bytes, headers, reason
//! and history. It leaves its queue only after the dead letter's ack.

use async_nats::jetstream;

use crate::connect::Bus;
use crate::error::PublishError;
use crate::outgoing::Outgoing;
use crate::topology::ConsumerSpec;

/// `ce-type` of a dead letter.
pub const DEAD_LETTERED: &str = "dev.assay.message.dead-lettered.v1";
/// Longest reason that is kept, in bytes.
const REASON_BYTES_MAX: usize = 1_024;

/// What the dead letter says beside the original message.
pub(crate) struct Death<'a> {
    pub(crate) consumer: &'a ConsumerSpec,
    pub(crate) sequence: u64,
    pub(crate) deliveries: u64,
    pub(crate) reason: &'a str,
}

pub(crate) async fn bury(
    bus: &Bus,
    message: &jetstream::Message,
    death: Death<'_>,
) -> Result<(), PublishError> {
    let headers = message.headers.clone().unwrap_or_default();
    let original = headers
        .get("Nats-Msg-Id")
        .map(|id| id.as_str())
        .unwrap_or_default();
    let ConsumerSpec {
        stream, durable, ..
    } = death.consumer;
    // The sequence tells two messages with one id apart; the id tells a sequence that was handed
    // out twice apart.
    let message_id = format!("dead:{stream}:{durable}:{}:{original}", death.sequence);
    let mut letter = Outgoing::raw(
        bus.service,
        DEAD_LETTERED,
        format!("assay.dead.{stream}.{durable}"),
        &message_id,
        message.payload.clone(),
    )?;
    for (name, values) in headers.iter() {
        let name: &str = name.as_ref();
        // Reserved and batch headers would act again; the rest is kept under a prefix.
        for value in values {
            letter.set(&format!("Assay-Original-{name}"), &one_line(value.as_str()))?;
        }
    }
    let mut reason = one_line(death.reason);
    while reason.len() > REASON_BYTES_MAX {
        reason.pop();
    }
    letter.set("Assay-Dead-Reason", &reason)?;
    letter.set("Assay-Dead-Subject", &message.subject)?;
    letter.set("Assay-Dead-Deliveries", &death.deliveries.to_string())?;
    bus.publish_raw(letter).await?;
    metrics::counter!("assay_dead_letters_total", "stream" => *stream, "consumer" => *durable)
        .increment(1);
    Ok(())
}

/// The text without what a header cannot carry.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

//! Owns putting a message back as a fresh one, when an outage has used its deliveries up: the same
//! bytes and headers under the same subject, with a new id. It is acked only after that is stored.

use async_nats::jetstream;

use crate::connect::Bus;
use crate::error::PublishError;
use crate::history::{
    DELIVERIES_BEFORE_HEADER, FIRST_AT_HEADER, FIRST_ID_HEADER, History, RENEWALS_HEADER,
};
use crate::outgoing::Outgoing;

/// Publishes the message again. Run twice for one message, it is stored once.
pub(crate) async fn renew(bus: &Bus, message: &jetstream::Message) -> Result<(), PublishError> {
    let history = History::of(message);
    let (first, renewals) = (&history.message_id, history.renewals + 1);
    // The sequence tells two messages with one id apart.
    let id = format!("renewed:{}:{renewals}:{first}", history.sequence);
    let subject = message.subject.to_string();
    let headers = message.headers.clone().unwrap_or_default();
    let mut fresh = Outgoing::again(subject, &id, &headers, message.payload.clone())?;
    fresh.set(FIRST_ID_HEADER, first)?;
    fresh.set(FIRST_AT_HEADER, &history.first_at_text())?;
    fresh.set(DELIVERIES_BEFORE_HEADER, &history.deliveries.to_string())?;
    fresh.set(RENEWALS_HEADER, &renewals.to_string())?;
    bus.publish_raw(fresh).await.map(drop)
}

//! Owns the broker's own word of who changes its streams: each call of its API that changes one is
//! told to whoever listens. Listened to beside JetStream, so what happens while nobody does is not
//! heard.

use async_nats::Subscriber;
use contract::notice::BrokerChanged;
use contract::time::{Timestamp, now};
use futures::StreamExt as _;
use serde::Deserialize;

use crate::connect::Bus;
use crate::error::TopologyError;

/// Where the broker tells of every call of its API.
pub(crate) const SUBJECT: &str = "$JS.EVENT.ADVISORY.API";
/// How the subjects of those calls begin.
const PREFIX: &str = "$JS.API.";
/// The calls that change a stream or a consumer, by how they begin.
const CHANGES: [&str; 8] = [
    "STREAM.CREATE",
    "STREAM.UPDATE",
    "STREAM.DELETE",
    "STREAM.PURGE",
    "STREAM.RESTORE",
    "STREAM.MSG.DELETE",
    "CONSUMER.DELETE",
    "CONSUMER.PAUSE",
];
/// The calls that make or change a consumer: its stream and name lie elsewhere.
const CONSUMERS: [&str; 2] = ["CONSUMER.DURABLE.CREATE", "CONSUMER.CREATE"];

/// What is heard of changes.
pub struct Advisories(Subscriber);

/// The parts of an advisory that are kept. Requests and answers are not: they hold whole
/// configurations.
#[derive(Deserialize)]
struct Advisory {
    id: String,
    timestamp: Option<Timestamp>,
    subject: String,
    client: Option<Client>,
    response: Option<String>,
}

#[derive(Deserialize)]
struct Client {
    user: Option<String>,
    name: Option<String>,
}

impl Bus {
    /// Listens to what the broker tells of changes.
    ///
    /// # Errors
    /// [`TopologyError::Server`] if the server does not allow it.
    pub async fn advisories(&self) -> Result<Advisories, TopologyError> {
        let subscribed = self.client.subscribe(SUBJECT).await;
        subscribed
            .map(Advisories)
            .map_err(|error| TopologyError::Server {
                what: SUBJECT.to_owned(),
                source: error.into(),
            })
    }
}

impl Advisories {
    /// The next change; `None` when the connection is gone for good.
    pub async fn next(&mut self) -> Option<BrokerChanged> {
        loop {
            let message = self.0.next().await?;
            if let Some(changed) = read(&message.payload) {
                return Some(changed);
            }
        }
    }
}

fn read(payload: &[u8]) -> Option<BrokerChanged> {
    let advisory: Advisory = serde_json::from_slice(payload).ok()?;
    let call = advisory.subject.strip_prefix(PREFIX)?;
    let (call, rest) = CHANGES
        .iter()
        .chain(&CONSUMERS)
        .find_map(|change| Some((*change, call.strip_prefix(change)?.strip_prefix('.')?)))?;
    let mut tokens = rest.split('.').map(str::to_owned);
    let stream = tokens.next()?;
    // `STREAM.MSG.DELETE` has no consumer, and the others of streams have no second token.
    let consumer = tokens.next().filter(|_| call.starts_with("CONSUMER."));
    let answer = advisory.response.unwrap_or_default();
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap_or_default();
    let (user, client) = match advisory.client {
        Some(Client { user, name }) => (user, name),
        None => (None, None),
    };
    Some(BrokerChanged {
        advisory: advisory.id,
        call: call.to_owned(),
        stream,
        consumer,
        user,
        client,
        refused: answer.get("error").is_some(),
        at: advisory
            .timestamp
            .map_or_else(now, contract::time::to_micros),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn heard(subject: &str, response: &str) -> Option<BrokerChanged> {
        let advisory = json!({
            "type": "io.nats.jetstream.advisory.v1.api_audit",
            "id": "A1",
            "timestamp": "2026-11-21T08:00:00.123456789Z",
            "client": { "user": "assay", "name": "attempt-writer", "host": "10.0.0.1" },
            "subject": subject,
            "request": "{\"name\":\"secret\"}",
            "response": response,
        });
        read(advisory.to_string().as_bytes())
    }

    #[test]
    fn calls_that_change_something_are_told_with_who_asked_and_others_are_not() {
        for (subject, call, stream, consumer) in [
            (
                "$JS.API.STREAM.DELETE.DELIVERIES",
                "STREAM.DELETE",
                "DELIVERIES",
                None,
            ),
            (
                "$JS.API.STREAM.MSG.DELETE.DEAD",
                "STREAM.MSG.DELETE",
                "DEAD",
                None,
            ),
            (
                "$JS.API.CONSUMER.CREATE.JOBS.verifier-live.assay.job.verify.live",
                "CONSUMER.CREATE",
                "JOBS",
                Some("verifier-live"),
            ),
            (
                "$JS.API.CONSUMER.DURABLE.CREATE.JOBS.verifier-live",
                "CONSUMER.DURABLE.CREATE",
                "JOBS",
                Some("verifier-live"),
            ),
        ] {
            let changed = heard(subject, "{}").unwrap();
            assert_eq!(
                (changed.call.as_str(), changed.stream.as_str()),
                (call, stream)
            );
            assert_eq!(changed.consumer.as_deref(), consumer);
            assert_eq!(changed.user.as_deref(), Some("assay"));
            assert!(!changed.refused);
        }
        for subject in [
            "$JS.API.STREAM.INFO.DEAD",
            "$JS.API.INFO",
            "$JS.API.STREAM.MSG.GET.DEAD",
        ] {
            assert_eq!(heard(subject, "{}"), None, "{subject}");
        }
        assert_eq!(read(b"no json"), None);
    }

    #[test]
    fn a_call_that_was_refused_says_so() {
        let refused = r#"{"error":{"code":400,"err_code":10110,"description":"purge denied"}}"#;
        assert!(
            heard("$JS.API.STREAM.PURGE.DELIVERIES", refused)
                .unwrap()
                .refused
        );
    }
}

//! Owns what can go wrong on the bus, in the words of those who publish and consume.

use async_nats::jetstream;
use async_nats::jetstream::context::{PublishError as NatsPublishError, PublishErrorKind};
use thiserror::Error;

/// JetStream's error code for a message that a full stream with `discard: new` refused.
const STREAM_STORE_FAILED: u64 = 10077;
/// JetStream's error code for an atomic batch in which one message id is a duplicate.
const BATCH_DUPLICATE: u64 = 10201;
/// JetStream's error code for an atomic batch of which a part never came, as when the connection
/// was lost in the middle.
const BATCH_INCOMPLETE: u64 = 10176;
/// JetStream's error code for a message whose id is in process: in a cluster it is proposed, and not
/// yet stored, as when its publisher was not answered and tries again.
const ID_IN_PROCESS: u64 = 10158;
/// From this status on a refusal is the server's own trouble and passes.
const STATUS_TROUBLE_MIN: usize = 429;

/// The bus could not be reached or is not as it must be.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// No connection.
    #[error("connect to NATS at {url}")]
    Unreachable {
        /// The address, without credentials.
        url: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server lacks what Assay is built on.
    #[error("the NATS server is {found}; Assay needs {needed} or newer")]
    TooOld {
        /// The server's version.
        found: String,
        /// The oldest that will do.
        needed: &'static str,
    },
}

/// The topology on the server is not the one that this program was built with.
#[derive(Debug, Error)]
pub enum TopologyError {
    /// A stream or consumer is missing.
    #[error("{what} does not exist: run `assay topology apply`")]
    Missing {
        /// Which.
        what: String,
    },
    /// A stream or consumer has other options.
    #[error(
        "{what} has {option} = {found}, this program needs {needed}: run `assay topology apply`"
    )]
    Differs {
        /// Which.
        what: String,
        /// The option.
        option: &'static str,
        /// What the server has.
        found: String,
        /// What it must be.
        needed: String,
    },
    /// The server did not answer, or refused.
    #[error("ask the server about {what}")]
    Server {
        /// Which.
        what: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl TopologyError {
    /// Whether asking again may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Server { .. } => true,
            Self::Missing { .. } | Self::Differs { .. } => false,
        }
    }
}

/// A message was not stored, or nobody knows whether it was.
#[derive(Debug, Error)]
pub enum PublishError {
    /// No ack came, or the server is in trouble of its own. The message may be stored: publishing
    /// it again under its id is harmless.
    #[error("no answer from the bus")]
    NoAnswer(#[source] NatsPublishError),
    /// The stream is full and keeps what it has.
    #[error("the stream for {subject} is full")]
    Full {
        /// The subject.
        subject: String,
    },
    /// The message is larger than the server takes.
    #[error("the message for {subject} is larger than the server takes")]
    TooLarge {
        /// The subject.
        subject: String,
    },
    /// One message of an atomic batch was stored before: none of the batch is stored now.
    #[error("a message of the batch was published before")]
    BatchHasDuplicate,
    /// A header or a message id holds what a header cannot carry.
    #[error("{what} holds a character that a header cannot carry")]
    BadHeader {
        /// Which.
        what: String,
    },
    /// The message could not be written as JSON.
    #[error("encode the message")]
    Encode(#[source] serde_json::Error),
    /// The server refused it.
    #[error("the bus refused the message for {subject}")]
    Refused {
        /// The subject.
        subject: String,
        /// Why.
        #[source]
        source: NatsPublishError,
    },
}

impl PublishError {
    /// Whether publishing the same message later may succeed with nobody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NoAnswer(_) | Self::Full { .. } => true,
            Self::TooLarge { .. }
            | Self::BatchHasDuplicate
            | Self::BadHeader { .. }
            | Self::Encode(_)
            | Self::Refused { .. } => false,
        }
    }

    pub(crate) fn from_nats(subject: &str, error: NatsPublishError) -> Self {
        let refusal = std::error::Error::source(&error)
            .and_then(|source| source.downcast_ref::<jetstream::Error>());
        let code = refusal.map(|refusal| refusal.error_code().0);
        let passes = refusal.is_some_and(|refusal| refusal.code() >= STATUS_TROUBLE_MIN);
        match (error.kind(), code) {
            (_, Some(STREAM_STORE_FAILED)) => Self::Full {
                subject: subject.to_owned(),
            },
            (_, Some(BATCH_DUPLICATE)) => Self::BatchHasDuplicate,
            (PublishErrorKind::MaxPayloadExceeded, _) => Self::TooLarge {
                subject: subject.to_owned(),
            },
            // Without responders the server is there but JetStream, or the stream's leader, is
            // not: that passes.
            (
                PublishErrorKind::TimedOut
                | PublishErrorKind::BrokenPipe
                | PublishErrorKind::StreamNotFound
                | PublishErrorKind::MaxAckPending,
                _,
            )
            | (_, None | Some(BATCH_INCOMPLETE | ID_IN_PROCESS)) => Self::NoAnswer(error),
            _ if passes => Self::NoAnswer(error),
            (_, Some(_)) => Self::Refused {
                subject: subject.to_owned(),
                source: error,
            },
        }
    }
}

/// A consumer loop cannot go on.
#[derive(Debug, Error)]
pub enum ConsumeError {
    /// The consumer could not be found on the server.
    #[error("open the consumer {consumer} of {stream}")]
    Open {
        /// The stream.
        stream: &'static str,
        /// The consumer.
        consumer: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_told_from_what_does_not() {
        for (status, code, passes) in [
            (503, STREAM_STORE_FAILED, true),
            (400, BATCH_INCOMPLETE, true),
            (409, ID_IN_PROCESS, true),
            (503, 10008, true),
            (400, BATCH_DUPLICATE, false),
            (400, 10060, false),
        ] {
            let refusal = serde_json::json!({ "code": status, "err_code": code });
            let refusal: jetstream::Error = serde_json::from_value(refusal).unwrap();
            let error = NatsPublishError::with_source(PublishErrorKind::Other, refusal);
            let error = PublishError::from_nats("assay.delivery.github", error);
            assert_eq!(error.is_transient(), passes, "{code}: {error:?}");
        }
    }
}

//! Owns pulling: one pull at a time, each with an end. By hand, and not by the client library's
//! `fetch`: that one is silent until five seconds after its end when the consumer's leader changes,
//! and drops what is on its way when it is given up, which then comes again when its ack is due and
//! no sooner. Here all pulls of a loop are answered in one place, and nothing that comes is dropped.

use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{self, AckKind};
use async_nats::{StatusCode, Subscriber};
use futures::StreamExt;
use futures::future::join_all;
use serde::Serialize;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use crate::connect::Bus;
use crate::consume::Consumption;
use crate::error::ConsumeError;
use crate::topology::ConsumerSpec;

/// Longest wait of one pull for a first message, in milliseconds. A process that stops waits so
/// long for what is on its way.
const PULL_MS_MAX: u64 = 1_000;
/// Longest silence of the server during a pull, in milliseconds: after it the pull is forgotten, as
/// one is whose consumer has another leader now.
const SILENCE_MS_MAX: u64 = 2_000;
/// Pause after a pull that the server did not answer, in milliseconds.
const PULL_RETRY_MS: u64 = 500;

/// Pulls for one loop.
pub(crate) struct Puller {
    bus: Bus,
    consumer: &'static ConsumerSpec,
    /// Where the answers to all pulls come, each under its number.
    inbox: String,
    answers: Subscriber,
    number: u64,
}

/// What the server is asked.
#[derive(Serialize)]
struct Request {
    batch: usize,
    /// In nanoseconds. Always given: at the consumer's limit of unacked messages a pull without it
    /// waits in silence for ever.
    expires: u64,
    /// With an expiry it means: send what is there at once, or else the first that comes.
    no_wait: bool,
}

/// Opens the consumer, and the place where its messages come to.
pub(crate) async fn open(consumption: &Consumption) -> Result<Puller, ConsumeError> {
    let Consumption { bus, consumer, .. } = consumption;
    let ConsumerSpec {
        stream, durable, ..
    } = consumer;
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| ConsumeError::Open {
        stream,
        consumer: durable,
        source,
    };
    let found = bus.jetstream.get_consumer_from_stream(*durable, *stream);
    let _: PullConsumer = found.await.map_err(|error| failed(error.into()))?;
    let inbox = bus.client.new_inbox();
    let answers = bus.client.subscribe(format!("{inbox}.*")).await;
    Ok(Puller {
        bus: bus.clone(),
        consumer,
        inbox,
        answers: answers.map_err(|error| failed(error.into()))?,
        number: 0,
    })
}

impl Puller {
    /// Takes what is there, at most `wanted`; waits for a first message. `None` when it is time to
    /// leave with nothing in hand.
    pub(crate) async fn pull(
        &mut self,
        consumption: &Consumption,
        wanted: usize,
    ) -> Option<Vec<jetstream::Message>> {
        let mut messages = Vec::new();
        if let Err(error) = self.ask(wanted).await {
            let consumer = self.consumer.durable;
            warn!(consumer, %error, "pull");
            return pause(consumption).await.then_some(messages);
        }
        let ended = tokio::select! {
            biased;
            () = consumption.stop.cancelled() => None,
            ended = self.take(wanted, &mut messages) => Some(ended),
        };
        match ended {
            // What has come is worked on; what is still on its way is handed back.
            None => self.leave(wanted - messages.len()).await,
            Some(Ok(())) => {}
            Some(Err(why)) => {
                debug!(consumer = self.consumer.durable, why, "a pull ended early");
                if messages.is_empty() {
                    return pause(consumption).await.then_some(messages);
                }
            }
        }
        (ended.is_some() || !messages.is_empty()).then_some(messages)
    }

    async fn ask(&mut self, wanted: usize) -> Result<(), async_nats::PublishError> {
        let ConsumerSpec {
            stream, durable, ..
        } = self.consumer;
        let request = Request {
            batch: wanted,
            expires: PULL_MS_MAX * 1_000_000,
            no_wait: true,
        };
        let request = serde_json::to_vec(&request).expect("numbers are always JSON");
        self.number += 1;
        let answer_to = format!("{}.{}", self.inbox, self.number);
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}");
        let client = &self.bus.client;
        client
            .publish_with_reply(subject, answer_to, request.into())
            .await
    }

    /// Takes messages until all that were wanted are there or the server says that it was all. An
    /// error says why it is not known whether it was.
    async fn take(
        &mut self,
        wanted: usize,
        messages: &mut Vec<jetstream::Message>,
    ) -> Result<(), &'static str> {
        while messages.len() < wanted {
            let silence = Duration::from_millis(SILENCE_MS_MAX);
            let Ok(next) = timeout(silence, self.answers.next()).await else {
                return Err("the server is silent");
            };
            let answer = next.ok_or("the connection is gone")?;
            let status = match answer.status {
                None | Some(StatusCode::OK) => {
                    messages.push(self.message(answer));
                    continue;
                }
                Some(status) => status,
            };
            if !self.is_current(&answer) {
                continue;
            }
            return match status {
                StatusCode::TIMEOUT | StatusCode::NOT_FOUND => Ok(()),
                StatusCode::NO_RESPONDERS => Err("nobody leads the consumer"),
                _ => Err("the server gave the pull up"),
            };
        }
        Ok(())
    }

    /// Lets the last pull come to its end, and gives back what still comes, so that another process
    /// has it at once, and not when its ack would be due.
    async fn leave(&mut self, open: usize) {
        let mut late = Vec::new();
        if self.bus.is_connected() {
            let limit = Duration::from_millis(PULL_MS_MAX);
            // What comes later still comes again after the ack wait.
            let _ = timeout(limit, self.take(open, &mut late)).await;
        }
        if late.is_empty() {
            return;
        }
        let consumer = self.consumer.durable;
        info!(consumer, messages = late.len(), "handed messages back");
        let told = late.iter().map(|one| one.ack_with(AckKind::Nak(None)));
        for failed in join_all(told).await.into_iter().filter_map(Result::err) {
            debug!(consumer, error = %failed, "hand a message back");
        }
    }

    fn is_current(&self, answer: &async_nats::Message) -> bool {
        let number = answer.subject.rsplit('.').next();
        number.is_some_and(|number| number == self.number.to_string())
    }

    fn message(&self, message: async_nats::Message) -> jetstream::Message {
        jetstream::Message {
            message,
            context: self.bus.jetstream.clone(),
        }
    }
}

/// Waits before the next pull; `false` when it is time to leave.
async fn pause(consumption: &Consumption) -> bool {
    tokio::select! {
        biased;
        () = consumption.stop.cancelled() => false,
        () = tokio::time::sleep(Duration::from_millis(PULL_RETRY_MS)) => true,
    }
}

//! Owns messages that a test takes out of a service's queue and fails again and again, so that the
//! service meets them at a late delivery without anybody waiting for it.

use std::time::Duration;

use async_nats::jetstream::consumer::{FromConsumer as _, PullConsumer, pull};
use async_nats::jetstream::{self, AckKind, Message};
use async_nats::{Client, ConnectOptions};
use bus::topology::ConsumerSpec;
use futures::StreamExt as _;

use crate::house::House;
use crate::wait::{self, WAIT_SECS_MAX};

/// What a consumer waits for the ack of a message that it is to give up, and how long a pull waits
/// that is to find nothing.
const ONCE_ACK_WAIT: Duration = Duration::from_millis(200);
const PULL: Duration = Duration::from_millis(100);

/// Messages that a test holds, as a consumer that works on them does.
#[derive(Debug)]
pub struct InHand {
    client: Client,
    messages: Vec<Message>,
}

impl House {
    /// Takes so many messages of a consumer so often, and gives them back each time but the last.
    pub async fn take_often(
        &self,
        stream: &str,
        consumer: &str,
        messages: usize,
        times: u64,
    ) -> InHand {
        let (user, password) = self.nats().credentials();
        let options = ConnectOptions::with_user_and_password(user, password);
        let client = options.connect(self.nats().url()).await;
        let client = client.expect("a connection to the private NATS");
        let context = jetstream::new(client.clone());
        let found = context.get_consumer_from_stream(consumer, stream).await;
        let puller: PullConsumer = found.expect("the consumer is there");
        let mut in_hand = InHand {
            client,
            messages: Vec::new(),
        };
        for _ in 0..times {
            in_hand.give_back().await;
            while in_hand.messages.len() < messages {
                let expires = Duration::from_secs(WAIT_SECS_MAX);
                let missing = messages - in_hand.messages.len();
                let pull = puller.fetch().max_messages(missing).expires(expires);
                let mut pulled = pull.messages().await.expect("the server answers");
                while let Some(message) = pulled.next().await {
                    in_hand.messages.push(message.expect("a message"));
                }
            }
        }
        in_hand
    }
}

impl House {
    /// How many messages of a queue are a consumer's: those that it works on, and those that wait.
    /// The stream is asked, since a consumer hears of what was published a moment later.
    pub async fn queued(&self, consumer: &ConsumerSpec) -> u64 {
        let (user, password) = self.nats().credentials();
        let options = ConnectOptions::with_user_and_password(user, password);
        let client = options.connect(self.nats().url()).await;
        let context = jetstream::new(client.expect("a connection to the private NATS"));
        let stream = context.get_stream(consumer.stream).await;
        let stream = stream.expect("the stream is there");
        let subjects = stream.info_with_subjects(consumer.filter).await;
        let mut subjects = subjects.expect("the server answers");
        let mut queued = 0;
        while let Some(subject) = subjects.next().await {
            let (_, messages) = subject.expect("a subject and its messages");
            queued += messages as u64;
        }
        queued
    }

    /// Waits until so many messages of a queue are a consumer's.
    pub async fn until_queued(&self, consumer: &ConsumerSpec, count: u64) {
        let what = format!("{count} messages of {} are queued", consumer.durable);
        wait::until(&what, async || match self.queued(consumer).await {
            found if found == count => Ok(()),
            found => Err(found.to_string()),
        })
        .await;
    }
}

impl House {
    /// Makes a consumer pass over the one message that its stream holds: it is delivered once and
    /// never acked, to a consumer that delivers nothing twice. Afterwards the consumer is as before,
    /// and the message stays where it is, given to nobody ever again.
    pub async fn pass_over(&self, stream: &str, consumer: &str) {
        let (user, password) = self.nats().credentials();
        let options = ConnectOptions::with_user_and_password(user, password);
        let client = options.connect(self.nats().url()).await;
        let context = jetstream::new(client.expect("a connection to the private NATS"));
        let found = context
            .get_stream(stream)
            .await
            .expect("the stream is there");
        let known = found.get_consumer::<pull::Config>(consumer).await;
        let before = known
            .expect("the consumer is there")
            .cached_info()
            .config
            .clone();
        let before = pull::Config::try_from_consumer_config(before).expect("it is pulled from");
        let once = pull::Config {
            max_deliver: 1,
            ack_wait: ONCE_ACK_WAIT,
            ..before.clone()
        };
        let changed = found.create_consumer(once).await;
        let mut puller = changed.expect("the consumer takes the change");
        let long = Duration::from_secs(WAIT_SECS_MAX);
        let pulled = puller.fetch().max_messages(1).expires(long);
        let mut pulled = pulled.messages().await.expect("the server answers");
        let given = pulled.next().await;
        drop(given.expect("there is a message").expect("a message"));
        wait::until("the message is given up", async || {
            // It is given up only while somebody asks.
            let asked = puller.fetch().max_messages(1).expires(PULL).messages();
            let more = asked.await.expect("the server answers").next().await;
            assert!(more.is_none(), "there was more than one message");
            let info = puller.info().await.expect("the server answers");
            match (info.num_ack_pending, info.num_pending) {
                (0, 0) => Ok(()),
                counts => Err(format!("{counts:?}")),
            }
        })
        .await;
        let restored = found.create_consumer(before).await;
        restored.expect("the consumer takes the change");
    }
}

impl InHand {
    /// Gives the messages back: they come to whoever asks next.
    pub async fn give_back(&mut self) {
        for message in self.messages.drain(..) {
            let told = message.ack_with(AckKind::Nak(None)).await;
            told.expect("the server is told");
        }
        let told = self.client.flush().await;
        told.expect("the server is told");
    }
}

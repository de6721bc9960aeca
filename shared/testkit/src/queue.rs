//! Owns messages that a test takes out of a service's queue and fails again and again, so that the
//! service meets them at a late delivery without anybody waiting for it.

use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{self, AckKind, Message};
use async_nats::{Client, ConnectOptions};
use futures::StreamExt as _;

use crate::house::House;
use crate::wait::WAIT_SECS_MAX;

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

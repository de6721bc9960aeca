//! Owns how the tests bring a message to its grave, and look into that.

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{self, AckKind};
use bus::letter::DeadLetter;
use bus::topology::ConsumerSpec;
use futures::StreamExt as _;

use crate::world::{ACK_WAIT, World};

impl World {
    /// Takes the one message of a consumer so many times, failing each time but the last; gives it
    /// in hand.
    pub(crate) async fn burn(&self, consumer: &ConsumerSpec, times: u64) -> jetstream::Message {
        let found = self
            .raw
            .get_consumer_from_stream(consumer.durable, consumer.stream);
        let puller: PullConsumer = found.await.unwrap();
        for time in 1.. {
            let pulled = puller.fetch().max_messages(1).expires(ACK_WAIT);
            let message = pulled.messages().await.unwrap().next().await.unwrap();
            let message = message.unwrap();
            if time == times {
                return message;
            }
            message.ack_with(AckKind::Nak(None)).await.unwrap();
        }
        unreachable!()
    }

    /// Lets `DEAD` hold so many bytes.
    pub(crate) async fn bound_dead(&self, bytes_max: i64) {
        let mut dead = self.raw.get_stream("DEAD").await.unwrap();
        let mut config = dead.info().await.unwrap().config.clone();
        config.max_bytes = bytes_max;
        self.raw.update_stream(config).await.unwrap();
    }

    /// The dead letter in this place.
    pub(crate) async fn letter(&self, place: u64) -> DeadLetter {
        self.bus.dead_letter(place).await.unwrap().unwrap()
    }
}

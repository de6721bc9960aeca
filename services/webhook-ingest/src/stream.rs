//! Owns the way to the queue: whether it is there, and what becomes of messages that are put in.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bus::bundle;
use bus::connect::Bus;
use bus::error::PublishError;
use bus::many::is_worth_a_batch;
use bus::outgoing::Outgoing;
use futures::future::join_all;
use process::dependency::Dependency;

/// Why a delivery was not stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotStored {
    /// The bus does not answer, or more requests wait than may.
    Away,
    /// The stream is full.
    Full,
    /// The message itself was refused.
    Refused,
    /// The bus does not take it, and the spool has no room for it or no disk.
    NoSpool,
}

/// Where a message is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kept {
    /// In the queue, at this place.
    New(u64),
    /// In the queue, under the same id, since before; at this place.
    Before(u64),
    /// In the spool.
    Spooled,
}

/// What became of a message.
pub(crate) type Published = Result<Kept, NotStored>;

/// How long is waited for the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Patience {
    /// As long as the bus allows: there is nowhere else to go.
    Full,
    /// At most this long for each try, and not at all while it is known to be away: the spool is
    /// waiting, and a forge gives up after as little as 5 s.
    Short(Duration),
}

/// The queue. Clones are the same.
#[derive(Clone)]
pub(crate) struct Stream {
    bus: Arc<OnceLock<Bus>>,
    nats: Dependency,
    patience: Patience,
}

impl Stream {
    /// A queue that is not there before [`Stream::found`].
    pub(crate) fn new(nats: Dependency, patience: Patience) -> Self {
        Self {
            bus: Arc::new(OnceLock::new()),
            nats,
            patience,
        }
    }

    /// The bus is there, and is what it must be.
    pub(crate) fn found(&self, bus: Bus) {
        // It is found once.
        let _ = self.bus.set(bus);
        self.nats.part().ready();
    }

    /// The bus, if it is there as far as one knows.
    pub(crate) fn there(&self) -> Option<Bus> {
        let bus = self.bus.get();
        bus.filter(|_| self.nats.part().is_ready()).cloned()
    }

    /// The same for who has nowhere else to go, and all the time.
    pub(crate) fn patient(self) -> Self {
        Self {
            patience: Patience::Full,
            ..self
        }
    }

    /// Waits until it is there as far as one knows.
    pub(crate) async fn wait_there(&self) {
        self.nats.part().wait_ready().await;
    }

    /// Whether nobody is there to store anything. Who has a spool goes there at the first sign;
    /// else the connection must be lost, and not just for the moment, since a publish has waited
    /// for its answer in vain.
    pub(crate) fn is_away(&self) -> bool {
        let Some(bus) = self.bus.get() else {
            return true;
        };
        let (connected, ready) = (bus.is_connected(), self.nats.part().is_ready());
        match self.patience {
            Patience::Full => !connected && !ready,
            Patience::Short(_) => {
                if !connected && ready {
                    self.nats.report_trouble("the connection to NATS is lost");
                }
                !connected || !ready
            }
        }
    }

    /// Puts the messages in: as few bundles, and so with as few syncs, as can be. Each has its own
    /// answer, in their order.
    pub(crate) async fn put(&self, messages: &[Outgoing]) -> Vec<Published> {
        let mut published = vec![Err(NotStored::Away); messages.len()];
        let (Some(bus), false) = (self.bus.get(), self.is_away()) else {
            return published;
        };
        let together = bundle::together(messages);
        let putting = together.iter().map(|places| {
            let bundle: Vec<&Outgoing> = places.iter().map(|&place| &messages[place]).collect();
            self.put_together(bus, bundle)
        });
        for (places, answers) in together.iter().zip(join_all(putting).await) {
            for (&place, answer) in places.iter().zip(answers) {
                published[place] = answer;
            }
        }
        published
    }

    async fn put_together(&self, bus: &Bus, messages: Vec<&Outgoing>) -> Vec<Published> {
        let all = |published| vec![published; messages.len()];
        if let [alone] = messages[..] {
            return vec![self.put_one(bus, alone).await];
        }
        let bundle = Outgoing::bundle(bus.service(), &messages);
        let putting = async |bundle| self.in_time(bus.publish_raw(bundle)).await;
        let error = match bundle {
            Ok(bundle) => match putting(bundle).await {
                Ok(Ok(stored)) => return all(Ok(Kept::New(stored.sequence))),
                Ok(Err(error)) => error,
                Err(late) => return all(Err(late)),
            },
            Err(error) => error,
        };
        // One message cannot be, or nobody knows what is stored: each alone, under its id, finds
        // out. What is stored twice then has one number, and takes effect once.
        if let Some(refusal) = self.of_all(&error) {
            return all(Err(refusal));
        }
        join_all(messages.iter().map(|message| self.put_one(bus, message))).await
    }

    /// The same in their order, each under its id, so that one that was stored before is not stored
    /// again: as one atomic batch where that can be and costs less than each alone.
    pub(crate) async fn put_in_order(&self, messages: &[Outgoing]) -> Vec<Published> {
        let all = |published| vec![published; messages.len()];
        let (Some(bus), false) = (self.bus.get(), self.is_away()) else {
            return all(Err(NotStored::Away));
        };
        if is_worth_a_batch(messages.len()) {
            let error = match self.in_time(bus.publish_batch(messages)).await {
                Ok(Ok(last)) => return in_a_row(last, messages.len()),
                Ok(Err(error)) => error,
                Err(late) => return all(Err(late)),
            };
            // One id of the batch was stored before, or one message cannot be, or nobody knows
            // what is stored: each message alone, under its id, finds out, and is stored at most
            // once.
            if let Some(refusal) = self.of_all(&error) {
                return all(Err(refusal));
            }
        }
        join_all(messages.iter().map(|message| self.put_one(bus, message))).await
    }

    async fn put_one(&self, bus: &Bus, message: &Outgoing) -> Published {
        match self.in_time(bus.publish_raw(message.clone())).await {
            Ok(Ok(stored)) if stored.duplicate => Ok(Kept::Before(stored.sequence)),
            Ok(Ok(stored)) => Ok(Kept::New(stored.sequence)),
            Ok(Err(error)) => Err(self.refusal(&error)),
            Err(late) => Err(late),
        }
    }

    async fn in_time<T>(
        &self,
        publishing: impl Future<Output = Result<T, PublishError>>,
    ) -> Result<Result<T, PublishError>, NotStored> {
        let Patience::Short(limit) = self.patience else {
            return Ok(publishing.await);
        };
        let published = tokio::time::timeout(limit, publishing).await;
        published.map_err(|_| {
            let reason = format!("no answer within {} ms", limit.as_millis());
            tracing::warn!(reason, "the queue did not take deliveries");
            self.nats.report_trouble(reason);
            NotStored::Away
        })
    }

    /// Why none of several messages is stored that went as one; `None` where each is to be tried
    /// alone.
    fn of_all(&self, error: &PublishError) -> Option<NotStored> {
        match error {
            // There is no room for all of them at once, and soon for none.
            PublishError::Full { .. } => Some(self.refusal(error)),
            PublishError::NoAnswer(_) => {
                let refusal = self.refusal(error);
                let is_over = self.patience != Patience::Full || self.is_away();
                is_over.then_some(refusal)
            }
            PublishError::TooLarge { .. }
            | PublishError::BatchHasDuplicate
            | PublishError::BadHeader { .. }
            | PublishError::Encode(_)
            | PublishError::Refused { .. } => None,
        }
    }

    /// Says in the log and to `/ready` that something was not stored, and gives the reason.
    fn refusal(&self, error: &PublishError) -> NotStored {
        tracing::warn!(%error, "the queue did not take deliveries");
        match error {
            PublishError::NoAnswer(_) => {
                self.nats.report_trouble(error.to_string());
                NotStored::Away
            }
            PublishError::Full { .. } => NotStored::Full,
            PublishError::TooLarge { .. }
            | PublishError::BatchHasDuplicate
            | PublishError::BadHeader { .. }
            | PublishError::Encode(_)
            | PublishError::Refused { .. } => NotStored::Refused,
        }
    }
}

/// The places of a batch, of which the last one's is known: it is stored in one piece.
fn in_a_row(last: u64, count: usize) -> Vec<Published> {
    let first = (last + 1).saturating_sub(count as u64);
    let places = (0..count as u64).map(|place| Ok(Kept::New(first + place)));
    places.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batchs_places_end_with_the_last_ones() {
        let places = [7, 8, 9].map(|place| Ok(Kept::New(place)));
        assert_eq!(in_a_row(9, 3), places);
        assert_eq!(in_a_row(1, 1), [Ok(Kept::New(1))]);
    }
}

//! Owns what a message is told: the lease while it is worked on, and its end.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::AckKind;
use futures::future::join_all;
use process::health::{Calm, Gate};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tracing::{error, info, warn};

use crate::connect::{ACK_SECS_MAX, Bus};
use crate::consume::{Consumption, Outcome};
use crate::dead::{self, Death};
use crate::error::PublishError;
use crate::failures::Failures;
use crate::history::{self, History};
use crate::incoming::{Incoming, Lease};
use crate::topology::ConsumerSpec;
use crate::{pace, parcel, renew};

/// How many times the lease is extended in one ack wait.
const EXTENSIONS_PER_ACK_WAIT: u32 = 3;
/// How often in one ack wait a message comes again, at most, whose dead letter was not stored.
const BURIALS_PER_ACK_WAIT: u32 = 3;

/// What a loop settles its messages with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) bus: Bus,
    pub(crate) consumer: &'static ConsumerSpec,
    pub(crate) gate: Gate,
    failures: Failures,
}

/// How the handling of a message ended.
#[derive(Debug)]
pub(crate) struct Ending {
    /// What the handler answered; `None` where it panicked.
    pub(crate) outcome: Option<Outcome>,
    /// What it noted of its failure.
    pub(crate) noted: Option<String>,
    /// Whether all dependencies were ready all the time.
    pub(crate) calm: bool,
}

impl Ending {
    pub(crate) fn new(outcome: Option<Outcome>, noted: Option<String>, calm: &Calm) -> Self {
        Self {
            outcome,
            noted,
            calm: calm.holds(),
        }
    }
}

impl Desk {
    pub(crate) fn of(consumption: &Consumption) -> Self {
        Self {
            bus: consumption.bus.clone(),
            consumer: consumption.consumer,
            gate: consumption.gate.clone(),
            failures: Failures::default(),
        }
    }

    /// Awaits `work` and extends the messages' lease meanwhile; marks the leases lost when an
    /// extension came later than the ack wait allows.
    pub(crate) async fn hold<T>(
        &self,
        messages: &[jetstream::Message],
        leases: &[Lease],
        work: impl Future<Output = T>,
    ) -> T {
        let ack_wait = self.consumer.ack_wait;
        let every = ack_wait / EXTENSIONS_PER_ACK_WAIT;
        let mut ticks = interval_at(Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut extended = Instant::now();
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = ticks.tick() => {
                    if extended.elapsed() > ack_wait {
                        leases.iter().for_each(Lease::lose);
                    }
                    // What is sent while nobody listens is kept for later, and extends nothing.
                    if !self.bus.is_connected() {
                        continue;
                    }
                    let progress = messages.iter().map(|m| m.ack_with(AckKind::Progress));
                    if join_all(progress).await.iter().all(Result::is_ok) {
                        extended = Instant::now();
                    }
                }
            }
        }
    }

    /// Turns an ending into an ack, a delayed nak, a fresh message or a dead letter.
    pub(crate) async fn settle(&self, message: &jetstream::Message, ending: Ending) {
        let Ending {
            outcome,
            noted,
            calm,
        } = ending;
        let name = match &outcome {
            Some(Outcome::Done) => "done",
            Some(Outcome::Later(_)) => "later",
            Some(Outcome::Never(_)) => "never",
            None => "panicked",
        };
        let consumer = self.consumer.durable;
        metrics::counter!("assay_messages_total", "consumer" => consumer, "outcome" => name)
            .increment(1);
        let remember = |failure: &str| {
            let failure = noted.clone().unwrap_or_else(|| failure.to_owned());
            self.failures.remember(history::sequence(message), failure);
        };
        match outcome {
            Some(Outcome::Done) => {
                self.failures.take(history::sequence(message));
                self.tell(message, AckKind::Ack).await;
            }
            Some(Outcome::Later(delay)) if calm => {
                remember("its handler put it off with all dependencies ready");
                self.put_off(message, delay).await;
            }
            Some(Outcome::Later(delay)) => self.spare(message, delay).await,
            Some(Outcome::Never(reason)) if calm => self.bury(message, &reason).await,
            Some(Outcome::Never(reason)) => {
                // What was judged during an outage is judged again after it.
                remember(&reason);
                self.spare(message, Duration::ZERO).await;
            }
            None => {
                remember("its handler panicked");
                self.put_off(message, Duration::ZERO).await;
            }
        }
    }

    /// Puts some of what a bundle brought into the queue, each alone, and lets the bundle go. What
    /// of it is handled alone can become a dead letter, and harms no other.
    pub(crate) async fn unpack<'a>(
        &self,
        message: &jetstream::Message,
        open: impl Iterator<Item = &'a Incoming>,
    ) {
        if self.put_alone(message, open).await.is_err() {
            self.put_off(message, Duration::ZERO).await;
        }
    }

    async fn put_alone<'a>(
        &self,
        message: &jetstream::Message,
        open: impl Iterator<Item = &'a Incoming>,
    ) -> Result<(), PublishError> {
        let consumer = self.consumer.durable;
        let bundle = History::of(message);
        let alone = open.map(|incoming| incoming.alone(&bundle));
        let stored = match alone.collect::<Result<Vec<_>, _>>() {
            Ok(alone) => self.bus.publish_all(&alone).await,
            Err(error) => Err(error),
        };
        stored.inspect_err(|error| {
            warn!(consumer, %error, "put messages of a bundle into the queue");
        })?;
        metrics::counter!("assay_bundles_unpacked_total", "consumer" => consumer).increment(1);
        self.failures.take(bundle.sequence);
        self.tell(message, AckKind::Ack).await;
        Ok(())
    }

    /// Puts off a message that an outage stopped: it is not the message's failure, and does not
    /// use its deliveries up.
    pub(crate) async fn spare(&self, message: &jetstream::Message, delay: Duration) {
        let deliveries = history::deliveries(message);
        let renewals = History::of(message).renewals;
        if !self.gives_up() || !pace::is_to_be_renewed(deliveries, renewals) {
            return self.put_off(message, delay).await;
        }
        let consumer = self.consumer.durable;
        if !self.consumer.is_of_a_queue() {
            // Told beside the ledger, which its listeners ask: who listens may not publish here.
            info!(
                consumer,
                deliveries, "let go of what an outage kept from being heard"
            );
            return self.tell(message, AckKind::Ack).await;
        }
        match renew::renew(&self.bus, message).await {
            Ok(()) => {
                info!(consumer, deliveries, "put a message back after an outage");
                metrics::counter!("assay_messages_renewed_total", "consumer" => consumer)
                    .increment(1);
                self.tell(message, AckKind::Ack).await;
            }
            Err(error) => {
                warn!(consumer, %error, "put a message back after an outage");
                self.put_off(message, delay).await;
            }
        }
    }

    /// Dead-letters a message that has been delivered too often; says whether it was too often.
    pub(crate) async fn bury_if_hopeless(&self, message: &jetstream::Message) -> bool {
        let deliveries = history::deliveries(message);
        if !self.gives_up() || !pace::is_hopeless(deliveries) {
            return false;
        }
        if self.gate.is_open() {
            let reason = format!("delivered {deliveries} times without an end");
            self.bury(message, &reason).await;
        } else {
            // Nothing is given up while something else may be to blame.
            self.put_off(message, Duration::ZERO).await;
        }
        true
    }

    /// Sends what was told so far, so that a process that dies next has told it.
    pub(crate) async fn flush(&self) {
        // What is not sent in time comes again, and its handler finds its effect there.
        let _ = timeout(Duration::from_secs(ACK_SECS_MAX), self.bus.flush()).await;
    }

    /// A dead letter has nowhere to go: whoever reads those tries for ever.
    fn gives_up(&self) -> bool {
        self.consumer.stream != dead::STREAM
    }

    /// The message comes again, after `delay` or after what its count of deliveries asks for,
    /// whichever is longer.
    async fn put_off(&self, message: &jetstream::Message, delay: Duration) {
        let pause = pace::pause(self.consumer, history::deliveries(message));
        self.tell(message, AckKind::Nak(Some(delay.max(pause))))
            .await;
    }

    /// Makes a dead letter of a message; of a bundle only where it cannot be taken apart.
    async fn bury(&self, message: &jetstream::Message, reason: &str) {
        let consumer = self.consumer.durable;
        if !self.gives_up() {
            error!(consumer, reason, "a dead letter cannot be handled");
            return self.put_off(message, self.burial_pause()).await;
        }
        if self.is_taken_apart(message).await {
            return;
        }
        let last_failure = self.failures.take(history::sequence(message));
        let death = Death {
            consumer: self.consumer,
            reason,
            last_failure: last_failure.as_deref(),
        };
        match dead::bury(&self.bus, message, death).await {
            Ok(()) => {
                error!(consumer, reason, "a message became a dead letter");
                self.bus.room.taken();
                self.tell(message, AckKind::Term).await;
            }
            Err(error) => {
                // It stays in its queue until its dead letter is stored.
                error!(consumer, %error, reason, "store a dead letter");
                metrics::counter!("assay_dead_letters_unstored_total", "consumer" => consumer)
                    .increment(1);
                self.bus.room.refused();
                if let Some(failure) = last_failure {
                    self.failures.remember(history::sequence(message), failure);
                }
                self.put_off(message, self.burial_pause()).await;
            }
        }
    }

    /// Takes a bundle apart that would be buried: whose a letter is, is known of single messages
    /// alone, and each of them may live. False of what is no bundle, or can never be taken apart.
    async fn is_taken_apart(&self, message: &jetstream::Message) -> bool {
        let Some(Ok(brought)) = parcel::of_bundle(self.consumer.durable, message) else {
            return false;
        };
        match self.put_alone(message, brought.iter()).await {
            Ok(()) => true,
            Err(error) if error.is_transient() => {
                // It stays in its queue until there is room for what it brought.
                self.put_off(message, self.burial_pause()).await;
                true
            }
            Err(_) => false,
        }
    }

    fn burial_pause(&self) -> Duration {
        self.consumer.ack_wait / BURIALS_PER_ACK_WAIT
    }

    async fn tell(&self, message: &jetstream::Message, what: AckKind) {
        if let Err(error) = message.ack_with(what).await {
            // The message comes again after the ack wait, and its handler finds its effect there.
            warn!(consumer = self.consumer.durable, %error, "settle a message");
        }
    }
}

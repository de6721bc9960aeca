//! Owns what these tests stand on: a server, a queue of their own in it, consumers with limits of
//! their own, and handlers that keep what they were given.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{self, DiscardPolicy, RetentionPolicy};
use async_nats::jetstream::{self, Context};
use bus::batches::{batches, batches_at_once};
use bus::connect::Bus;
use bus::consume::{BatchHandler, Consumption, Handler, Outcome, each};
use bus::incoming::Incoming;
use bus::outgoing::Outgoing;
use bus::topology::ConsumerSpec;
use process::health::{Gate, Health, Part};
use testkit::house::House;
use testkit::wait;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The queue of the tests, whose consumers may have limits of their own.
pub(crate) const QUEUE: &str = "TESTS";
/// How long a consumer of these tests waits for an ack, where nothing else is said.
pub(crate) const ACK_WAIT: Duration = Duration::from_secs(30);
/// One with which what failed comes again soon, and a slow machine delivers nothing by itself.
pub(crate) const AGAIN_SOON: Duration = Duration::from_secs(6);
/// Slots of a consumer loop here.
const SLOTS: usize = 8;
/// Most bytes that the queue holds.
const QUEUE_BYTES_MAX: i64 = 1024 * 1024;

pub(crate) struct World {
    pub(crate) house: House,
    pub(crate) bus: Bus,
    pub(crate) raw: Context,
}

/// What a handler was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    pub(crate) text: String,
    pub(crate) deliveries: u64,
}

/// A loop that runs in this process.
pub(crate) struct Loop {
    pub(crate) part: Part,
    stop: CancellationToken,
    task: JoinHandle<Result<(), bus::error::ConsumeError>>,
}

impl World {
    /// A server with the topology, and the tests' own queue.
    pub(crate) async fn start() -> Self {
        let house = House::with_nats().await;
        let bus = house.bus("tested").await;
        let raw = raw(&house).await;
        raw.create_stream(stream::Config {
            name: QUEUE.to_owned(),
            subjects: vec!["test.*".to_owned()],
            retention: RetentionPolicy::WorkQueue,
            discard: DiscardPolicy::New,
            max_bytes: QUEUE_BYTES_MAX,
            duplicate_window: Duration::from_secs(120),
            allow_atomic_publish: true,
            ..stream::Config::default()
        })
        .await
        .unwrap();
        Self { house, bus, raw }
    }

    /// Makes a consumer of the queue's subject `test.<name>`.
    pub(crate) async fn consumer(
        &self,
        name: &'static str,
        ack_wait: Duration,
    ) -> &'static ConsumerSpec {
        let filter: &'static str = format!("test.{name}").leak();
        let spec = ConsumerSpec {
            stream: QUEUE,
            durable: name,
            filter,
            ack_wait,
            unacked_max: 1_000,
        };
        let config = pull::Config {
            durable_name: Some(name.to_owned()),
            filter_subject: filter.to_owned(),
            ack_policy: AckPolicy::Explicit,
            ack_wait,
            max_deliver: -1,
            max_ack_pending: spec.unacked_max,
            ..pull::Config::default()
        };
        let queue = self.raw.get_stream(QUEUE).await.unwrap();
        queue.create_consumer(config).await.unwrap();
        Box::leak(Box::new(spec))
    }

    /// Publishes a text under `test.<name>`, the text being its id as well.
    pub(crate) async fn say(&self, name: &str, text: &str) {
        self.bus.publish_raw(outgoing(name, text)).await.unwrap();
    }

    /// Hands single messages to a handler until the loop is stopped.
    pub(crate) fn each(&self, consumer: &'static ConsumerSpec, handler: impl Handler) -> Loop {
        Loop::start(self, consumer, true, |consumption| async move {
            each(consumption, SLOTS, Arc::new(handler)).await
        })
    }

    /// Hands batches to a handler until the loop is stopped.
    pub(crate) fn batches(
        &self,
        consumer: &'static ConsumerSpec,
        handler: impl BatchHandler,
    ) -> Loop {
        Loop::start(self, consumer, true, |consumption| async move {
            batches(consumption, 100, Arc::new(handler)).await
        })
    }

    /// The same with two batches of two messages side by side.
    pub(crate) fn pairs_side_by_side(
        &self,
        consumer: &'static ConsumerSpec,
        handler: impl BatchHandler,
    ) -> Loop {
        Loop::start(self, consumer, true, |consumption| async move {
            batches_at_once(consumption, 2, 2, Arc::new(handler)).await
        })
    }

    /// Waits until the queue has let go of everything.
    pub(crate) async fn drained(&self) {
        wait::until("the queue is empty", async || {
            match self.messages(QUEUE).await {
                0 => Ok(()),
                left => Err(format!("{left} messages")),
            }
        })
        .await;
    }

    /// How many messages a stream holds.
    pub(crate) async fn messages(&self, stream: &str) -> u64 {
        let mut stream = self.raw.get_stream(stream).await.unwrap();
        stream.info().await.unwrap().state.messages
    }

    /// A consumer's state on the server: delivered and not acked, delivered more than once.
    pub(crate) async fn unacked(&self, consumer: &ConsumerSpec) -> (usize, usize) {
        let found = self
            .raw
            .get_consumer_from_stream(consumer.durable, consumer.stream);
        let mut consumer: PullConsumer = found.await.unwrap();
        let info = consumer.info().await.unwrap();
        (info.num_ack_pending, info.num_redelivered)
    }

    /// Waits for the one dead letter that there is.
    pub(crate) async fn dead_letter(&self) -> StreamMessage {
        wait::until("there is one dead letter", async || {
            match self.messages("DEAD").await {
                1 => Ok(()),
                found => Err(format!("{found} dead letters")),
            }
        })
        .await;
        let dead = self.raw.get_stream("DEAD").await.unwrap();
        dead.get_raw_message(1).await.unwrap()
    }
}

impl Loop {
    /// Starts a loop; with the gate shut until its part is ready.
    pub(crate) fn start<F>(
        world: &World,
        consumer: &'static ConsumerSpec,
        ready: bool,
        run: impl FnOnce(Consumption) -> F,
    ) -> Self
    where
        F: Future<Output = Result<(), bus::error::ConsumeError>> + Send + 'static,
    {
        let part = Health::new().part("dependency");
        if ready {
            part.ready();
        }
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(Consumption {
            bus: world.bus.clone(),
            consumer,
            gate: Gate::new(vec![part.clone()]),
            stop: stop.clone(),
        }));
        Self { part, stop, task }
    }

    /// Tells the loop to stop, without waiting.
    pub(crate) fn tell_to_stop(&self) {
        self.stop.cancel();
    }

    /// Stops the loop and waits until it has left.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.task).await.unwrap().unwrap();
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Keeps what it is given and answers as it is told to.
pub(crate) struct Keeper<F> {
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: F,
}

/// A handler that answers with `answer`, and the record of what it was given.
pub(crate) fn keeper<F: Fn(&Seen) -> Outcome>(answer: F) -> (Keeper<F>, Record) {
    let seen = Arc::default();
    let keeper = Keeper {
        seen: Arc::clone(&seen),
        answer,
    };
    (keeper, Record(seen))
}

/// What handlers were given so far.
#[derive(Clone)]
pub(crate) struct Record(Arc<Mutex<Vec<Seen>>>);

impl Record {
    pub(crate) fn all(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }

    /// The deliveries at which a message was handed over.
    pub(crate) fn deliveries_of(&self, text: &str) -> Vec<u64> {
        let of = |seen: &Seen| (seen.text == text).then_some(seen.deliveries);
        self.0.lock().unwrap().iter().filter_map(of).collect()
    }

    /// Waits until so many messages were handed over.
    pub(crate) async fn reaches(&self, count: usize) {
        let what = format!("{count} messages were handed over");
        wait::until(&what, async || {
            let seen = self.all();
            if seen.len() >= count {
                return Ok(());
            }
            Err(format!("{seen:?}"))
        })
        .await;
    }
}

impl<F: Fn(&Seen) -> Outcome + Send + Sync + 'static> Handler for Keeper<F> {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        let seen = seen(incoming);
        self.seen.lock().unwrap().push(seen.clone());
        (self.answer)(&seen)
    }
}

impl<F: Fn(&Seen) -> Outcome + Send + Sync + 'static> BatchHandler for Keeper<F> {
    async fn handle(&self, batch: &[Incoming]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for incoming in batch {
            outcomes.push(Handler::handle(self, incoming).await);
        }
        outcomes
    }
}

pub(crate) fn seen(incoming: &Incoming) -> Seen {
    Seen {
        text: String::from_utf8(incoming.payload.to_vec()).unwrap(),
        deliveries: incoming.deliveries,
    }
}

/// A message of the tests; its text is its id as well.
pub(crate) fn outgoing(name: &str, text: &str) -> Outgoing {
    let payload = text.to_owned().into();
    Outgoing::raw("tested", "test.v1", format!("test.{name}"), text, payload).unwrap()
}

/// A connection beside the bus, which may do what the bus refuses to.
pub(crate) async fn raw(house: &House) -> Context {
    let (user, password) = house.nats().credentials();
    let options = async_nats::ConnectOptions::with_user_and_password(user, password);
    let client = options.connect(house.nats().url()).await.unwrap();
    jetstream::new(client)
}

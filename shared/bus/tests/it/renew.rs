//! Outages: whatever they last, they use no message up, and nothing that they may have caused is
//! taken for the message's own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_nats::Subscriber;
use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::PullConsumer;
use bus::consume::{Handler, Outcome};
use bus::incoming::Incoming;
use bus::pace::{DELIVERIES_MAX, RENEW_FROM_DELIVERY, RENEWALS_MAX};
use bus::topology::ConsumerSpec;
use futures::StreamExt as _;
use process::health::Part;
use testkit::wait;
use tokio::task::JoinHandle;

use crate::world::{AGAIN_SOON, Loop, World, keeper, outgoing};

/// An ack wait with which the waits between deliveries are short.
const SHORT: Duration = Duration::from_millis(150);
/// One that leaves the test the time for a word in between.
const LONGER: Duration = Duration::from_secs(1);
/// Times that a message is stopped by an outage: without end for one that may come 20 times.
const OUTAGES: usize = 3 * DELIVERIES_MAX as usize;

/// Meets an outage each time it is handed a message, so many times.
struct Unlucky {
    outages: usize,
    met: AtomicUsize,
    part: Arc<OnceLock<Part>>,
    /// What it answers in an outage.
    answer: Outcome,
    seen: Mutex<Vec<Meeting>>,
}

/// One time that it was handed the message.
#[derive(Debug)]
struct Meeting {
    delivery: u64,
    /// What the message says of its past.
    renewals: Option<String>,
    /// A header of the test's own.
    theirs: Option<String>,
}

impl Unlucky {
    fn new(outages: usize, answer: Outcome) -> (Arc<OnceLock<Part>>, Arc<Self>) {
        let part = Arc::new(OnceLock::new());
        let unlucky = Self {
            outages,
            met: AtomicUsize::new(0),
            part: Arc::clone(&part),
            answer,
            seen: Mutex::default(),
        };
        (part, Arc::new(unlucky))
    }
}

impl Handler for Unlucky {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        let header = |name: &str| incoming.header(name).map(ToOwned::to_owned);
        self.seen.lock().unwrap().push(Meeting {
            delivery: incoming.deliveries,
            renewals: header("Assay-Renewals"),
            theirs: header("Assay-Test"),
        });
        if self.met.fetch_add(1, Ordering::Relaxed) < self.outages {
            self.part.get().unwrap().not_ready("away");
            return self.answer.clone();
        }
        assert_eq!(incoming.payload, "victim");
        Outcome::Done
    }
}

/// Runs the handler with a dependency that comes back each time it went away.
fn run(world: &World, consumer: &'static ConsumerSpec, handler: &Arc<Unlucky>) -> (Loop, Mender) {
    let handler = Arc::clone(handler);
    let running = Loop::start(world, consumer, true, |consumption| async move {
        bus::consume::each(consumption, 4, handler).await
    });
    let part = running.part.clone();
    let mending = tokio::spawn(async move {
        loop {
            part.wait_not_ready().await;
            part.ready();
        }
    });
    (running, Mender(mending))
}

struct Mender(JoinHandle<()>);

impl Drop for Mender {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[tokio::test]
async fn a_message_that_outages_stop_again_and_again_is_put_back_and_handled_in_the_end() {
    let world = World::start().await;
    let consumer = world.consumer("a", SHORT).await;
    let (part, handler) = Unlucky::new(OUTAGES, Outcome::Later(Duration::ZERO));
    let (running, _mender) = run(&world, consumer, &handler);
    part.set(running.part.clone()).unwrap();
    let mut victim = outgoing("a", "victim");
    victim.set("Assay-Test", "ü").unwrap();
    world.bus.publish_raw(victim).await.unwrap();
    world.drained().await;
    running.stop().await;
    assert_eq!(world.messages("DEAD").await, 0);

    let seen = handler.seen.lock().unwrap();
    // A message more than once at a time where the machine paused for longer than this short wait.
    assert!(seen.len() > OUTAGES, "{}", seen.len());
    let most = seen.iter().map(|seen| seen.delivery).max().unwrap();
    assert!(most <= RENEW_FROM_DELIVERY, "{seen:?}");
    let last = seen.last().unwrap();
    let renewals: u64 = last.renewals.as_deref().unwrap().parse().unwrap();
    assert!(renewals >= OUTAGES as u64 / RENEW_FROM_DELIVERY, "{seen:?}");
    assert_eq!(last.theirs.as_deref(), Some("ü"));
}

#[tokio::test]
async fn a_message_that_only_ever_meets_outages_dies_when_it_was_put_back_too_often() {
    let world = World::start().await;
    let consumer = world.consumer("a", SHORT).await;
    let (part, handler) = Unlucky::new(usize::MAX, Outcome::Later(Duration::ZERO));
    let (running, _mender) = run(&world, consumer, &handler);
    part.set(running.part.clone()).unwrap();
    let mut victim = outgoing("a", "victim");
    let renewals = RENEWALS_MAX.to_string();
    for (name, value) in [
        ("Assay-Renewals", renewals.as_str()),
        ("Assay-Deliveries-Before", "500"),
        ("Assay-First-Message-Id", "the first id"),
        ("Assay-First-Stored", "2026-01-05T08:00:00Z"),
    ] {
        victim.set(name, value).unwrap();
    }
    world.bus.publish_raw(victim).await.unwrap();
    world.dead_letter().await;
    world.drained().await;
    running.stop().await;
    let letter = world.letter(1).await;
    assert_eq!(letter.payload, "victim");
    assert_eq!(letter.message_id, "the first id");
    assert_eq!(letter.renewals, RENEWALS_MAX);
    assert_eq!(letter.deliveries, 500 + DELIVERIES_MAX + 1);
    let first_at = letter.first_at.map(contract::time::to_text).unwrap();
    assert!(first_at.starts_with("2026-01-05T08:00:00"), "{first_at}");
}

#[tokio::test]
async fn a_verdict_that_was_reached_during_an_outage_is_reached_again_after_it() {
    let world = World::start().await;
    let consumer = world.consumer("a", AGAIN_SOON).await;
    let (part, handler) = Unlucky::new(3, Outcome::Never("it seems bad".to_owned()));
    let (running, _mender) = run(&world, consumer, &handler);
    part.set(running.part.clone()).unwrap();
    world.say("a", "victim").await;
    world.drained().await;
    running.stop().await;
    assert_eq!(world.messages("DEAD").await, 0);
    assert_eq!(handler.seen.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn a_service_that_is_not_ready_buries_nothing() {
    let world = World::start().await;
    let consumer = world.consumer("a", LONGER).await;
    world.say("a", "hopeless").await;
    // In hand for the 21st time: whoever is given it next will not touch it.
    let in_hand = world.burn(consumer, DELIVERIES_MAX + 1).await;
    let mut put_off = put_off(&world, consumer).await;
    let (handler, record) = keeper(|_| Outcome::Done);
    let running = world.each(consumer, handler);
    wait::until("the loop waits for a message", async || {
        if is_waited_at(&world, consumer).await {
            return Ok(());
        }
        // It must not come to anybody before.
        in_hand.ack_with(AckKind::Progress).await.unwrap();
        Err("it does not".to_owned())
    })
    .await;
    running.part.not_ready("away");
    in_hand.ack_with(AckKind::Nak(None)).await.unwrap();
    for _by in ["us", "the loop"] {
        put_off.next().await.unwrap();
    }
    running.part.ready();
    world.dead_letter().await;
    world.drained().await;
    running.stop().await;
    // Once when nothing was buried, and once when it was.
    assert_eq!(world.letter(1).await.deliveries, DELIVERIES_MAX + 3);
    assert_eq!(record.all(), []);
}

#[tokio::test]
async fn what_comes_when_a_service_is_no_longer_ready_is_not_touched_until_it_is() {
    let world = World::start().await;
    for name in ["a", "b"] {
        let consumer = world.consumer(name, AGAIN_SOON).await;
        let mut put_off = put_off(&world, consumer).await;
        let (single, one_by_one) = keeper(|_| Outcome::Done);
        let (several, in_batches) = keeper(|_| Outcome::Done);
        let (running, record) = match name {
            "a" => (world.each(consumer, single), one_by_one),
            _ => (world.batches(consumer, several), in_batches),
        };
        wait::until(
            "the loop waits for a message",
            async || match is_waited_at(&world, consumer).await {
                true => Ok(()),
                false => Err("it does not".to_owned()),
            },
        )
        .await;
        running.part.not_ready("away");
        world.say(name, name).await;
        put_off.next().await.unwrap();
        assert_eq!(record.all(), [], "{name}");
        running.part.ready();
        world.drained().await;
        running.stop().await;
        let seen = record.all();
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert!(seen[0].deliveries > 1, "{seen:?}");
    }
    assert_eq!(world.messages("DEAD").await, 0);
}

/// Whether a loop waits for a message of a consumer at this moment.
async fn is_waited_at(world: &World, consumer: &ConsumerSpec) -> bool {
    let (durable, stream) = (consumer.durable, consumer.stream);
    let found = world.raw.get_consumer_from_stream(durable, stream);
    let mut found: PullConsumer = found.await.unwrap();
    found.info().await.unwrap().num_waiting > 0
}

/// What the server tells when a message of a consumer was put off.
async fn put_off(world: &World, consumer: &ConsumerSpec) -> Subscriber {
    let ConsumerSpec {
        stream, durable, ..
    } = consumer;
    let subject = format!("$JS.EVENT.ADVISORY.CONSUMER.MSG_NAKED.{stream}.{durable}");
    let told = world.raw.client().subscribe(subject).await.unwrap();
    // By its answer the server has heard of it.
    world.raw.query_account().await.unwrap();
    told
}

//! The loop for single messages: what a handler answers becomes of the message, and no more.

use std::sync::Arc;
use std::time::Duration;

use bus::consume::{Handler, Outcome, each};
use bus::incoming::Incoming;
use bus::pace::DELIVERIES_MAX;
use testkit::wait;
use tokio::sync::Semaphore;

use crate::world::{ACK_WAIT, AGAIN_SOON, Loop, World, keeper};

/// An ack wait with which the waits between 20 deliveries are short.
const SHORT: Duration = Duration::from_millis(150);

#[tokio::test]
async fn done_takes_a_message_out_of_its_queue() {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    let (handler, record) = keeper(|_| Outcome::Done);
    let running = world.each(consumer, handler);
    for number in 0..30 {
        world.say("a", &number.to_string()).await;
    }
    world.drained().await;
    running.stop().await;
    let mut seen = record.all();
    seen.sort_by_key(|seen| seen.text.parse::<u32>().unwrap());
    let texts: Vec<_> = seen.iter().map(|seen| seen.text.clone()).collect();
    let all: Vec<_> = (0..30).map(|number| number.to_string()).collect();
    assert_eq!(texts, all);
    assert!(seen.iter().all(|seen| seen.deliveries == 1), "{seen:?}");
}

#[tokio::test]
async fn later_gives_a_message_again_and_not_before_its_time() {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    let delay = Duration::from_millis(300);
    let began = std::time::Instant::now();
    let (handler, record) = keeper(move |seen| match seen.deliveries {
        1 => Outcome::Later(delay),
        _ => Outcome::Done,
    });
    let running = world.each(consumer, handler);
    world.say("a", "later").await;
    world.drained().await;
    // Not a matter of speed: a slow machine only makes it longer.
    assert!(began.elapsed() >= delay);
    assert_eq!(record.deliveries_of("later"), [1, 2]);
    running.stop().await;
}

#[tokio::test]
async fn a_message_whose_handler_panics_comes_again_and_its_neighbours_are_not_harmed() {
    let world = World::start().await;
    let consumer = world.consumer("a", AGAIN_SOON).await;
    let (handler, record) = keeper(|seen| {
        assert!(seen.text != "bad" || seen.deliveries > 1, "on purpose");
        Outcome::Done
    });
    let running = world.each(consumer, handler);
    for text in ["1", "bad", "2"] {
        world.say("a", text).await;
    }
    world.drained().await;
    running.stop().await;
    assert_eq!(record.deliveries_of("bad"), [1, 2]);
    for good in ["1", "2"] {
        assert_eq!(record.deliveries_of(good), [1]);
    }
}

#[tokio::test]
async fn a_message_delivered_too_often_is_dead_before_it_is_touched_again() {
    let world = World::start().await;
    let consumer = world.consumer("a", SHORT).await;
    let (handler, record) = keeper(|seen| match seen.text.as_str() {
        "hopeless" => Outcome::Later(Duration::ZERO),
        _ => Outcome::Done,
    });
    let running = world.each(consumer, handler);
    world.say("a", "hopeless").await;
    world.say("a", "good").await;
    let letter = world.dead_letter().await;
    assert_eq!(letter.payload, "hopeless");
    let header = |name: &str| letter.headers.get(name).map(|value| value.as_str());
    let reason = header("Assay-Dead-Reason").unwrap();
    assert!(reason.contains("delivered 21 times"), "{reason}");
    let failure = header("Assay-Dead-Last-Failure").unwrap();
    assert!(failure.contains("put it off"), "{failure}");
    assert_eq!(header("Assay-Dead-Renewals"), Some("0"));
    world.drained().await;
    running.stop().await;
    let all: Vec<u64> = (1..=DELIVERIES_MAX).collect();
    assert_eq!(record.deliveries_of("hopeless"), all);
    // Once, unless the machine paused for longer than this short wait for an ack.
    assert_eq!(record.deliveries_of("good").first(), Some(&1));
}

#[tokio::test]
async fn a_shut_gate_lets_nothing_be_pulled_and_burns_no_delivery() {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    let (handler, record) = keeper(|_| Outcome::Done);
    world.say("a", "waiting").await;
    let running = Loop::start(&world, consumer, false, |consumption| async move {
        each(consumption, 1, Arc::new(handler)).await
    });
    // The server has answered others twice since the loop began: it would have answered the loop.
    for other in ["b", "c"] {
        let other_consumer = world.consumer(other, ACK_WAIT).await;
        let (handler, others) = keeper(|_| Outcome::Done);
        let beside = world.each(other_consumer, handler);
        world.say(other, other).await;
        others.reaches(1).await;
        beside.stop().await;
    }
    assert_eq!(record.all(), []);
    assert_eq!(world.unacked(consumer).await, (0, 0));

    running.part.ready();
    world.drained().await;
    assert_eq!(record.deliveries_of("waiting"), [1]);
    running.stop().await;
}

#[tokio::test]
async fn a_loop_that_is_stopped_before_its_gate_opens_leaves_at_once() {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    let (handler, record) = keeper(|_| Outcome::Done);
    let running = Loop::start(&world, consumer, false, |consumption| async move {
        each(consumption, 1, Arc::new(handler)).await
    });
    world.say("a", "waiting").await;
    running.stop().await;
    assert_eq!(record.all(), []);
}

#[tokio::test]
async fn a_consumer_that_is_not_there_is_named() {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    world
        .raw
        .delete_consumer_from_stream("a", consumer.stream)
        .await
        .unwrap();
    let (handler, _) = keeper(|_| Outcome::Done);
    let running = Loop::start(&world, consumer, true, |consumption| async move {
        let refused = each(consumption, 1, Arc::new(handler)).await.unwrap_err();
        assert_eq!(refused.to_string(), "open the consumer a of TESTS");
        Ok(())
    });
    running.stop().await;
}

/// Takes hold of a message, and ends when it is let go.
struct Slow {
    begun: Arc<Semaphore>,
    let_go: Arc<Semaphore>,
}

impl Handler for Slow {
    async fn handle(&self, _: &Incoming) -> Outcome {
        self.begun.add_permits(1);
        self.let_go.acquire().await.unwrap().forget();
        Outcome::Done
    }
}

#[tokio::test]
async fn a_loop_that_is_told_to_stop_finishes_what_it_holds_and_takes_no_more() {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    let (begun, let_go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let slow = Slow {
        begun: Arc::clone(&begun),
        let_go: Arc::clone(&let_go),
    };
    let running = Loop::start(&world, consumer, true, |consumption| async move {
        each(consumption, 2, Arc::new(slow)).await
    });
    for text in ["1", "2"] {
        world.say("a", text).await;
    }
    begun.acquire_many(2).await.unwrap().forget();
    running.tell_to_stop();
    world.say("a", "3").await;
    let_go.add_permits(10);
    running.stop().await;
    // An ack is told, not answered: the server may need a moment to carry it out.
    wait::until("the two that were held have left", async || {
        match world.messages(consumer.stream).await {
            1 => Ok(()),
            left => Err(format!("{left} are left")),
        }
    })
    .await;
    assert_eq!(world.unacked(consumer).await, (0, 0));
    assert_eq!(begun.available_permits(), 0);
}

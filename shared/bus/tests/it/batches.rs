//! The loop for batches: a bad message is its own affair.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bus::consume::{BatchHandler, Outcome};
use bus::incoming::Incoming;
use bus::pace::DELIVERIES_MAX;
use bus::window::ALONE_FROM_DELIVERY;
use tokio::sync::watch;

use crate::world::{ACK_WAIT, AGAIN_SOON, Keeper, Seen, World, keeper, outgoing, seen};

async fn say_all(world: &World, texts: &[&str]) {
    let batch: Vec<_> = texts.iter().map(|text| outgoing("a", text)).collect();
    world.bus.publish_batch(&batch).await.unwrap();
}

#[tokio::test]
async fn each_message_of_a_batch_has_its_own_end() {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    say_all(&world, &["1", "never", "2", "later", "3"]).await;
    let (handler, record) = keeper(|seen| match (seen.text.as_str(), seen.deliveries) {
        ("never", _) => Outcome::Never("bad".to_owned()),
        ("later", 1) => Outcome::Later(Duration::ZERO),
        _ => Outcome::Done,
    });
    let running = world.batches(consumer, handler);
    let letter = world.dead_letter().await;
    assert_eq!(letter.payload, "never");
    world.drained().await;
    running.stop().await;
    assert_eq!(record.deliveries_of("later"), [1, 2]);
    for once in ["1", "2", "3", "never"] {
        assert_eq!(record.deliveries_of(once), [1], "{once}");
    }
}

type Answering = Keeper<fn(&Seen) -> Outcome>;

/// Panics whenever one message is in its batch, and notes where a message that must stand alone
/// had neighbours.
struct Panics {
    answering: Answering,
    had_neighbours: Arc<AtomicBool>,
}

impl BatchHandler for Panics {
    async fn handle(&self, batch: &[Incoming]) -> Vec<Outcome> {
        let outcomes = BatchHandler::handle(&self.answering, batch).await;
        let must_stand_alone = |incoming: &Incoming| incoming.deliveries >= ALONE_FROM_DELIVERY;
        if batch.len() > 1 && batch.iter().any(must_stand_alone) {
            self.had_neighbours.store(true, Ordering::Relaxed);
        }
        let bad = batch.iter().any(|incoming| seen(incoming).text == "bad");
        assert!(!bad, "on purpose");
        outcomes
    }
}

#[tokio::test]
async fn a_message_that_makes_its_batch_panic_ends_alone_and_the_loop_lives() {
    let world = World::start().await;
    let consumer = world.consumer("a", Duration::from_millis(200)).await;
    say_all(&world, &["1", "bad", "2"]).await;
    let (answering, record) = keeper::<fn(&Seen) -> Outcome>(|_| Outcome::Done);
    let had_neighbours = Arc::new(AtomicBool::new(false));
    let panics = Panics {
        answering,
        had_neighbours: Arc::clone(&had_neighbours),
    };
    let running = world.batches(consumer, panics);
    let letter = world.dead_letter().await;
    assert_eq!(letter.payload, "bad");
    world.drained().await;
    running.stop().await;
    let all: Vec<u64> = (1..=DELIVERIES_MAX).collect();
    assert_eq!(record.deliveries_of("bad"), all);
    for good in ["1", "2"] {
        assert_ne!(record.deliveries_of(good), [0; 0], "{good}");
    }
    // Its neighbours may share its fate until it stands alone, and not once more. How often the
    // queue delivers them is a matter of the machine: with so short a wait for acks a moment's
    // pause is a delivery.
    assert!(!had_neighbours.load(Ordering::Relaxed));
}

#[tokio::test]
async fn a_handler_that_does_not_answer_for_every_message_settles_none() {
    struct Forgetful(Answering);
    impl BatchHandler for Forgetful {
        async fn handle(&self, batch: &[Incoming]) -> Vec<Outcome> {
            let mut outcomes = BatchHandler::handle(&self.0, batch).await;
            if batch[0].deliveries == 1 {
                outcomes.pop();
            }
            outcomes
        }
    }
    let world = World::start().await;
    let consumer = world.consumer("a", AGAIN_SOON).await;
    say_all(&world, &["1", "2"]).await;
    let (answering, record) = keeper::<fn(&Seen) -> Outcome>(|_| Outcome::Done);
    let running = world.batches(consumer, Forgetful(answering));
    world.drained().await;
    running.stop().await;
    for text in ["1", "2"] {
        assert_eq!(record.deliveries_of(text), [1, 2]);
    }
}

#[tokio::test]
async fn a_second_batch_is_begun_beside_one_that_was_filled() {
    /// Holds a full batch until it has met another one.
    #[derive(Default)]
    struct Meeting {
        inside: AtomicUsize,
        met: watch::Sender<bool>,
    }
    struct Meets(Arc<Meeting>);
    impl BatchHandler for Meets {
        async fn handle(&self, batch: &[Incoming]) -> Vec<Outcome> {
            if self.0.inside.fetch_add(1, Ordering::SeqCst) == 1 {
                self.0.met.send_replace(true);
            }
            if batch.len() == 2 {
                let mut met = self.0.met.subscribe();
                met.wait_for(|met| *met).await.unwrap();
            }
            self.0.inside.fetch_sub(1, Ordering::SeqCst);
            vec![Outcome::Done; batch.len()]
        }
    }
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    say_all(&world, &["1", "2", "3", "4", "5", "6"]).await;
    let meeting = Arc::new(Meeting::default());
    let running = world.pairs_side_by_side(consumer, Meets(Arc::clone(&meeting)));
    world.drained().await;
    running.stop().await;
    assert!(*meeting.met.borrow());
}

#[tokio::test]
async fn a_message_that_must_stand_alone_waits_for_the_batch_beside_it() {
    /// Long enough for another batch to come in between.
    const WORK: Duration = Duration::from_millis(20);
    #[derive(Default)]
    struct Beside {
        inside: AtomicUsize,
        beside_another: AtomicBool,
        stood_alone: AtomicBool,
        was_beside_it: AtomicBool,
    }
    struct Watched(Arc<Beside>);
    impl BatchHandler for Watched {
        async fn handle(&self, batch: &[Incoming]) -> Vec<Outcome> {
            let others = self.0.inside.fetch_add(1, Ordering::SeqCst);
            let alone = batch
                .iter()
                .any(|one| one.deliveries >= ALONE_FROM_DELIVERY);
            tokio::time::sleep(WORK).await;
            let others = others.max(self.0.inside.load(Ordering::SeqCst) - 1);
            let told = if alone {
                &self.0.was_beside_it
            } else {
                &self.0.beside_another
            };
            told.fetch_or(others > 0, Ordering::SeqCst);
            self.0.stood_alone.fetch_or(alone, Ordering::SeqCst);
            self.0.inside.fetch_sub(1, Ordering::SeqCst);
            let outcome = |one: &Incoming| match seen(one).text.as_str() {
                "later" if one.deliveries <= ALONE_FROM_DELIVERY => Outcome::Later(Duration::ZERO),
                _ => Outcome::Done,
            };
            batch.iter().map(outcome).collect()
        }
    }
    let world = World::start().await;
    let consumer = world.consumer("a", Duration::from_millis(200)).await;
    let texts: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    let mut texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    texts[0] = "later";
    say_all(&world, &texts).await;
    let beside = Arc::new(Beside::default());
    let running = world.pairs_side_by_side(consumer, Watched(Arc::clone(&beside)));
    world.drained().await;
    running.stop().await;
    assert!(
        beside.beside_another.load(Ordering::SeqCst),
        "there were batches side by side"
    );
    assert!(
        beside.stood_alone.load(Ordering::SeqCst),
        "it came often enough"
    );
    assert!(!beside.was_beside_it.load(Ordering::SeqCst));
}

#[tokio::test]
async fn what_comes_while_nothing_is_wanted_is_done_unread() {
    struct Wants {
        answering: Answering,
        something: Arc<AtomicBool>,
    }
    impl BatchHandler for Wants {
        async fn handle(&self, batch: &[Incoming]) -> Vec<Outcome> {
            BatchHandler::handle(&self.answering, batch).await
        }

        fn wants_nothing(&self) -> bool {
            !self.something.load(Ordering::SeqCst)
        }
    }
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    let something = Arc::new(AtomicBool::new(false));
    let (answering, record) = keeper((|_| Outcome::Done) as fn(&Seen) -> Outcome);
    say_all(&world, &["1", "2"]).await;
    let running = world.batches(
        consumer,
        Wants {
            answering,
            something: Arc::clone(&something),
        },
    );
    world.drained().await;
    something.store(true, Ordering::SeqCst);
    say_all(&world, &["3", "4"]).await;
    world.drained().await;
    running.stop().await;
    for (text, deliveries) in [("1", &[][..]), ("2", &[]), ("3", &[1]), ("4", &[1])] {
        assert_eq!(record.deliveries_of(text), deliveries, "{text}");
    }
}

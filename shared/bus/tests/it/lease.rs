//! The lease: work may take longer than the ack wait, and who lost it is told.

use std::sync::Arc;
use std::time::Duration;

use bus::consume::{Handler, Outcome};
use bus::incoming::{Incoming, Lease};
use testkit::wait;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::world::{World, keeper};

/// It is extended three times as often, so a machine may pause for more than a second.
const ACK_WAIT: Duration = Duration::from_secs(2);

/// Works twice as long as the ack wait.
struct Long;

impl Handler for Long {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        sleep(ACK_WAIT * 2).await;
        match (incoming.deliveries, incoming.lease().is_lost()) {
            (1, false) => Outcome::Done,
            other => Outcome::Never(format!("{other:?}")),
        }
    }
}

#[tokio::test]
async fn a_message_that_takes_longer_than_the_ack_wait_is_given_to_nobody_else() {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    let (second, given_to_second) = keeper(|_| Outcome::Done);
    let first = world.each(consumer, Long);
    world.say("a", "long").await;
    wait::until("the first has it", async || {
        match world.unacked(consumer).await {
            (1, 0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let beside = world.each(consumer, second);
    world.drained().await;
    first.stop().await;
    beside.stop().await;
    assert_eq!(given_to_second.all(), []);
    assert_eq!(world.messages("DEAD").await, 0);
}

/// Gives its lease away and waits.
struct Lender {
    leases: tokio::sync::mpsc::UnboundedSender<Lease>,
    let_go: Arc<Semaphore>,
}

impl Handler for Lender {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        self.leases.send(incoming.lease().clone()).unwrap();
        self.let_go.acquire().await.unwrap().forget();
        Outcome::Done
    }
}

#[tokio::test]
async fn a_lease_that_could_not_be_extended_in_time_is_lost() {
    let mut world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    let (leases, mut given) = tokio::sync::mpsc::unbounded_channel();
    let let_go = Arc::new(Semaphore::new(0));
    let lender = Lender {
        leases,
        let_go: Arc::clone(&let_go),
    };
    let running = world.each(consumer, lender);
    world.say("a", "work").await;
    let lease = given.recv().await.unwrap();
    assert!(!lease.is_lost());
    world.house.nats_mut().kill().await.unwrap();
    wait::until("the lease is lost", async || match lease.is_lost() {
        true => Ok(()),
        false => Err("it is held".to_owned()),
    })
    .await;
    world.house.nats_mut().start_again().await.unwrap();
    let_go.add_permits(10);
    world.drained().await;
    running.stop().await;
}

//! Who may enter, and when.

use futures_now::now;

use super::*;

/// Polls once: what is ready at once is there.
mod futures_now {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    pub(super) fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        let mut context = Context::from_waker(Waker::noop());
        match pin!(future).poll(&mut context) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }
}

const fn capacity(slots: usize, memory_mib: u64) -> Capacity {
    Capacity { slots, memory_mib }
}

const fn live(memory_mib: u64) -> Wish {
    let lane = Lane::Live;
    Wish { lane, memory_mib }
}

const fn bulk(memory_mib: u64) -> Wish {
    let lane = Lane::Bulk;
    Wish { lane, memory_mib }
}

#[test]
fn no_two_runs_have_one_slot() {
    let slots = Slots::new(capacity(2, 1_000));
    let (first, second) = (now(slots.take(live(1))), now(slots.take(live(1))));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_ne!(first.number, second.number);
    assert!(now(slots.take(live(1))).is_none());
    drop(first);
    assert!(now(slots.take(live(1))).is_some());
}

#[test]
fn bulk_goes_on_beside_a_full_live_lane_and_leaves_it_a_slot_when_it_is_idle() {
    let slots = Slots::new(capacity(3, 1_000));
    let full: Vec<_> = (0..3).map(|_| now(slots.take(live(1))).unwrap()).collect();
    let reserved = now(slots.take(bulk(1)));
    assert!(reserved.is_some());
    assert!(now(slots.take(bulk(1))).is_none());
    drop((full, reserved));

    let spare: Vec<_> = (0..4).map_while(|_| now(slots.take(bulk(1)))).collect();
    assert_eq!(spare.len(), 3, "its own, and two that live leaves");
    assert!(now(slots.take(live(1))).is_some(), "one is left for live");
}

#[test]
fn one_slot_is_for_live_and_bulk_has_its_own() {
    let slots = Slots::new(capacity(1, 1_000));
    let _bulk = now(slots.take(bulk(1))).unwrap();
    assert!(now(slots.take(bulk(1))).is_none());
    assert!(now(slots.take(live(1))).is_some());
}

#[test]
fn runs_enter_while_there_is_memory_and_a_large_one_enters_alone() {
    let slots = Slots::new(capacity(4, 100));
    let first = now(slots.take(live(60))).unwrap();
    assert!(now(slots.take(live(41))).is_none());
    let second = now(slots.take(live(40))).unwrap();
    drop((first, second));
    let alone = now(slots.take(live(500))).unwrap();
    assert!(now(slots.take(live(1))).is_none());
    drop(alone);
}

#[test]
fn whoever_waits_for_memory_is_not_overtaken() {
    let slots = Slots::new(capacity(4, 100));
    let first = now(slots.take(live(60))).unwrap();
    let mut large = Box::pin(slots.take(bulk(100)));
    assert!(now(large.as_mut()).is_none());
    assert!(now(slots.take(live(1))).is_none(), "it came later");
    drop(first);
    let large = now(large.as_mut()).unwrap();
    drop(large);
    let mut waits = Box::pin(slots.take(bulk(500)));
    let entered = now(waits.as_mut());
    assert!(entered.is_some(), "nobody else runs");
}

#[test]
fn whoever_gives_up_waiting_holds_up_nobody() {
    let slots = Slots::new(capacity(4, 100));
    let _first = now(slots.take(live(60))).unwrap();
    assert!(now(slots.take(live(100))).is_none(), "and it is gone");
    assert!(now(slots.take(live(40))).is_some());
}

#[tokio::test]
async fn whoever_waits_is_woken_when_one_leaves() {
    let slots = Slots::new(capacity(1, 100));
    let first = slots.take(live(1)).await;
    let waiting = tokio::spawn({
        let slots = slots.clone();
        async move { slots.take(live(1)).await.number }
    });
    tokio::task::yield_now().await;
    let number = first.number;
    drop(first);
    assert_eq!(waiting.await.unwrap(), number);
}

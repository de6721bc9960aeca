use contract::time::now;

use super::*;

fn delivery(number: u64) -> DeliveryId {
    DeliveryId::compute("github", &number.to_string())
}

fn source() -> SourceName {
    "github".parse().unwrap()
}

fn range(first: u64, last: u64) -> Numbers {
    Numbers { first, last }
}

fn news(lane: &Lane) -> Option<LaneManifest> {
    lane.manifest(Say::News, 0, now())
}

#[test]
fn a_lane_tells_up_to_the_first_number_that_is_still_on_its_way() {
    let lane = Lane::open();
    let [one, two, three, four] = [(); 4].map(|()| lane.next());
    assert_eq!([one.number, four.number], [1, 4]);
    two.stored(delivery(2), &source(), 11);
    drop(three);
    let manifest = news(&lane).unwrap();
    assert_eq!((manifest.from, manifest.through, manifest.given), (0, 0, 4));
    one.stored(delivery(1), &source(), 12);
    let manifest = news(&lane).unwrap();
    assert_eq!((manifest.through, manifest.closing), (3, false));
    assert_eq!(manifest.void, [range(3, 3)]);
    assert_eq!(manifest.deliveries, [delivery(1), delivery(2)]);
    assert_eq!(manifest.sequences, Some(range(11, 12)));
    assert_eq!(manifest.sources, [source()]);
    lane.told(&manifest);
    assert_eq!(news(&lane), None);
    drop(four);
    let manifest = news(&lane).unwrap();
    assert_eq!((manifest.from, manifest.through), (3, 4));
    assert_eq!(manifest.sequences, None);
}

#[test]
fn a_manifest_that_nobody_got_is_told_again_with_what_came_since() {
    let lane = Lane::open();
    lane.next().stored(delivery(1), &source(), 1);
    let lost = news(&lane).unwrap();
    lane.next().stored(delivery(2), &source(), 2);
    let manifest = news(&lane).unwrap();
    assert_eq!((lost.through, manifest.from, manifest.through), (1, 0, 2));
    // Its ack came late after all.
    lane.told(&manifest);
    lane.told(&lost);
    assert_eq!(lane.manifest(Say::Alive, 0, now()).unwrap().from, 2);
}

#[test]
fn what_lies_in_the_spool_holds_the_lane_back_until_it_is_drained_or_closed() {
    let lane = Lane::open();
    let id = lane.id();
    lane.next().spooled(delivery(1), &source());
    lane.next().stored(delivery(2), &source(), 7);
    let manifest = news(&lane).unwrap();
    assert_eq!((manifest.through, manifest.given), (0, 2));
    let closing = lane.manifest(Say::Closing, 1, now()).unwrap();
    assert_eq!((closing.through, closing.closing), (2, true));
    assert_eq!(closing.spooled, [range(1, 1)]);
    // Another lane's number is not this one's.
    lane.drained(LaneId::new(), 1, 8);
    assert_eq!(news(&lane).unwrap().through, 0);
    lane.drained(id, 1, 8);
    let manifest = news(&lane).unwrap();
    assert_eq!(manifest.sequences, Some(range(7, 8)));
    assert_eq!(manifest.spooled, []);
}

#[test]
fn a_record_that_is_drained_before_its_writer_says_so_holds_nothing_back() {
    let lane = Lane::open();
    let id = lane.id();
    let [one, two] = [(); 2].map(|()| lane.next());
    lane.drained(id, 1, 7);
    lane.drained(id, 2, 8);
    assert_eq!(news(&lane).unwrap().through, 0);
    one.spooled(delivery(1), &source());
    // Whoever asked for it went away: it was promised nothing, whatever the queue has.
    drop(two);
    let manifest = news(&lane).unwrap();
    assert_eq!((manifest.through, manifest.given), (2, 2));
    assert_eq!(manifest.deliveries, [delivery(1)]);
    assert_eq!(manifest.sequences, Some(range(7, 7)));
    assert_eq!(manifest.void, [range(2, 2)]);
}

#[test]
fn a_new_lane_says_that_it_is_there_and_then_only_what_is_new() {
    let lane = Lane::open();
    let first = news(&lane).unwrap();
    assert_eq!((first.from, first.through, first.given), (0, 0, 0));
    lane.told(&first);
    assert_eq!(news(&lane), None);
    assert!(lane.manifest(Say::Alive, 0, now()).is_some());
    assert!(lane.manifest(Say::Closing, 0, now()).unwrap().closing);
}

#[test]
fn a_manifest_tells_of_no_more_than_its_limit_and_only_the_last_one_closes() {
    let lane = Lane::open();
    for _ in 0..=MANIFEST_NUMBERS_MAX {
        drop(lane.next());
    }
    let first = lane.manifest(Say::Closing, 0, now()).unwrap();
    assert_eq!(
        (first.through, first.closing),
        (MANIFEST_NUMBERS_MAX as u64, false)
    );
    lane.told(&first);
    let last = lane.manifest(Say::Closing, 0, now()).unwrap();
    assert_eq!((last.through, last.closing), (last.given, true));
}

#[test]
fn a_lane_that_could_not_be_told_of_for_too_long_is_given_up_and_another_begun() {
    let lane = Lane::open();
    let id = lane.id();
    let first = lane.next();
    for _ in 1..UNTOLD_MAX {
        drop(lane.next());
    }
    assert_eq!(lane.id(), id);
    let next = lane.next();
    assert_ne!(lane.id(), id);
    assert_eq!((next.id, next.number), (lane.id(), 1));
    // A number of the lane that was given up settles none of the new one's.
    first.stored(delivery(1), &source(), 1);
    assert_eq!(news(&lane).unwrap().through, 0);
}

use std::time::Duration;

use contract::time::now;

use super::*;

fn segment(from: u64, through: u64, sequences: Option<(u64, u64)>) -> Segment {
    Segment {
        lane: LaneId::from_uuid(Uuid::from_u128(7)),
        from,
        through,
        void: Vec::new(),
        spooled: Vec::new(),
        sources: Vec::new(),
        deliveries: (from..through).map(|n| Uuid::from_u128(n.into())).collect(),
        sequences: sequences.map(|(first, last)| Numbers { first, last }),
        recorded_at: now() - Duration::from_secs(60),
    }
}

/// A queue whose consumer was given all up to `delivered`, of which all up to `acked` came back.
fn queue(acked: u64, delivered: u64, last: u64) -> QueueState {
    QueueState {
        first: acked + 1,
        last,
        messages: last - acked,
        delivered,
        acked,
        pending: last - delivered,
        unacked: delivered - acked,
    }
}

fn verdict(segment: &Segment, seen: &Seen, reached: &Reached) -> Verdict {
    judge(segment, segment.promised(0)[0], seen, reached, now())
}

#[test]
fn a_number_that_is_not_in_the_ledger_waits_while_its_message_may_be_on_its_way() {
    let (waits, missing) = (Verdict::Waits, Verdict::Missing);
    let (one, two) = (Some((9, 9)), Some((8, 9)));
    for (what, sequences, queue, given_long_ago, wanted) in [
        ("not given yet", one, queue(5, 5, 9), 5, waits),
        ("just given", one, queue(8, 9, 9), 8, waits),
        ("given long ago", one, queue(8, 9, 9), 9, missing),
        ("the last one just given", two, queue(8, 9, 9), 8, waits),
        ("the last one overdue", two, queue(8, 9, 9), 9, missing),
        ("only others overdue", two, queue(6, 9, 9), 6, waits),
        ("passed over", one, queue(9, 9, 9), 8, missing),
        ("beyond the end", one, queue(3, 3, 3), 3, missing),
        ("never stored", None, queue(3, 3, 3), 3, missing),
    ] {
        let segment = segment(0, 1, sequences);
        let mut seen = Seen {
            queue,
            given_long_ago,
            is_whole: true,
            ..Seen::default()
        };
        let none = Reached::default();
        assert_eq!(verdict(&segment, &seen, &none), wanted, "{what}");
        // Too much to look at: it may be in what was not.
        seen.is_whole = false;
        assert_eq!(verdict(&segment, &seen, &none), waits, "{what}");
    }
}

#[test]
fn a_number_is_settled_by_its_message_by_its_delivery_or_by_being_named() {
    let segment = segment(0, 1, Some((9, 9)));
    let seen = Seen {
        queue: queue(9, 9, 9),
        is_whole: true,
        ..Seen::default()
    };
    let none = Reached::default();
    assert_eq!(verdict(&segment, &seen, &none), Verdict::Missing);
    for reached in [
        Reached {
            numbers: [1].into(),
            ..none.clone()
        },
        Reached {
            holes: [1].into(),
            ..none.clone()
        },
        Reached {
            deliveries: [segment.deliveries[0]].into(),
            ..none.clone()
        },
    ] {
        assert_eq!(
            verdict(&segment, &seen, &reached),
            Verdict::Settled,
            "{reached:?}"
        );
    }
}

#[test]
fn a_message_that_lies_in_the_queue_is_stranded_only_where_nobody_is_to_be_given_it() {
    let segment = segment(0, 1, Some((9, 9)));
    for (is_stranded, given_long_ago, place, wanted) in [
        (false, 9, 9, Verdict::Waits),
        (true, 9, 9, Verdict::Stranded(9)),
        // Somebody was just given it.
        (true, 8, 9, Verdict::Waits),
        // It was put back as a fresh message, which is still to be given.
        (true, 9, 12, Verdict::Waits),
    ] {
        let seen = Seen {
            queue: queue(9, 9, 12),
            given_long_ago,
            found: [((segment.lane, 1), place)].into(),
            is_whole: true,
            is_stranded,
            ..Seen::default()
        };
        assert_eq!(verdict(&segment, &seen, &Reached::default()), wanted);
    }
}

#[test]
fn dead_letters_and_spools_account_for_what_lies_in_them_and_spools_not_for_ever() {
    let mut segment = segment(0, 1, Some((9, 9)));
    let mut seen = Seen {
        queue: queue(9, 9, 9),
        is_whole: true,
        ..Seen::default()
    };
    seen.dying.insert((segment.lane, 1));
    assert_eq!(
        verdict(&segment, &seen, &Reached::default()),
        Verdict::Waits
    );
    seen.dying.clear();
    segment.spooled = vec![Numbers { first: 1, last: 1 }];
    assert_eq!(
        verdict(&segment, &seen, &Reached::default()),
        Verdict::Waits
    );
    segment.recorded_at = now() - Duration::from_secs(3_602);
    assert_eq!(
        verdict(&segment, &seen, &Reached::default()),
        Verdict::Missing
    );
}

#[test]
fn a_lane_is_judged_up_to_what_waits_and_never_over_a_manifest_that_did_not_come() {
    let segments = |bounds: &[(u64, u64)]| -> Vec<Segment> {
        let segments = bounds.iter();
        segments
            .map(|(from, through)| segment(*from, *through, None))
            .collect()
    };
    for (judged, bounds, waiting, wanted) in [
        (0, &[(0, 3), (3, 5)][..], vec![], 5),
        (0, &[(0, 3), (3, 5)], vec![4], 3),
        (0, &[(0, 3), (3, 5)], vec![1], 0),
        (0, &[(0, 3), (4, 5)], vec![], 3),
        // A manifest whose ack was lost is told again, with what came since.
        (0, &[(0, 3), (0, 5)], vec![], 5),
        (4, &[(3, 5)], vec![], 5),
        (4, &[], vec![], 4),
    ] {
        let waiting: BTreeSet<u64> = waiting.into_iter().collect();
        assert_eq!(
            judged_through(judged, &segments(bounds), &waiting),
            wanted,
            "{bounds:?}"
        );
    }
}

//! Owns each kind of fault, and what it is called when it is found.

use super::*;

type Plant = fn(&mut Account, &mut Ledger);

const FAULTS: &[(&str, Fault, Plant)] = &[
    ("delivery with another event", Fault::Wrong, |_, l| {
        l.deliveries[0].event = "ping".into()
    }),
    (
        "answered 2xx and neither recorded nor dead-lettered",
        Fault::Lost,
        |_, l| l.conflicts.clear(),
    ),
    ("delivery of a receipt", Fault::Lost, |_, l| {
        l.deliveries.clear()
    }),
    ("audit entry of a delivery", Fault::Lost, |_, l| {
        l.deliveries[0].entries = 0
    }),
    ("push of a recorded delivery", Fault::Lost, |_, l| {
        drop(l.pushes.pop())
    }),
    ("session of an enrolled repository", Fault::Lost, |_, l| {
        l.sessions.clear()
    }),
    ("attempt", Fault::Lost, |_, l| drop(l.attempts.pop())),
    ("verification request of a head", Fault::Lost, |_, l| {
        drop(l.requests.pop())
    }),
    ("result of a request", Fault::Lost, |_, l| {
        drop(l.tried.pop())
    }),
    ("dead letter of a poison message", Fault::Lost, |_, l| {
        l.dead.clear()
    }),
    (
        "audit entry with neither leaf nor place in the queue",
        Fault::Lost,
        |_, l| l.log.forgotten = 1,
    ),
    ("delivery id with two receipts", Fault::Doubled, |_, l| {
        l.receipts.push(Receipt {
            delivery: "d2".into(),
            source: "github".into(),
            forge_delivery: "one".into(),
            digest: "aa".into(),
        })
    }),
    ("delivery", Fault::Doubled, |_, l| {
        l.deliveries.push(Delivery {
            id: "d1".into(),
            digest: "aa".into(),
            event: "push".into(),
            entries: 1,
        })
    }),
    ("audit entry of a delivery", Fault::Doubled, |_, l| {
        l.deliveries[0].entries = 2
    }),
    ("conflict", Fault::Doubled, |_, l| {
        l.conflicts.push(Conflict {
            delivery: "d1".into(),
            digest: "bb".into(),
        })
    }),
    ("push", Fault::Doubled, |_, l| {
        l.pushes.push(push("aa", "c1"))
    }),
    ("session", Fault::Doubled, |_, l| l.sessions.push(session())),
    ("attempt", Fault::Doubled, |_, l| {
        l.attempts.push(attempt("a3", "c1"))
    }),
    ("verification request", Fault::Doubled, |_, l| {
        l.requests.push(asked("r3", "push:1", "a1"));
        l.tried.push(tried("r3", 1, "pass"));
    }),
    (
        "request for a head, without a push",
        Fault::Doubled,
        |_, l| {
            l.requests.push(asked("r3", "push:9", "a1"));
            l.tried.push(tried("r3", 1, "pass"));
        },
    ),
    ("try of a request", Fault::Doubled, |_, l| {
        l.tried.insert(0, tried("r1", 1, "error"))
    }),
    (
        "try after a result, without a cause",
        Fault::Doubled,
        |_, l| l.tried.push(tried("r2", 2, "fail")),
    ),
    ("recorded though nobody wants it", Fault::Wrong, |a, _| {
        a.requests.get_mut(&2).unwrap().expect = Expected::Nothing;
    }),
    ("receipt names another delivery", Fault::Wrong, |a, _| {
        a.answers.get_mut(&1).unwrap().delivery = Some("d9".into());
    }),
    (
        "receipt of a body that was never sent",
        Fault::Wrong,
        |_, l| {
            l.receipts.push(Receipt {
                delivery: "d2".into(),
                source: "github".into(),
                forge_delivery: "two".into(),
                digest: "cc".into(),
            })
        },
    ),
    (
        "conflict with a body that was never sent",
        Fault::Wrong,
        |_, l| {
            l.conflicts.push(Conflict {
                delivery: "d1".into(),
                digest: "dd".into(),
            })
        },
    ),
    ("conflict with the very same body", Fault::Wrong, |_, l| {
        l.conflicts.push(Conflict {
            delivery: "d1".into(),
            digest: "aa".into(),
        })
    }),
    (
        "delivery with another body than its receipt",
        Fault::Wrong,
        |_, l| l.deliveries[0].digest = "zz".into(),
    ),
    (
        "push that differs from what was sent",
        Fault::Wrong,
        |_, l| l.pushes[0].before = None,
    ),
    ("push that was never sent", Fault::Wrong, |_, l| {
        l.pushes.push(push("cc", "c1"))
    }),
    (
        "attempt of a commit that was never sent",
        Fault::Wrong,
        |_, l| l.attempts.push(attempt("a3", "c3")),
    ),
    ("result", Fault::Wrong, |_, l| {
        l.tried[2].result = "pass".into()
    }),
    ("dead letter without a reason", Fault::Wrong, |_, l| {
        l.dead[0].reason = " ".into()
    }),
    ("log with a hole", Fault::Wrong, |_, l| l.log.last_leaf = 4),
    ("audit entry without a leaf", Fault::Unaccounted, |_, l| {
        l.log.pending = 1
    }),
];

#[test]
fn every_kind_of_fault_is_found_and_named() {
    for (what, fault, plant) in FAULTS {
        let (mut account, mut ledger) = (account(), ledger());
        plant(&mut account, &mut ledger);
        let verdict = judge(&account, &ledger, Drained::Yes);
        let found = verdict.found();
        assert!(found.contains(&(*fault, *what)), "{what}: {found:?}");
        assert!(!verdict.is_good());
    }
}

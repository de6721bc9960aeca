//! What parts and gates say.

use super::*;

#[test]
fn a_process_is_ready_when_every_part_says_so() {
    let health = Health::new();
    assert!(health.report().ready);
    let nats = health.part("nats");
    let ledger = health.within("writer").part("ledger");
    assert_eq!((nats.name(), ledger.name()), ("nats", "writer.ledger"));
    assert_eq!(
        health.report().parts["nats"].reason.as_deref(),
        Some("starting")
    );
    nats.ready();
    assert!(!health.report().ready);
    ledger.ready();
    assert!(health.report().ready);
    ledger.not_ready("no answer");
    let report = health.report();
    assert!(!report.ready && report.parts["nats"].ready);
    assert_eq!(
        report.parts["writer.ledger"].reason.as_deref(),
        Some("no answer")
    );
    // A part asked for again is the same part, and is not set back.
    assert!(health.part("nats").is_ready());
    ledger.ready();
    health.stopping();
    assert_eq!(
        health.report().parts["process"].reason.as_deref(),
        Some("stopping")
    );
}

#[tokio::test]
async fn a_gate_opens_when_all_its_parts_work_at_one_moment() {
    let health = Health::new();
    let (nats, ledger) = (health.part("nats"), health.part("ledger"));
    let gate = Gate::new(vec![nats.clone(), ledger.clone()]);
    assert!(!gate.is_open());
    let opened = tokio::spawn({
        let gate = gate.clone();
        async move { gate.wait_open().await }
    });
    nats.ready();
    tokio::task::yield_now().await;
    nats.not_ready("gone");
    ledger.ready();
    tokio::task::yield_now().await;
    assert!(!opened.is_finished());
    nats.ready();
    opened.await.unwrap();
    assert!(gate.is_open());
    nats.not_ready("gone");
    nats.wait_not_ready().await;
    assert!(!gate.is_open());
    Gate::new(Vec::new()).wait_open().await;
}

#[test]
fn a_gate_that_was_shut_for_a_moment_was_not_calm() {
    let health = Health::new();
    let (nats, ledger) = (health.part("nats"), health.part("ledger"));
    let gate = Gate::new(vec![nats.clone(), ledger.clone()]);
    nats.ready();
    let calm = gate.follow();
    assert!(!calm.holds(), "one part was not ready from the start");
    ledger.ready();
    let calm = gate.follow();
    ledger.ready();
    assert!(calm.holds());
    ledger.not_ready("gone");
    assert!(!calm.holds());
    ledger.ready();
    assert!(!calm.holds(), "it was shut in between");
    assert!(gate.follow().holds());
    assert!(Gate::new(Vec::new()).follow().holds());
}

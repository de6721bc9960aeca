//! What was promised is accounted for, whatever the broker did with it.

use std::time::Instant;

use bus::topology::ATTEMPT_WRITER;
use contract::ids::DeliveryId;
use testkit::wait;

use crate::ground::{Ground, Running};
use crate::lanes::{Lane, Writer, record};

/// Deliveries of which the broker's file is damaged.
const DELIVERIES: usize = 24;

async fn notes(auditor: &Running, words: Option<&str>) {
    wait::until(&format!("completeness notes {words:?}"), async || {
        let report = auditor.health.report();
        let note = report.parts["completeness"].note.clone();
        let is_so = match (&note, words) {
            // What is missing makes nobody unready.
            (Some(note), Some(words)) => note.contains(words) && report.ready,
            (note, words) => note.is_none() == words.is_none(),
        };
        is_so.then_some(()).ok_or(format!("{report:?}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_is_judged_to_its_end_when_every_number_is_in_the_ledger_or_void() {
    let ground = Ground::with_bus().await;
    let auditor = ground.auditor_on_the_bus();
    let mut lane = Lane::open(&ground).await;
    lane.accept().await;
    lane.refuse();
    lane.accept().await;
    lane.tell(false).await;
    lane.accept().await;
    lane.tell(true).await;
    // Nobody has taken them yet: they wait, and nothing is missing.
    wait::until("both manifests are known", async || {
        let known = ground
            .house
            .number("SELECT count(*) FROM lane_manifest")
            .await;
        (known == 2).then_some(()).ok_or(known.to_string())
    })
    .await;
    let writer = Writer::start(&ground, &[], &[]).await;
    ground.until_judged(&lane, 4).await;
    assert!(ground.holes("missing").await.is_empty());
    let actions = ground.house.entries_are_by_the_schema().await;
    for action in ["lane-told", "lane-closed"] {
        assert!(actions.iter().any(|found| found == action), "{actions:?}");
    }
    notes(&auditor, None).await;
    writer.stop().await;
    auditor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acked_away_is_an_alarm_until_the_forge_brings_it_again() {
    let ground = Ground::with_bus().await;
    let auditor = ground.auditor_on_the_bus();
    let mut lane = Lane::open(&ground).await;
    let (first, dead, lost) = (
        lane.accept().await,
        lane.accept().await,
        lane.accept().await,
    );
    let writer = Writer::start(&ground, &[lost], &[dead]).await;
    lane.tell(false).await;
    ground.until_holes("missing", &[lost]).await;
    // A dead letter that nobody has recorded yet is accounted for.
    ground.until_judged(&lane, 1).await;
    notes(&auditor, Some("1 accepted deliveries are missing")).await;
    wait::until("the forge is asked what it sent", async || {
        match ground.house.messages("COMMANDS").await.len() {
            1 => Ok(()),
            asked => Err(format!("{asked} times")),
        }
    })
    .await;
    record(&mut ground.writing().await, lost).await;
    ground.until_holes("found", &[lost]).await;
    notes(&auditor, None).await;
    let actions = ground.house.entries_are_by_the_schema().await;
    for action in ["delivery-missing", "delivery-found"] {
        assert!(actions.iter().any(|found| found == action), "{actions:?}");
    }
    assert_ne!(first, lost);
    writer.stop().await;
    auditor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_that_a_flipped_bit_took_are_named() {
    let mut ground = Ground::with_bus().await;
    let auditor = ground.auditor_on_the_bus();
    let mut lane = Lane::open(&ground).await;
    let mut accepted: Vec<DeliveryId> = Vec::new();
    for _ in 0..DELIVERIES {
        accepted.push(lane.accept().await);
    }
    lane.tell(false).await;
    wait::until("the manifest is known", async || {
        let known = ground
            .house
            .number("SELECT count(*) FROM lane_manifest")
            .await;
        (known == 1).then_some(()).ok_or(known.to_string())
    })
    .await;
    ground.house.nats_mut().stop().await.unwrap();
    // Within a payload.
    ground.house.flip_a_bit(ATTEMPT_WRITER.stream, &[b'x'; 100]);
    let restarted = Instant::now();
    ground.house.nats_mut().start_again().await.unwrap();
    let up = restarted.elapsed();
    let writer = Writer::start(&ground, &[], &[]).await;
    ground.until_judged(&lane, DELIVERIES as i64).await;
    let missing = ground.holes("missing").await;
    println!(
        "one flipped bit took {} of {DELIVERIES} deliveries; all were accounted for {:?} after \
         the restart began, which took {up:?}; the broker's log: {}",
        missing.len(),
        restarted.elapsed(),
        std::fs::read_to_string(ground.house.nats().log()).unwrap_or_default(),
    );
    assert_eq!(missing.len(), 1, "the bit was in one message");
    let taken = ground
        .house
        .number("SELECT count(*) FROM lane_message")
        .await;
    assert_eq!(taken as usize + missing.len(), DELIVERIES);
    assert!(missing.iter().all(|delivery| accepted.contains(delivery)));
    notes(&auditor, Some("accepted deliveries are missing")).await;
    writer.stop().await;
    auditor.stop().await;
}

/// Accepts something that its consumer then passes over, and one delivery more: what was passed
/// over is handed again and leaves the queue, and nothing is missing.
async fn what_is_passed_over_is_handed_again<const N: usize>(
    accept: impl AsyncFnOnce(&mut Lane) -> [DeliveryId; N],
) {
    let ground = Ground::with_bus().await;
    let auditor = ground.auditor_on_the_bus();
    let mut lane = Lane::open(&ground).await;
    let passed = accept(&mut lane).await;
    let consumer = ATTEMPT_WRITER;
    ground
        .house
        .pass_over(consumer.stream, consumer.durable)
        .await;
    lane.accept().await;
    lane.tell(false).await;
    let begun = Instant::now();
    let writer = Writer::start(&ground, &[], &[]).await;
    ground.until_holes("handed-again", &passed).await;
    ground.until_judged(&lane, N as i64 + 1).await;
    println!(
        "what was passed over was taken in after {:?}",
        begun.elapsed()
    );
    assert!(ground.holes("missing").await.is_empty());
    wait::until("it has left its queue", async || {
        match ground.house.messages(consumer.stream).await.len() {
            0 => Ok(()),
            left => Err(format!("{left} messages")),
        }
    })
    .await;
    notes(&auditor, None).await;
    writer.stop().await;
    auditor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_its_consumer_passed_over_is_handed_again() {
    what_is_passed_over_is_handed_again(async |lane| [lane.accept().await]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_in_a_bundle_that_its_consumer_passed_over_is_handed_again() {
    what_is_passed_over_is_handed_again(async |lane| lane.accept_together::<3>().await).await;
}

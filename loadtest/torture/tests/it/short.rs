//! The short form of the torture: one round of every kill and every other fault.

use std::time::Duration;

use rand::random;
use torture::deck::Tier;
use torture::driver::Load;
use torture::kills::Pace;
use torture::learners::Class;
use torture::run::Run;
use witness::dice::Seed;

/// The seed of every test run; `ASSAY_TORTURE_SEED` gives another, or `random`.
const SEED: u64 = 20_261_121;
/// How long the queues may take to drain, in seconds: what somebody held who died comes again
/// after the ack wait.
const DRAIN_SECS_MAX: u64 = 120;
/// Fewest kills that such a run is worth its name with.
const KILLS_MIN: u64 = 20;

fn seed() -> u64 {
    match std::env::var("ASSAY_TORTURE_SEED") {
        Ok(text) if text == "random" => random::<u32>().into(),
        Ok(text) => text
            .parse()
            .expect("ASSAY_TORTURE_SEED is a number, or `random`"),
        Err(_) => SEED,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_once_whoever_dies_and_whatever_breaks() {
    let seed = seed();
    let run = Run {
        seed: Seed(seed),
        tier: Tier::Short,
        lasts: Duration::ZERO,
        load: Load {
            senders: 4,
            pause_ms_max: 300,
        },
        class: Class {
            learners: 3,
            pushes_max: u64::MAX,
            pause_ms_max: 3_000,
            silent_max: 2,
        },
        pace: Pace {
            pause_ms_max: 200,
            empty_ms_max: 200,
            wait_ms_max: 2_000,
        },
        fault_pause_ms_max: 150,
        fault_max: Duration::from_millis(800),
        drain_max: Duration::from_secs(DRAIN_SECS_MAX),
        command: format!("ASSAY_TORTURE_SEED={seed} cargo nextest run -p torture short"),
    };
    let folder = tempfile::tempdir().unwrap();
    let report = run
        .carry_out(&folder.path().join("sent.jsonl"))
        .await
        .unwrap();
    let page = report.page();
    println!("{page}");
    if !report.is_good() {
        let kept = folder.keep();
        panic!(
            "seed {seed}, {}: {}\n{page}",
            kept.display(),
            report.drained.seen
        );
    }
    assert!(report.kills() >= KILLS_MIN, "{page}");
}

//! Two hundred runs at once, hostile ones among them: all others come out as they must.

use std::fs;
use std::sync::Arc;

use lab::spec::Limits;
use tokio::task::JoinSet;
use verifier::limit::Limit;
use verifier::sandbox::account::Account;
use verifier::sandbox::{BoxOutcome, BoxedStep};

use crate::bench::Bench;

/// Runs at once.
const RUNS: u16 = 200;
/// The least that a check needs: two hundred must fit on a small machine. They wait for one
/// another, so the clock is generous.
const LIMITS: Limits = Limits {
    wall_seconds: 300,
    cpu_seconds: 20,
    memory_mib: 32,
    processes: 16,
    disk_mib: 4,
    output_kib: 16,
};

/// The hostile ones by their slots, with how each must end.
const HOSTILE: [(u16, &str, Limit); 5] = [
    (20, "f() { f | f & }; f; wait; sleep 900", Limit::Processes),
    (
        60,
        "perl -e '$x = \"x\" x (500 << 20); sleep 900'",
        Limit::Memory,
    ),
    (
        100,
        "while :; do fork() { fork & fork & }; fork; done",
        Limit::Processes,
    ),
    (140, "yes", Limit::Output),
    (
        180,
        "i=0; while :; do head -c 100000 /dev/zero > $i; i=$((i+1)); done",
        Limit::Disk,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_runs_beside_fork_bombs_all_come_out_as_they_must() {
    let Some(bench) = Bench::bounded().await else {
        return;
    };
    let bench = Arc::new(bench);
    let mut runs = JoinSet::new();
    for slot in 0..RUNS {
        let bench = Arc::clone(&bench);
        runs.spawn(async move { (slot, run(&bench, slot).await) });
    }
    let mut ended = 0;
    while let Some(run) = runs.join_next().await {
        let (slot, outcome) = run.unwrap();
        let ending = outcome.ending;
        match HOSTILE.iter().find(|(hostile, ..)| *hostile == slot) {
            Some((_, program, limit)) => {
                assert_eq!(ending.limit, Some(*limit), "{program}: {outcome:?}");
            }
            None => {
                let said = format!("{}\n{}\n", slot * 7, u32::from(slot) * 7 + 1);
                assert_eq!(
                    (ending.exit_code, ending.limit),
                    (Some(0), None),
                    "{slot}: {outcome:?}"
                );
                assert_eq!(String::from_utf8_lossy(&outcome.log), said, "{slot}");
            }
        }
        ended += 1;
    }
    assert_eq!(ended, RUNS);
    drop(Arc::into_inner(bench).map(|bench| bench.folder));
}

async fn run(bench: &Bench, slot: u16) -> BoxOutcome {
    // Slots are counted from behind the bench's own.
    let number = slot + crate::bench::SLOT + 1;
    let folder = bench.sandbox.folder(number, Account::of_slot(number));
    let folder = Arc::new(folder.unwrap());
    fs::write(folder.work().join("given"), format!("{}\n", slot * 7)).unwrap();
    let hostile = HOSTILE.iter().find(|(hostile, ..)| *hostile == slot);
    // Each of the others takes a few processes, a file, and the time that the hostile ones need.
    let honest = "read n < given; echo $n; (sleep 1; echo $((n + 1)) > made) & wait; cat made";
    let step = BoxedStep {
        folder: &folder,
        command: hostile.map_or(honest, |(_, program, _)| program),
        limits: &LIMITS,
    };
    bench.sandbox.run(step).await.unwrap()
}

//! What the box costs: a command in it against the same command bare, whole verifications a second,
//! and whose time it is. `make bench` prints it; nothing is asserted.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    dead_code,
    reason = "a program for people, of parts of the tests"
)]

#[path = "../tests/it/bench.rs"]
mod bench;
#[path = "../tests/it/workshop.rs"]
mod workshop;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::job::PreservedTree;
use lab::spec::Limits;
use objects::manifest::BlobKind::Regular;
use objects::owner::Owner;
use verifier::sandbox::BoxedStep;
use verifier::sandbox::account::Account;

use bench::{Bench, SLOT};
use workshop::Workshop;

/// What is run, bare and in the box.
const COMMAND: &str = "exit 0";
/// How often each.
const TIMES: usize = 200;
/// Sessions that push at once: each has one run at a time.
const SESSIONS: usize = 16;
/// Verifications in all.
const VERIFICATIONS: usize = 320;
/// A lab that does nothing.
const LAB: &str = "[lab]\nslug = \"trivial\"\n[[step]]\nname = \"step\"\nrun = \"exit 0\"\n\
    report = \"exit-code\"\npoints = 1\n";

#[tokio::main]
async fn main() {
    // Whoever runs all targets as tests starts this one too, without the word.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let overhead = boxed_against_bare().await;
    let [per_second, own_share] = verifications_a_second().await;
    hand_over(&[
        ("verifier.box-overhead", overhead, "ms"),
        ("verifier.verifications-per-second", per_second, "1/s"),
        ("verifier.own-share", own_share, "%"),
    ]);
}

/// Hands the figures over to `make bench`, which asks for them: see loadtest's README.
fn hand_over(figures: &[(&str, f64, &str)]) {
    let Some(folder) = std::env::var_os("ASSAY_BENCH_FIGURES") else {
        return;
    };
    let figures = figures.iter();
    let figures = figures
        .map(|(id, value, unit)| serde_json::json!({ "id": id, "value": value, "unit": unit }));
    let text = serde_json::Value::from_iter(figures).to_string();
    std::fs::write(Path::new(&folder).join("verifier-sandbox.json"), text).unwrap();
}

/// Gives the overhead of the box in milliseconds, the difference of two medians.
async fn boxed_against_bare() -> f64 {
    let bench = Bench::new().await;
    let mut bare = Vec::new();
    let (mut alone, mut whole, mut inside) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let begun = Instant::now();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", COMMAND]).stdin(Stdio::null());
        command.output().unwrap();
        bare.push(begun.elapsed());
        let begun = Instant::now();
        let folder = bench.sandbox.folder(SLOT + 1, Account::of_slot(SLOT + 1));
        let folder = Arc::new(folder.unwrap());
        let made = Instant::now();
        let step = BoxedStep {
            folder: &folder,
            command: COMMAND,
            limits: &Limits::default(),
        };
        let outcome = bench.sandbox.run(step).await.unwrap();
        alone.push(made.elapsed());
        inside.push(Duration::from_millis(outcome.peaks.wall_ms));
        drop(folder);
        whole.push(begun.elapsed());
    }
    println!(
        "{} runs each of sh -c {COMMAND:?}; {}",
        TIMES,
        bench.sandbox.identification()
    );
    let bare = say("bare", bare);
    let alone = say("in a box", alone);
    say("in a box, with a folder made and removed", whole);
    say(
        "of it, from the first instruction to the end (whole ms)",
        inside,
    );
    let overhead = ms(alone.saturating_sub(bare));
    println!("overhead of the box, median: {overhead:.2} ms");
    overhead
}

/// Gives verifications a second, and our own share of the processor time in percent.
async fn verifications_a_second() -> [f64; 2] {
    let workshop = Workshop::open().await;
    let mut jobs = Vec::new();
    for _ in 0..SESSIONS {
        let session = workshop.session(&[("lab.toml", Regular, LAB)]).await;
        let tree = [("a", Regular, "a"), ("b", Regular, "b")];
        let digest = workshop.keep(Owner::Session(session.id), &tree).await;
        for _ in 0..VERIFICATIONS / SESSIONS {
            jobs.push(
                workshop
                    .request(&session, PreservedTree::Kept { digest })
                    .await,
            );
        }
    }
    let (own_before, boxes_before) = processor_time();
    let begun = Instant::now();
    for job in &jobs {
        workshop.bus.publish(job).await.unwrap();
    }
    testkit::wait::until("every one has come out", async || {
        let rows = "SELECT count(*) FROM verification_attempt WHERE result = 'pass'";
        match usize::try_from(workshop.house.number(rows).await).unwrap() {
            VERIFICATIONS => Ok(()),
            count => Err(count.to_string()),
        }
    })
    .await;
    let seconds = begun.elapsed().as_secs_f64();
    let (own, boxes) = processor_time();
    let (own, boxes) = (own - own_before, boxes - boxes_before);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let all = VERIFICATIONS as f64;
    println!(
        "{VERIFICATIONS} verifications of a trivial lab, message to row, {cores} cores, real servers \
         beside: {:.1} a second",
        all / seconds
    );
    println!(
        "processor time each: {:.2} ms our own code, {:.2} ms boxes and what runs in them: our share {:.0} %",
        own / all,
        boxes / all,
        own / (own + boxes) * 100.0
    );
    [all / seconds, own / (own + boxes) * 100.0]
}

/// Prints the median, what the fastest tenth took, which a loaded machine changes least, and the
/// slowest of twenty; gives the median.
fn say(what: &str, mut times: Vec<Duration>) -> Duration {
    times.sort();
    let median = times[times.len() / 2];
    let (fast, slow) = (times[times.len() / 10], times[times.len() * 19 / 20]);
    println!(
        "{what}: median {:.2} ms, 10 % within {:.2} ms, 95 % within {:.2} ms",
        ms(median),
        ms(fast),
        ms(slow)
    );
    median
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Processor time of this process, and of all that it has waited for, in milliseconds: fields 14 to
/// 17 of proc(5)'s `stat`.
fn processor_time() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = &stat[stat.rfind(')').unwrap() + 1..];
    let fields: Vec<f64> = after_name
        .split_whitespace()
        .skip(11)
        .take(4)
        .map(|field| field.parse().unwrap())
        .collect();
    // A tick is a hundredth of a second on every Linux.
    (
        (fields[0] + fields[1]) * 10.0,
        (fields[2] + fields[3]) * 10.0,
    )
}

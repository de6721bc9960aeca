//! The hostile corpus: programs, each with its expected end. After each of them nothing outside has
//! changed, its group and its processes are gone, its folder is empty, and the next verification
//! finds all as it should be.

mod leaving;
mod outside;
mod reaching;
mod taking;
mod using;

use std::sync::Arc;

use lab::spec::Limits;
use verifier::limit::Limit;
use verifier::sandbox::account::Account;
use verifier::sandbox::{BoxOutcome, BoxedStep};

use crate::bench::{Bench, SLOT};
use outside::Outside;

/// What most of them may use.
const SMALL: Limits = Limits {
    wall_seconds: 60,
    cpu_seconds: 20,
    memory_mib: 64,
    processes: 16,
    disk_mib: 8,
    output_kib: 64,
};

/// How a hostile program must end.
#[derive(Clone, Copy, Debug)]
enum End {
    /// Stopped by this limit.
    Limit(Limit),
    /// By itself, with this exit code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
    /// By itself, well, having printed exactly this.
    Says(&'static str),
}

/// A program, and how it must end.
#[derive(Clone, Copy, Debug)]
struct Hostile {
    name: &'static str,
    program: &'static str,
    end: End,
}

const fn hostile(name: &'static str, program: &'static str, end: End) -> Hostile {
    Hostile { name, program, end }
}

/// Runs each in a run of its own, and looks what became of everything else.
async fn run_all(bench: &Bench, corpus: &[Hostile], limits: Limits) {
    for hostile in corpus {
        let outside = Outside::look(bench);
        let program = outside.fill(hostile.program);
        let outcome = run(bench, &program, limits, |outcome| {
            check(hostile, outcome, limits);
        });
        outcome.await;
        outside.is_as_it_was(bench, hostile.name);
        let next = run(bench, "echo well; ls -A . /tmp /dev/shm", SMALL, |next| {
            let said = String::from_utf8_lossy(&next.log);
            let expected = "well\n.:\n\n/dev/shm:\n\n/tmp:\n";
            assert_eq!(said, expected, "after {}: {next:?}", hostile.name);
            assert_eq!(next.ending.exit_code, Some(0), "after {}", hostile.name);
        });
        next.await;
        outside.is_as_it_was(bench, hostile.name);
    }
}

/// A run of one step, in a folder of its own.
async fn run(bench: &Bench, program: &str, limits: Limits, look: impl Fn(&BoxOutcome)) {
    let folder = bench.sandbox.folder(SLOT + 1, Account::of_slot(SLOT + 1));
    let folder = Arc::new(folder.unwrap());
    let step = BoxedStep {
        folder: &folder,
        command: program,
        limits: &limits,
    };
    let outcome = bench.sandbox.run(step).await;
    look(&outcome.unwrap_or_else(|error| panic!("{program}: {error:?}")));
}

fn check(hostile: &Hostile, outcome: &BoxOutcome, limits: Limits) {
    let Hostile { name, end, .. } = hostile;
    let ended = outcome.ending;
    let log = String::from_utf8_lossy(&outcome.log);
    let shown = log.chars().take(400).collect::<String>();
    let told = format!("{name}: {ended:?} {:?} {shown:?}", outcome.peaks);
    match *end {
        End::Limit(limit) => {
            assert_eq!(ended.limit, Some(limit), "{told}");
            measured(limit, outcome, limits, &told);
        }
        End::Exit(code) => assert_eq!((ended.exit_code, ended.limit), (Some(code), None), "{told}"),
        End::Signal(signal) => {
            assert_eq!((ended.signal, ended.limit), (Some(signal), None), "{told}")
        }
        End::Says(words) => {
            assert_eq!((ended.exit_code, ended.limit), (Some(0), None), "{told}");
            assert_eq!(log, words, "{told}");
        }
    }
}

/// The measured peak of the limit that stopped it is at that limit.
fn measured(limit: Limit, outcome: &BoxOutcome, limits: Limits, told: &str) {
    let peaks = outcome.peaks;
    let mib = |bytes: Option<u64>| bytes.unwrap() >> 20;
    match limit {
        Limit::Wall => assert!(
            peaks.wall_ms >= u64::from(limits.wall_seconds) * 1_000,
            "{told}"
        ),
        Limit::Cpu => assert!(
            peaks.cpu_ms >= u64::from(limits.cpu_seconds) * 500,
            "{told}"
        ),
        // What the kernel counts has the box and the caches in it: more is sure, how much is not.
        Limit::Memory => assert!(
            mib(peaks.memory_bytes) >= u64::from(limits.memory_mib) / 2,
            "{told}"
        ),
        Limit::Processes => assert!(
            peaks.processes.unwrap() >= u64::from(limits.processes),
            "{told}"
        ),
        Limit::Output => assert_eq!(
            peaks.output_bytes,
            u64::from(limits.output_kib) << 10,
            "{told}"
        ),
        // The number of files may be what is bounded.
        Limit::Disk => assert!(peaks.disk_bytes.is_some(), "{told}"),
    }
}

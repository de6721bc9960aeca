//! A machine that others keep busy is not the learner's fault: what the clock stopped beside them
//! is run again alone before it counts.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use contract::job::VerificationRequested;
use objects::owner::Owner;
use serde_json::{Value, json};
use testkit::wait;

use crate::workshop::{Session, Workshop};

/// What the log of a run says that took the place of another.
const AGAIN: &str = "run again alone";

/// A lab whose step may take so long.
fn lab(wall_seconds: u32) -> String {
    format!(
        "[lab]\nslug = \"a\"\n[limits]\nmemory_mib = 64\ndisk_mib = 8\n\
         wall_seconds = {wall_seconds}\n[[step]]\nname = \"step\"\nrun = \"sh run.sh\"\n"
    )
}

/// A program that waits for a word from outside, and takes no time for it.
fn waiting(gate: &str) -> String {
    format!("mkfifo {gate}\ncat {gate}\n")
}

/// The process in a box that waits at this gate.
fn waiter(gate: &str) -> Option<PathBuf> {
    let line = format!("cat\0{gate}\0");
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut processes = processes.map(|entry| entry.path());
    processes
        .find(|process| fs::read(process.join("cmdline")).is_ok_and(|said| said == line.as_bytes()))
}

/// Waits until a program waits at this gate; gives its process.
pub(crate) async fn until_it_waits(gate: &str) -> PathBuf {
    wait::until("the program waits", async || {
        waiter(gate).ok_or_else(|| "not yet".to_owned())
    })
    .await
}

async fn until_it_is_gone(process: &Path) {
    wait::until("the clock has stopped it", async || {
        (!process.join("cwd").exists())
            .then_some(())
            .ok_or_else(|| "it waits".to_owned())
    })
    .await;
}

/// Lets the program go on, by a way that leads into its box wherever its files are.
pub(crate) fn release(process: &Path, gate: &str) {
    let gate = process.join("cwd").join(gate);
    let mut gate = OpenOptions::new().write(true).open(gate).unwrap();
    gate.write_all(b"go\n").unwrap();
}

async fn log(workshop: &Workshop, session: &Session, row: &Value) -> String {
    let digest = row["log_digest"].as_str().unwrap().parse().unwrap();
    let owner = Owner::Session(session.id);
    let log = workshop.objects.get(owner, digest, 10_000).await.unwrap();
    String::from_utf8(log.to_vec()).unwrap()
}

async fn publish(workshop: &Workshop, session: &Session, gate: &str) -> VerificationRequested {
    let job = workshop.asked(session, &waiting(gate)).await;
    workshop.bus.publish(&job).await.unwrap();
    job
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_clock_stopped_beside_others_is_run_again_alone_and_that_counts() {
    let mut workshop = Workshop::furnish().await;
    workshop.serve(2);
    let [busy_gate, slow_gate] =
        ["busy", "slow"].map(|name| format!("{name}-{}", std::process::id()));
    let (other, session) = (
        workshop.session_of(&lab(900)).await,
        workshop.session_of(&lab(5)).await,
    );
    let busy = publish(&workshop, &other, &busy_gate).await;
    let beside = until_it_waits(&busy_gate).await;
    let slow = publish(&workshop, &session, &slow_gate).await;
    // It waits for what an overloaded machine does not give it, until the clock stops it.
    let first = until_it_waits(&slow_gate).await;
    until_it_is_gone(&first).await;
    let tries = format!(
        "SELECT count(*) FROM verification_attempt WHERE request_id = '{}'",
        slow.request
    );
    assert_eq!(
        workshop.house.number(&tries).await,
        0,
        "that does not count yet"
    );
    assert_eq!(
        waiter(&slow_gate),
        None,
        "and it is not run again beside another"
    );
    release(&beside, &busy_gate);
    assert_eq!(workshop.result(&busy).await["result"], "pass");

    release(&until_it_waits(&slow_gate).await, &slow_gate);
    let row = workshop.result(&slow).await;
    assert_eq!(
        (&row["result"], &row["try_number"]),
        (&json!("pass"), &json!(1)),
        "{row}"
    );
    let said = log(&workshop, &session, &row).await;
    assert!(said.contains(AGAIN), "{said}");
    workshop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_clock_stopped_alone_counts_at_once() {
    let mut workshop = Workshop::furnish().await;
    workshop.serve(2);
    let session = workshop.session_of(&lab(1)).await;
    let gate = format!("alone-{}", std::process::id());
    let job = publish(&workshop, &session, &gate).await;
    let row = workshop.result(&job).await;
    assert_eq!(row["result"], "fail", "{row}");
    assert_eq!(row["steps"][0]["limit"], "wall", "{row}");
    let said = log(&workshop, &session, &row).await;
    assert!(!said.contains(AGAIN), "{said}");
    workshop.close().await;
}

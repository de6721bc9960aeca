//! A process that runs as a child of the test, and gets signals from it.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use process::exit;
use process::shutdown::Shutdown;

/// Set in the child: how it behaves after the first signal.
const ROLE: &str = "ASSAY_TEST_SIGNALS_ROLE";

/// Starts this test binary again, as a process that listens for signals.
fn child(role: &str) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["signals::the_child_itself", "--exact", "--nocapture"])
        .env(ROLE, role)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    wait_for("child: listening", &mut lines);
    (child, lines)
}

fn wait_for(wanted: &str, lines: &mut Lines<BufReader<ChildStdout>>) {
    assert!(
        lines.any(|line| line.unwrap().contains(wanted)),
        "the child never said {wanted}"
    );
}

fn signal(child: &Child, name: &str) {
    let kill = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
}

/// No test of its own: what [`child`] starts.
#[tokio::test]
async fn the_child_itself() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let shutdown = Shutdown::listen_with(|| println!("child: last words")).unwrap();
    println!("child: listening");
    shutdown.token().cancelled().await;
    println!("child: stopping");
    if role == "holds on" {
        std::future::pending::<()>().await;
    }
}

#[test]
fn the_first_signal_lets_a_process_finish() {
    for name in ["-TERM", "-INT"] {
        let (mut child, mut lines) = child("finishes");
        signal(&child, name);
        wait_for("child: stopping", &mut lines);
        assert_eq!(child.wait().unwrap().code(), Some(0), "{name}");
    }
}

#[test]
fn a_second_signal_leaves_at_once_after_the_last_words() {
    let (mut child, mut lines) = child("holds on");
    signal(&child, "-TERM");
    wait_for("child: stopping", &mut lines);
    signal(&child, "-INT");
    wait_for("child: last words", &mut lines);
    assert_eq!(
        child.wait().unwrap().code(),
        Some(i32::from(exit::INTERRUPTED))
    );
}

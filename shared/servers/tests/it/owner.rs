//! What becomes of the servers when their owner dies; the owner is the example `serve`.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, test_kill_process};

use crate::talk;

struct Owner {
    process: Child,
    nats: (i32, String),
    postgres: (i32, String),
}

impl Owner {
    fn start(data: &Path) -> Self {
        let mut process = Command::new(program())
            .arg(data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let nats = server(&mut lines);
        let postgres = server(&mut lines);
        Self {
            process,
            nats,
            postgres,
        }
    }
}

/// The example lies beside the folder of the test's own program.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples/serve")
}

fn server(lines: &mut Lines<BufReader<ChildStdout>>) -> (i32, String) {
    let line = lines
        .next()
        .expect("the owner says where its servers are")
        .unwrap();
    let mut words = line.split(' ').map(str::to_owned);
    (
        words.next().unwrap().parse().unwrap(),
        words.next().unwrap(),
    )
}

/// Whether the process has ended; a dead one that nobody has reaped has.
fn has_ended(process: i32) -> Result<(), String> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let zombie = status.contains("State:\tZ");
    match test_kill_process(Pid::from_raw(process).unwrap()) {
        Err(_) => Ok(()),
        Ok(()) if zombie => Ok(()),
        Ok(()) => Err(format!("process {process} runs")),
    }
}

fn data_folder(temp: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(temp, std::fs::Permissions::from_mode(0o711)).unwrap();
    temp.join("data")
}

#[test]
#[cfg(target_os = "linux")]
fn killed_owners_leave_no_server_and_a_folder_that_can_be_used_again() {
    let temp = tempfile::tempdir().unwrap();
    let data = data_folder(temp.path());
    let mut known = None;
    for _ in 0..3 {
        // Started at once after the kill: the servers of the last owner may still be dying.
        let mut owner = Owner::start(&data);
        talk::nats(&owner.nats.1).unwrap();
        assert_eq!(talk::postgres(&owner.postgres.1), Ok('Z'));
        let addresses = (owner.nats.1.clone(), owner.postgres.1.clone());
        assert_eq!(*known.get_or_insert(addresses.clone()), addresses);

        owner.process.kill().unwrap();
        owner.process.wait().unwrap();
        known = Some(addresses);
        for server in [owner.nats.0, owner.postgres.0] {
            talk::until("the servers end", || has_ended(server));
        }
    }
    servers::folder::remove(&data).unwrap();
}

#[test]
fn an_owner_that_leaves_in_order_stops_its_servers() {
    let temp = tempfile::tempdir().unwrap();
    let data = data_folder(temp.path());
    let mut owner = Owner::start(&data);
    drop(owner.process.stdin.take());
    assert!(owner.process.wait().unwrap().success());
    has_ended(owner.nats.0).unwrap();
    has_ended(owner.postgres.0).unwrap();
    servers::folder::remove(&data).unwrap();
}

#[test]
fn a_second_owner_is_turned_away_and_the_first_goes_on() {
    let temp = tempfile::tempdir().unwrap();
    let data = data_folder(temp.path());
    let mut first = Owner::start(&data);
    let second = Command::new(program()).arg(&data).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success());
    assert!(
        said.contains(&format!("in use by process {}", first.process.id())),
        "{said}"
    );
    talk::nats(&first.nats.1).unwrap();
    drop(first.process.stdin.take());
    first.process.wait().unwrap();
}

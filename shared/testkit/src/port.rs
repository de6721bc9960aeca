//! Owns ports that a program can have again after it was killed: below those that the system gives
//! to outgoing connections, and no other test's.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use rand::Rng as _;

/// The ports that tests choose from. Linux hands out ports from 32768 on by itself, macOS from
/// 49152 on.
const CHOICE: std::ops::Range<u16> = 20_000..30_000;

/// A port of 127.0.0.1 that is the test's until this is dropped.
#[derive(Debug)]
pub struct Port {
    /// Its address.
    pub address: SocketAddr,
    _held: File,
}

impl Port {
    /// Takes a port that nobody listens on and no other test holds.
    pub fn take() -> Self {
        let folder = made();
        // Tests that begin at the same time begin at different places.
        let first = rand::thread_rng().gen_range(CHOICE);
        let mut choice = (first..CHOICE.end).chain(CHOICE.start..first);
        let held = choice.find_map(|port| {
            let lock = File::create(folder.join(port.to_string())).ok()?;
            lock.try_lock().ok()?;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            TcpListener::bind(address).ok()?;
            Some(Self {
                address,
                _held: lock,
            })
        });
        held.expect("a free port among ten thousand")
    }
}

/// Holds the first of numbered things that no other test holds, until the file is dropped.
pub(crate) fn hold(what: &str, numbers: impl IntoIterator<Item = u8>) -> (u8, File) {
    let folder = made();
    let mut numbers = numbers.into_iter();
    let held = numbers.find_map(|number| {
        let lock = File::create(folder.join(format!("{what}{number}"))).ok()?;
        lock.try_lock().ok()?;
        Some((number, lock))
    });
    held.expect("one that no other test holds")
}

fn made() -> PathBuf {
    let folder = folder();
    std::fs::create_dir_all(&folder).expect("a folder for the locks of ports");
    folder
}

/// One for each user: another one's files cannot be opened.
fn folder() -> PathBuf {
    let user = rustix::process::geteuid().as_raw();
    std::env::temp_dir().join(format!("assay-test-ports-{user}"))
}

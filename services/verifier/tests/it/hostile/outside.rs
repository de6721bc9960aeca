//! Owns the look at what is outside of the boxes: what a hostile program could have changed, and
//! what it could have left.

use std::fs;
use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Instant, SystemTime};

use rustix::fs::{Mode, OFlags};
use tempfile::TempDir;

use crate::bench::Bench;

/// Furthest that the two clocks may drift apart meanwhile, in milliseconds: far more than the
/// machine's own correction of its clock takes, far less than a program would set it by.
const DRIFT_MS_MAX: u128 = 60_000;
/// What boxes' groups are called.
const GROUPS: &str = "assay-box-";

static NEXT: AtomicU32 = AtomicU32::new(0);

/// What was outside before a program ran, with baits for it.
pub(super) struct Outside {
    /// In the environment of the program and of all that it starts.
    mark: String,
    canary: TempDir,
    tcp: TcpListener,
    udp: UdpSocket,
    abstract_socket: UnixListener,
    path_socket: UnixListener,
    victim: Child,
    /// A descriptor that this process lets others inherit.
    _leak: OwnedFd,
    begun: (Instant, SystemTime),
    host_name: String,
}

impl Outside {
    pub(super) fn look(bench: &Bench) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mark = format!("assay-mark-{}-{number}", std::process::id());
        let canary = crate::bench::scratch();
        let secret = canary.path().join("canary");
        fs::write(&secret, "sings").unwrap();
        let leak = rustix::fs::open(&secret, OFlags::RDWR, Mode::empty()).unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        tcp.set_nonblocking(true).unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_nonblocking(true).unwrap();
        let name = SocketAddr::from_abstract_name(&mark).unwrap();
        let abstract_socket = UnixListener::bind_addr(&name).unwrap();
        abstract_socket.set_nonblocking(true).unwrap();
        let path_socket = UnixListener::bind(canary.path().join("socket")).unwrap();
        path_socket.set_nonblocking(true).unwrap();
        let mut victim = Command::new("sleep");
        let victim = victim.arg("1000").stdin(Stdio::null()).spawn().unwrap();
        assert_eq!(groups(), Vec::<PathBuf>::new(), "before {mark}");
        let _ = bench;
        Self {
            mark,
            canary,
            tcp,
            udp,
            abstract_socket,
            path_socket,
            victim,
            _leak: leak,
            begun: (Instant::now(), SystemTime::now()),
            host_name: host_name(),
        }
    }

    /// The program with its mark, and with the names of the baits in it.
    pub(super) fn fill(&self, program: &str) -> String {
        let canary = self.canary.path().join("canary");
        let program = program
            .replace("@CANARY@", canary.to_str().unwrap())
            .replace("@FOLDER@", self.canary.path().to_str().unwrap())
            .replace("@TCP@", &self.tcp.local_addr().unwrap().port().to_string())
            .replace("@UDP@", &self.udp.local_addr().unwrap().port().to_string())
            .replace("@ABSTRACT@", &self.mark)
            .replace("@VICTIM@", &self.victim.id().to_string())
            .replace("@VERIFIER@", &std::process::id().to_string());
        format!("export ASSAY_MARK={}\n{program}", self.mark)
    }

    pub(super) fn is_as_it_was(&self, bench: &Bench, name: &str) {
        assert_eq!(groups(), Vec::<PathBuf>::new(), "groups after {name}");
        assert_eq!(
            marked(&self.mark),
            Vec::<String>::new(),
            "processes after {name}"
        );
        let left: Vec<_> = listed(bench.scratch.path());
        assert_eq!(
            left,
            ["etc", "filter.bpf", "lock", "slot-3"],
            "after {name}"
        );
        let secret = fs::read_to_string(self.canary.path().join("canary"));
        assert_eq!(secret.unwrap(), "sings", "after {name}");
        assert_eq!(
            listed(self.canary.path()),
            ["canary", "socket"],
            "after {name}"
        );
        self.nobody_called(name);
        let alive = fs::read_to_string(format!("/proc/{}/stat", self.victim.id())).unwrap();
        assert!(alive.contains("(sleep) S"), "after {name}: {alive}");
        assert_eq!(host_name(), self.host_name, "after {name}");
        let (steady, clock) = (self.begun.0.elapsed(), self.begun.1.elapsed().unwrap());
        let drift = steady.as_millis().abs_diff(clock.as_millis());
        assert!(drift < DRIFT_MS_MAX, "after {name}: {drift} ms");
    }

    fn nobody_called(&self, name: &str) {
        let nobody = |error: std::io::Error| {
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "after {name}");
        };
        nobody(self.tcp.accept().unwrap_err());
        nobody(self.udp.recv(&mut [0; 16]).unwrap_err());
        nobody(self.abstract_socket.accept().unwrap_err());
        nobody(self.path_socket.accept().unwrap_err());
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}

/// The groups of this process's boxes, in every hierarchy.
fn groups() -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let own = format!("-{}-", std::process::id());
    let mut found = Vec::new();
    for mount in mounts.lines().filter(|line| line.contains(" - cgroup")) {
        let point = PathBuf::from(mount.split(' ').nth(4).unwrap());
        walk(&point, &mut |folder| {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(GROUPS) && name.contains(&own) {
                found.push(folder.to_owned());
            }
        });
    }
    found
}

fn walk(folder: &Path, see: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            see(&entry.path());
            walk(&entry.path(), see);
        }
    }
}

/// Processes that have the mark in their environment; zombies have none.
fn marked(mark: &str) -> Vec<String> {
    let mark = format!("ASSAY_MARK={mark}");
    let processes = fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == mark.as_bytes())
    });
    processes
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn listed(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn host_name() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap()
}

//! Owns the mischief within a process: its clock is stepped, its disk fails, while it runs. A small
//! library that is loaded into the process (`mischief.c`) reads what is to happen from a file.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the library is told by, and does.
const LIBRARY: &str = include_str!("mischief.c");
/// Size of the file, in bytes: five numbers of eight.
const ORDERS_BYTES: u64 = 40;
/// Where each number is.
const CLOCK_AT: u64 = 0;
const SYNC_AT: u64 = 8;
const WRITE_AT: u64 = 16;
const CLOCKS_AT: u64 = 24;
const DISKS_AT: u64 = 32;

/// How a disk fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sick {
    /// No sync succeeds (EIO).
    Syncs,
    /// Half of what is written gets there, then none (ENOSPC).
    Full,
}

/// Builds the library into a folder; `None`, said aloud, where there is no compiler for it.
pub fn build(folder: &Path) -> Option<PathBuf> {
    let (source, library) = (folder.join("mischief.c"), folder.join("mischief.so"));
    std::fs::write(&source, LIBRARY).expect("a file for the library");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-o"]);
    let said = compiler.arg(&library).arg(&source).arg("-ldl").output();
    match said {
        Ok(said) if said.status.success() && cfg!(target_os = "linux") => Some(library),
        other => {
            println!("skipped: clocks and disks of a single process ({other:?})");
            None
        }
    }
}

/// What is to happen to one process.
#[derive(Debug)]
pub struct Mischief {
    library: PathBuf,
    path: PathBuf,
    orders: File,
}

impl Mischief {
    /// None yet.
    pub fn new(library: &Path, path: PathBuf) -> Self {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        let orders = options.open(&path).expect("a file for the orders");
        orders.set_len(ORDERS_BYTES).expect("room for the orders");
        Self {
            library: library.to_owned(),
            path,
            orders,
        }
    }

    /// What a process needs to be told.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("TORTURE_MISCHIEF", self.path.display().to_string()),
        ]
    }

    /// Steps the clock to so many seconds from the right time.
    pub fn step_clock(&self, seconds: i64) {
        self.write(CLOCK_AT, seconds);
    }

    /// Makes the disk sick, or well.
    pub fn sicken(&self, sick: Option<Sick>) {
        let error = |kind, error: rustix::io::Errno| {
            if sick == Some(kind) {
                error.raw_os_error().into()
            } else {
                0
            }
        };
        self.write(SYNC_AT, error(Sick::Syncs, rustix::io::Errno::IO));
        self.write(WRITE_AT, error(Sick::Full, rustix::io::Errno::NOSPC));
    }

    /// How often the process was told another time.
    pub fn clocks(&self) -> i64 {
        self.read(CLOCKS_AT)
    }

    /// How many syncs and writes failed.
    pub fn disks(&self) -> i64 {
        self.read(DISKS_AT)
    }

    fn write(&self, at: u64, number: i64) {
        let written = self.orders.write_all_at(&number.to_ne_bytes(), at);
        written.expect("the orders can be written");
    }

    fn read(&self, at: u64) -> i64 {
        let mut number = [0; 8];
        let read = self.orders.read_exact_at(&mut number, at);
        read.expect("the orders can be read");
        i64::from_ne_bytes(number)
    }
}

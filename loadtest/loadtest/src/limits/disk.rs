//! Owns what the disk alone lets somebody wait who comes at any moment: nobody is answered before what
//! he brought is synced, so its stalls are in everybody's answers.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::latency::{Latencies, Percentiles};

/// What is written before each sync: a few compressed deliveries.
const BLOCK: [u8; 16 * 1024] = [7; 16 * 1024];
/// Between two who come, in microseconds.
const ARRIVAL_MICROS: u64 = 500;

/// Writes and syncs, again and again, a file in this folder for so long; says what those would have
/// waited who came every half millisecond: for the end of the sync at work, and the next one.
///
/// # Errors
/// A file that cannot be written or synced.
pub fn measure(folder: &Path, lasts: Duration) -> Result<Percentiles> {
    let path = folder.join("disk-probe");
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .open(&path)
        .context("make a file for the disk's measurement")?;
    let began = Instant::now();
    let mut ends = Vec::new();
    while began.elapsed() < lasts {
        file.write_all(&BLOCK).context("write to the disk")?;
        file.sync_data().context("sync the disk")?;
        ends.push(began.elapsed());
    }
    drop(file);
    std::fs::remove_file(&path).context("remove the file of the disk's measurement")?;
    Ok(waits(&ends)?.all())
}

/// What is waited by who comes at a steady rate while syncs end at these times.
fn waits(ends: &[Duration]) -> Result<Latencies> {
    let mut latencies = Latencies::new()?;
    let mut at = Duration::ZERO;
    for (this, next) in ends.iter().zip(ends.iter().skip(1)) {
        while at < *this {
            latencies.note(at, next.saturating_sub(at))?;
            at += Duration::from_micros(ARRIVAL_MICROS);
        }
    }
    Ok(latencies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_during_a_stall_waits_for_its_rest_and_one_sync_more() {
        let ends = [0, 1, 2, 102, 103].map(Duration::from_millis);
        let all = waits(&ends).unwrap().all();
        assert_eq!(all.count, 204, "two a millisecond until the last but one");
        // The first of a stall of 100 ms: those and one more.
        assert!((all.max - 101.0).abs() < 1.0, "{all:?}");
        assert!((all.p50 - 51.0).abs() < 2.0, "{all:?}");
    }

    #[test]
    fn a_disk_is_measured_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let all = measure(folder.path(), Duration::from_millis(50)).unwrap();
        assert!(all.max > 0.0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

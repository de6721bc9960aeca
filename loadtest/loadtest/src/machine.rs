//! Owns what processes use, as /proc says it: processor time and memory, by name.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// Ticks in a second, on every Linux.
const TICKS_PER_SEC: f64 = 100.0;

/// A process that is watched, with all that it started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Watched {
    /// What it is called in reports.
    pub name: String,
    /// Its id.
    pub id: u32,
}

/// What a process uses, with all that it started.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Use {
    /// Processor time since it began, in seconds.
    pub cpu_secs: f64,
    /// Memory that is resident, in MiB. What its processes share counts once.
    pub memory_mib: f64,
}

/// What the machine's processors did since it started, in seconds of one of them.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Processors {
    /// All that went by, at work or not.
    pub all_secs: f64,
    /// What others had while this machine had work: a virtual one shares its processors (`steal`).
    pub stolen_secs: f64,
}

impl Processors {
    /// How much of the time since then others had, in percent.
    pub fn stolen_since(self, before: Self) -> f64 {
        let all = self.all_secs - before.all_secs;
        (self.stolen_secs - before.stolen_secs) * 100.0 / all.max(0.01)
    }
}

/// How much of the processors' time others may have before what was measured says more of them than of us,
/// in percent.
const STOLEN_PERCENT_MAX: f64 = 1.0;

/// Whether others had so much of the processors' time, in percent, that it is better measured again.
pub fn is_disturbed(stolen_percent: f64) -> bool {
    stolen_percent > STOLEN_PERCENT_MAX
}

/// What of one process is read.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Seen {
    parent: u32,
    ticks: u64,
    /// In KiB: its own, and what it shares with others.
    own_kib: u64,
    shared_kib: u64,
}

/// The machine's memory, in MiB.
///
/// # Errors
/// If the machine does not say.
pub fn memory_mib() -> Result<u64> {
    let text = fs::read_to_string("/proc/meminfo").context("read /proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
    let kib = kib.and_then(|kib| kib.trim().parse::<u64>().ok());
    Ok(kib.context("find the machine's memory in /proc/meminfo")? / 1024)
}

/// What a folder's disk has left for this user, in bytes.
///
/// # Errors
/// If the folder is not there.
pub fn free_bytes(folder: &Path) -> Result<u64> {
    let found = rustix::fs::statvfs(folder);
    let found = found.with_context(|| format!("look how much room {} has", folder.display()))?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// What the processors did until now; nothing where the machine does not say.
pub fn processors() -> Processors {
    let said = fs::read_to_string("/proc/stat").unwrap_or_default();
    processors_of(&said)
}

/// Reads proc(5)'s `stat` of the machine: user, nice, system, idle, iowait, irq, softirq, steal; what
/// comes after these is in them.
fn processors_of(said: &str) -> Processors {
    let line = said
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("cpu "));
    let ticks: Vec<f64> = line
        .into_iter()
        .flat_map(str::split_whitespace)
        .take(8)
        .filter_map(|field| field.parse().ok())
        .collect();
    Processors {
        all_secs: ticks.iter().sum::<f64>() / TICKS_PER_SEC,
        stolen_secs: ticks.get(7).copied().unwrap_or(0.0) / TICKS_PER_SEC,
    }
}

/// What each of the watched uses now. One that has ended uses nothing.
pub fn look(watched: &[Watched]) -> BTreeMap<String, Use> {
    let mut seen = all();
    set_apart(&mut seen, watched);
    watched
        .iter()
        .map(|one| (one.name.clone(), used(&seen, one.id)))
        .collect()
}

/// The memory of processes of one program, in MiB: each one's own, and once what all of them share.
pub fn memory_together(watched: &[&Watched]) -> f64 {
    let seen = all();
    let of = |one: &&Watched| seen.get(&one.id).copied();
    together(watched.iter().filter_map(of))
}

fn together(processes: impl Iterator<Item = Seen>) -> f64 {
    let (own, shared) = processes.fold((0, 0), |(own, shared), one| {
        (own + one.own_kib, shared.max(one.shared_kib))
    });
    (own + shared) as f64 / 1024.0
}

/// What is watched by itself is not what somebody else started.
fn set_apart(seen: &mut BTreeMap<u32, Seen>, watched: &[Watched]) {
    for one in watched {
        if let Some(root) = seen.get_mut(&one.id) {
            root.parent = 0;
        }
    }
}

fn used(seen: &BTreeMap<u32, Seen>, root: u32) -> Use {
    let mut family = vec![root];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(
            seen.iter()
                .filter(|(_, one)| one.parent == parent)
                .map(|(id, _)| *id),
        );
        next += 1;
    }
    let members = || family.iter().filter_map(|id| seen.get(id));
    let own: u64 = members().map(|one| one.own_kib).sum();
    let shared = members().map(|one| one.shared_kib).max().unwrap_or(0);
    let ticks: u64 = members().map(|one| one.ticks).sum();
    Use {
        cpu_secs: ticks as f64 / TICKS_PER_SEC,
        memory_mib: (own + shared) as f64 / 1024.0,
    }
}

fn all() -> BTreeMap<u32, Seen> {
    let Ok(listed) = fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    let ids = listed.flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter_map(|id| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        Some((id, read(&stat, &status)?))
    })
    .collect()
}

/// Reads proc(5)'s `stat` and `status`. The time of children that have ended counts as well.
fn read(stat: &str, status: &str) -> Option<Seen> {
    let after_name = &stat[stat.rfind(')')? + 1..];
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = fields
        .get(11..15)?
        .iter()
        .filter_map(|field| field.parse::<u64>().ok());
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        number.unwrap_or(0)
    };
    Some(Seen {
        parent: fields.get(1)?.parse().ok()?,
        ticks: ticks.sum(),
        own_kib: kib("RssAnon:"),
        shared_kib: kib("RssFile:") + kib("RssShmem:"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proc_says_is_read_whatever_a_process_is_called() {
        let stat = "7 (a) b (c)) S 3 7 7 0 -1 4194304 1 2 3 4 150 50 20 30 20 0 1 0 5";
        let status = "Name:\ta\nRssAnon:\t  2048 kB\nRssFile:\t1024 kB\nRssShmem:\t512 kB\n";
        let seen = read(stat, status).unwrap();
        let wanted = Seen {
            parent: 3,
            ticks: 250,
            own_kib: 2048,
            shared_kib: 1536,
        };
        assert_eq!(seen, wanted);
    }

    #[test]
    fn what_others_had_of_the_processors_is_a_share_of_all_time() {
        let before = processors_of("cpu  100 0 100 700 0 0 0 100 50 0\ncpu0 1 2 3\n");
        let wanted = Processors {
            all_secs: 10.0,
            stolen_secs: 1.0,
        };
        assert_eq!(before, wanted);
        let after = processors_of("cpu  200 0 100 1000 0 0 0 200 50 0");
        assert_eq!(after.stolen_since(before), 20.0);
        assert_eq!(processors_of(""), Processors::default());
        assert!(processors().all_secs > 0.0);
    }

    #[test]
    fn of_processes_of_one_program_what_they_share_counts_once() {
        let one = |own_kib, shared_kib| Seen {
            parent: 0,
            ticks: 0,
            own_kib,
            shared_kib,
        };
        let all = [one(1024, 2048), one(3072, 4096), one(1024, 1024)];
        assert_eq!(together(all.into_iter()), 9.0);
        assert_eq!(together([].into_iter()), 0.0);
    }

    #[test]
    fn a_process_is_counted_with_all_that_it_started_and_shared_memory_once() {
        let one = |parent| Seen {
            parent,
            ticks: 100,
            own_kib: 1024,
            shared_kib: 2048,
        };
        let seen = BTreeMap::from([(1, one(0)), (2, one(1)), (3, one(2)), (4, one(0))]);
        assert_eq!(
            used(&seen, 1),
            Use {
                cpu_secs: 3.0,
                memory_mib: 5.0
            }
        );
        assert_eq!(used(&seen, 9), Use::default());
    }

    #[test]
    fn what_is_watched_by_itself_is_not_counted_with_whoever_started_it() {
        let one = |parent| Seen {
            parent,
            ticks: 100,
            own_kib: 1024,
            shared_kib: 0,
        };
        let mut seen = BTreeMap::from([(1, one(0)), (2, one(1)), (3, one(2))]);
        let watched = |id: u32| Watched {
            name: id.to_string(),
            id,
        };
        set_apart(&mut seen, &[watched(1), watched(2)]);
        let secs = |root| used(&seen, root).cpu_secs;
        assert_eq!((secs(1), secs(2)), (1.0, 2.0));
    }

    #[test]
    fn this_process_is_found() {
        let own = Watched {
            name: "own".to_owned(),
            id: std::process::id(),
        };
        assert!(look(&[own])["own"].memory_mib > 0.0);
    }
}

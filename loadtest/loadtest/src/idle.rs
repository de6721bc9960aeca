//! Owns the look at a house that nobody sends anything to.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::Instant;

use crate::cli::Common;
use crate::figures::Figure;
use crate::house::{DRIVER, House};
use crate::machine;
use crate::orders::settle;
use witness::programs::Programs;

/// How long a house is left alone before it is looked at, in seconds: what begins with it ends.
const SETTLE_SECS: u64 = 5;
/// What is no service of ours.
const SERVERS: [&str; 3] = ["nats-server", "postgres", DRIVER];

/// Says what all services together use in so many seconds.
///
/// # Errors
/// A house that does not get ready.
pub async fn idle(seconds: u64, common: &Common) -> Result<u8> {
    if common.elsewhere.url.is_some() {
        bail!("what somebody else's house uses cannot be seen: leave --url out");
    }
    let house = House::start(Programs::find()?).await?;
    let watched = house.target().watched;
    tokio::time::sleep(Duration::from_secs(SETTLE_SECS)).await;
    let (before, began) = (machine::look(&watched), Instant::now());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let (after, lasted) = (machine::look(&watched), began.elapsed().as_secs_f64());
    let mut cores = 0.0;
    for (name, now) in &after {
        let used = now.cpu_secs - before.get(name).map_or(0.0, |used| used.cpu_secs);
        let percent = used / lasted * 100.0;
        println!(
            "{name:<18} {percent:>6.2} % of a core  {:>7.1} MiB",
            now.memory_mib
        );
        if !SERVERS.contains(&name.as_str()) {
            cores += percent;
        }
    }
    // One program is all of them: its text is in memory once.
    let services = watched.iter();
    let services: Vec<_> = services
        .filter(|one| !SERVERS.contains(&one.name.as_str()))
        .collect();
    let memory = machine::memory_together(&services);
    println!(
        "{:<18} {cores:>6.2} % of a core  {memory:>7.1} MiB",
        "all services"
    );
    let figures = [
        Figure::measured("idle.cpu", cores, "%"),
        Figure::measured("idle.memory", memory, "MiB"),
    ];
    settle(&figures, common)
}

//! Owns what is done to the cluster under load: a server killed, paused, cut off, a stream's leader
//! moved in the middle; and how the rate of results goes down and comes back.

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::fleet::Fleet;
use crate::ledger::Ledger;

/// How long the rate is measured before a trouble, in seconds.
const BEFORE_SECS: u64 = 6;
/// How long a server is away, in seconds: longer than the others take to choose new leaders.
const AWAY_SECS: u64 = 15;
/// How long the rate may take to come back, in seconds.
const BACK_SECS_MAX: u64 = 120;
/// Over how long a rate is taken, in milliseconds.
const WINDOW_MS: u64 = 2_000;
/// Between two looks, in milliseconds.
const LOOK_MS: u64 = 250;
/// The share of the rate before from which on it counts as back.
const BACK: f64 = 0.8;
/// How often leaders are moved, and how long after each other, in milliseconds.
const MOVES: u32 = 5;
const MOVE_EVERY_MS: u64 = 1_500;
/// The stream whose leader is in trouble.
const STREAM: &str = "DELIVERIES";
/// The streams and consumers whose leaders are moved.
const MOVED: [(&str, Option<&str>); 4] = [
    ("DELIVERIES", None),
    ("JOBS", None),
    ("DELIVERIES", Some("attempt-writer")),
    ("JOBS", Some("verifier-live")),
];

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Trouble {
    /// The server that leads the deliveries is killed, and started again.
    Killed,
    /// It is frozen for a while.
    Paused,
    /// Its cable is pulled for a while.
    Isolated,
    /// The leaders of streams and consumers are moved, again and again.
    Moved,
    /// Postgres is killed, and started again.
    LedgerKilled,
}

impl Trouble {
    /// All of it.
    pub const ALL: [Self; 5] = [
        Self::Killed,
        Self::Paused,
        Self::Isolated,
        Self::Moved,
        Self::LedgerKilled,
    ];
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Killed => "the leader's server killed",
            Self::Paused => "the leader's server paused",
            Self::Isolated => "the leader's server cut off",
            Self::Moved => "leaders moved",
            Self::LedgerKilled => "Postgres killed",
        })
    }
}

/// How a trouble went.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Went {
    /// What was done.
    pub what: String,
    /// Results a second before it.
    pub before: f64,
    /// Results a second while it lasted.
    pub during: f64,
    /// Results a second after it, once they had come back.
    pub after: f64,
    /// The longest time without a result, in seconds.
    pub silent_secs: f64,
    /// From the begin until the rate was back, in seconds, though the server may still have been
    /// away; `None` if it never was.
    pub back_secs: Option<f64>,
}

/// Counts results while something is done.
struct Meter {
    ledger: Ledger,
    seen: Vec<(Instant, u64)>,
}

impl Meter {
    async fn of(fleet: &Fleet) -> Result<Self> {
        Ok(Self {
            ledger: connect(fleet).await?,
            seen: Vec::new(),
        })
    }

    /// Looks once. A ledger that is away has nothing new.
    async fn look(&mut self, fleet: &Fleet) {
        let counted = self.ledger.results().await;
        if counted.is_err()
            && let Ok(ledger) = connect(fleet).await
        {
            self.ledger = ledger;
        }
        let known = self.seen.last().map_or(0, |(_, results)| *results);
        let results = counted.unwrap_or(known);
        self.seen.push((Instant::now(), results.max(known)));
    }

    async fn look_for(&mut self, fleet: &Fleet, lasts: Duration) {
        let until = Instant::now() + lasts;
        while Instant::now() < until {
            self.look(fleet).await;
            sleep(Duration::from_millis(LOOK_MS)).await;
        }
    }

    /// The rate before a trouble, and the moment at which it was known. Results must come at all:
    /// of a house that stands still nothing is learned.
    async fn before(&mut self, fleet: &Fleet) -> Result<(f64, Instant)> {
        let begun = Instant::now();
        loop {
            let since = Instant::now();
            self.look_for(fleet, Duration::from_secs(BEFORE_SECS)).await;
            let now = Instant::now();
            let before = self.rate(since, now);
            if before > 0.0 {
                return Ok((before, now));
            }
            if now - begun > Duration::from_secs(BACK_SECS_MAX) {
                bail!("no results came for {BACK_SECS_MAX} s before the trouble");
            }
        }
    }

    /// Results a second between two moments.
    fn rate(&self, from: Instant, to: Instant) -> f64 {
        let mut within = self.seen.iter().filter(|(at, _)| (from..=to).contains(at));
        let Some(first) = within.next() else {
            return 0.0;
        };
        let last = within.next_back().unwrap_or(first);
        let secs = (last.0 - first.0).as_secs_f64();
        (last.1 - first.1) as f64 / secs.max(0.001)
    }

    /// The longest time in which no result came, in seconds.
    fn silence(&self, from: Instant) -> f64 {
        let mut longest = Duration::ZERO;
        let mut last = (from, 0);
        for (at, results) in self.seen.iter().filter(|(at, _)| *at >= from) {
            longest = longest.max(*at - last.0);
            if *results > last.1 {
                last = (*at, *results);
            }
        }
        longest.as_secs_f64()
    }
}

async fn connect(fleet: &Fleet) -> Result<Ledger> {
    let url = fleet.target().ledger.as_deref();
    Ledger::connect(url.context("a fleet has a ledger")?).await
}

/// Makes one trouble, and waits until it is over and the rate is back. `None` where this fleet
/// cannot have it.
///
/// # Errors
/// What stands in the way; if no results come before it.
pub async fn make(fleet: &Fleet, trouble: Trouble) -> Result<Option<Went>> {
    if trouble == Trouble::Isolated && !fleet.cluster.lock().await.can_isolate() {
        return Ok(None);
    }
    let mut meter = Meter::of(fleet).await?;
    let (before, struck) = meter.before(fleet).await?;
    let over = tokio::sync::Notify::new();
    let making = async {
        let made = carry_out(fleet, trouble).await;
        over.notify_one();
        made
    };
    let (mut ended, mut back) = (None, None);
    let measuring = async {
        let limit = struck + Duration::from_secs(AWAY_SECS + BACK_SECS_MAX);
        loop {
            tokio::select! {
                () = over.notified() => ended = Some(Instant::now()),
                () = sleep(Duration::from_millis(LOOK_MS)) => {}
            }
            meter.look(fleet).await;
            let now = Instant::now();
            let window = Duration::from_millis(WINDOW_MS);
            let recent = meter.rate(now - window, now);
            // Down first: a window that still reaches back to before says nothing.
            let is_back = now - struck > window && recent >= before * BACK;
            back = if is_back { back.or(Some(now)) } else { None };
            let settled = ended.is_some_and(|ended| now - ended > window * 2) && back.is_some();
            if settled || now > limit {
                return;
            }
        }
    };
    let (made, ()) = tokio::join!(making, measuring);
    made?;
    let now = Instant::now();
    let over = ended.unwrap_or(now);
    Ok(Some(Went {
        what: trouble.to_string(),
        before,
        during: meter.rate(struck, over),
        after: meter.rate(over, now),
        silent_secs: meter.silence(struck),
        back_secs: back.map(|back| (back - struck).as_secs_f64()),
    }))
}

async fn carry_out(fleet: &Fleet, trouble: Trouble) -> Result<()> {
    let away = Duration::from_secs(AWAY_SECS);
    let mut cluster = fleet.cluster.lock().await;
    let led = async |cluster: &testkit::cluster::Cluster| {
        let leader = cluster.leader(STREAM).await;
        leader.with_context(|| format!("nobody leads {STREAM}"))
    };
    match trouble {
        Trouble::Killed => {
            let place = led(&cluster).await?;
            cluster.kill(place);
            sleep(away).await;
            cluster.start_again(place);
            cluster.until_whole().await;
        }
        Trouble::Paused => {
            let place = led(&cluster).await?;
            cluster.pause(place);
            sleep(away).await;
            cluster.resume(place);
            cluster.until_whole().await;
        }
        Trouble::Isolated => {
            let place = led(&cluster).await?;
            cluster.isolate(place);
            sleep(away).await;
            cluster.rejoin(place);
            cluster.until_whole().await;
        }
        Trouble::Moved => {
            for _ in 0..MOVES {
                for (stream, consumer) in MOVED {
                    cluster.step_down(stream, consumer).await;
                }
                sleep(Duration::from_millis(MOVE_EVERY_MS)).await;
            }
        }
        Trouble::LedgerKilled => {
            drop(cluster);
            let mut postgres = fleet.postgres.lock().await;
            postgres.kill().await.context("kill Postgres")?;
            sleep(Duration::from_millis(MOVE_EVERY_MS)).await;
            postgres.start_again().await.context("start Postgres")?;
        }
    }
    Ok(())
}

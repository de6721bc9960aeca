//! Owns a run from its begin to its verdict: traffic, kills and faults beside each other, then the
//! drain, then the checker.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::Instant;

use crate::deck::fault::Fault;
use crate::deck::{self, Card, Kill, Lane, Tier};
use crate::drain::{Drained, drain};
use crate::driver::{Driver, Load};
use crate::faults::play;
use crate::ground::Ground;
use crate::hand::Hand;
use crate::kills::{Pace, kill, part};
use crate::learners::{Class, enrol, push_all};
use crate::redeliver;
use crate::report::Report;
use crate::silent;
use crate::tally::Tally;
use witness::account::Account;
use witness::dice::Seed;
use witness::programs::Programs;
use witness::verdict;

/// Pause of who starts again what ended by itself, in milliseconds.
const LOOK_AFTER_MS: u64 = 500;
/// How often a card for which there was no occasion is tried again in its round.
const TRIES_MAX: u32 = 30;
/// How long reconciler may take to have something to do, in milliseconds.
const SELDOM_WAIT_MS: u64 = 45_000;
/// What cannot be done where nothing can be loaded into a process.
const SKIPPED: &str = "clocks that are stepped, disks that fail: there is no compiler for C here";

/// What a run is.
#[derive(Clone, Debug)]
pub struct Run {
    /// What every choice comes from.
    pub seed: Seed,
    /// Which faults there is time for.
    pub tier: Tier,
    /// How long things are done to the house; at least one round of kills and faults is.
    pub lasts: Duration,
    /// The traffic.
    pub load: Load,
    /// What is verified.
    pub class: Class,
    /// How fast is killed.
    pub pace: Pace,
    /// Longest pause before a fault that is no kill, in milliseconds.
    pub fault_pause_ms_max: u64,
    /// How long such a fault lasts at most.
    pub fault_max: Duration,
    /// How long the queues may take to drain.
    pub drain_max: Duration,
    /// The command that does the same.
    pub command: String,
}

impl Run {
    /// Runs, and reports; the account is left in `account`.
    ///
    /// # Errors
    /// If the house cannot be set up, or the checker cannot say anything.
    pub async fn carry_out(self, account: &Path) -> Result<Report> {
        println!("the seed of this run is {}", self.seed.0);
        let ground = Arc::new(Ground::lay(Programs::find()?).await?);
        ground.seat_all().await?;
        let mut learners = enrol(&ground, self.class).await?;
        let silent = learners.pop().context("find the last learner")?;
        let driver = Driver::new(Account::begin(account), Arc::clone(&ground), self.seed);
        let hand = Hand {
            ground: Arc::clone(&ground),
            driver: Arc::new(driver),
            tally: Arc::new(Tally::default()),
            lasts_max: self.fault_max,
        };
        let begun = Instant::now();
        let driver = Arc::clone(&hand.driver);
        let sending = tokio::spawn(Arc::clone(&driver).send_all(self.load, u64::MAX));
        let pushing = tokio::spawn(push_all(driver, self.seed, self.class, learners));
        let silent = silent::push_all(hand.clone(), self.seed, self.class.silent_max, silent);
        let silent = tokio::spawn(silent);
        let keeping = tokio::spawn(look_after(hand.clone()));
        let [random, moments, seldom] = Lane::ALL.map(|lane| self.kill_all(&hand, lane));
        let servers = self.disturb(&hand, Fault::is_of_servers);
        let others = self.disturb(&hand, |fault| !fault.is_of_servers());
        tokio::join!(random, moments, seldom, servers, others);
        let tortured_secs = begun.elapsed().as_secs();
        hand.driver.close();
        sending.await?;
        pushing.await?;
        silent.await?;
        let drained = self.settle(&hand).await;
        keeping.abort();
        let (drained, drained_secs) = drained?;
        // The log is held against itself and against every row.
        let log = ground.assay(&["verify-log", "--ledger"]).await;
        let log = log.unwrap_or_else(|error| format!("{error:#}"));
        let verdict = verdict::ask(
            &ground.programs.checker,
            hand.driver.account.path(),
            ground.reader_url(),
        );
        let report = Report {
            seed: self.seed.0,
            command: self.command.clone(),
            tortured_secs,
            drained_secs,
            verdict: verdict.await?,
            done: hand.tally.counts(),
            planned: self.planned(&ground),
            skipped: if ground.has_mischief() {
                None
            } else {
                Some(SKIPPED)
            },
            drained,
            log: log.trim().to_owned(),
        };
        if !report.is_good() {
            keep_logs(&ground, account);
        }
        Ok(report)
    }

    async fn kill_all(&self, hand: &Hand, lane: Lane) {
        let until = Instant::now() + self.lasts;
        let pace = match lane {
            Lane::Seldom if self.tier == Tier::Long => Pace {
                wait_ms_max: SELDOM_WAIT_MS,
                ..self.pace
            },
            _ => self.pace,
        };
        for round in 0.. {
            let dealt = deck::kills(self.seed, lane, round, self.tier).into_iter();
            let mut deck: VecDeque<(Card<Kill>, u32)> = dealt.map(|card| (card, 0)).collect();
            while let Some((card, tries)) = deck.pop_front() {
                if round > 0 && Instant::now() > until {
                    return;
                }
                if kill(hand, pace, card).await {
                    continue;
                }
                match tries {
                    TRIES_MAX => hand.tell(&format!("no occasion: {}", card.what)),
                    _ => deck.push_back((card.for_another(), tries + 1)),
                }
            }
            let kills = hand.tally.beginning("SIGKILL");
            println!("round {round} of the kills of lane {lane:?} is over: {kills} kills so far");
            if Instant::now() > until {
                return;
            }
        }
    }

    /// Carries the faults out that are wanted, one after the other.
    async fn disturb(&self, hand: &Hand, is_wanted: fn(&Fault) -> bool) {
        let until = Instant::now() + self.lasts;
        for round in 0.. {
            let dealt = self.faults(&hand.ground, round).into_iter();
            let dealt = dealt.filter(|card| is_wanted(&card.what));
            let mut deck: VecDeque<(Card<Fault>, u32)> = dealt.map(|card| (card, 0)).collect();
            while let Some((card, tries)) = deck.pop_front() {
                if round > 0 && Instant::now() > until {
                    return;
                }
                tokio::time::sleep(part(card.pause, self.fault_pause_ms_max)).await;
                if play(hand, card).await {
                    continue;
                }
                match tries {
                    TRIES_MAX => hand.tell(&format!("no occasion: {}", card.what)),
                    _ => deck.push_back((card.for_another(), tries + 1)),
                }
            }
            if Instant::now() > until {
                return;
            }
        }
    }

    fn faults(&self, ground: &Ground, round: u64) -> Vec<Card<Fault>> {
        let mut dealt = deck::faults(self.seed, round, self.tier);
        dealt.retain(|card| ground.has_mischief() || !card.what.is_mischief());
        dealt
    }

    /// What must have been done at least once: everything of the first round.
    fn planned(&self, ground: &Ground) -> BTreeSet<String> {
        let lanes = Lane::ALL.into_iter();
        let kills = lanes.flat_map(|lane| deck::kills(self.seed, lane, 0, self.tier));
        let kills = kills.map(|card| card.what.to_string());
        let faults = self.faults(ground, 0).into_iter();
        kills
            .chain(faults.map(|card| card.what.to_string()))
            .collect()
    }

    /// Lets everybody live, and waits until nothing waits any more.
    async fn settle(&self, hand: &Hand) -> Result<(Drained, u64)> {
        let begun = Instant::now();
        for seat in &hand.ground.seats {
            seat.lose_wires();
            seat.start().await;
        }
        hand.ground.until_ready().await?;
        let mut drained = drain(&hand.ground, &hand.driver, self.drain_max).await?;
        if hand.tally.beginning("nats-server's data removed") > 0 {
            // What was on its way to the broker when its disk went may have been missed before.
            let sent = redeliver::what_is_missing(&hand.ground, &hand.driver).await?;
            println!("after the removal of data the forge sends {sent} deliveries once more");
            drained = drain(&hand.ground, &hand.driver, self.drain_max).await?;
        }
        Ok((drained, begun.elapsed().as_secs()))
    }
}

/// Starts again whoever ended by itself, as a supervisor does, and counts it.
async fn look_after(hand: Hand) {
    loop {
        for seat in &hand.ground.seats {
            if let Some(status) = seat.has_ended().await {
                println!("{} ended by itself: {status}", seat.who);
                hand.tally
                    .add(&format!("{} ended by itself", seat.who.service));
                seat.start().await;
            }
        }
        tokio::time::sleep(Duration::from_millis(LOOK_AFTER_MS)).await;
    }
}

/// Keeps the logs of a run that came out badly beside its account.
fn keep_logs(ground: &Ground, account: &Path) {
    let kept: PathBuf = account.with_extension("logs");
    let copied = std::fs::create_dir_all(&kept).and_then(|()| {
        for seat in &ground.seats {
            let log = seat.log();
            std::fs::copy(&log, kept.join(log.file_name().unwrap_or_default()))?;
        }
        Ok(())
    });
    match copied {
        Ok(()) => println!("the logs of the services are in {}", kept.display()),
        Err(error) => println!("the logs of the services are lost: {error}"),
    }
}

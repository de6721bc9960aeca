//! Owns a run from its begin to its report: send, look, wait, ask the checker.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio_util::sync::CancellationToken;
use witness::account::Account;
use witness::programs::Programs;
use witness::verdict::{self, Verdict};

use crate::drain::{Drained, drain};
use crate::ledger::{Ledger, Stages};
use crate::pace;
use crate::ramp::{Held, Ramp};
use crate::report::Report;
use crate::schedule::Schedule;
use crate::sender::Sender;
use crate::target::Target;
use crate::traffic::{Delivery, Traffic};
use crate::watch::{Look, watch};

/// What is sent.
#[derive(Debug)]
pub enum Load {
    /// Made from the seed.
    Made(Box<Traffic>),
    /// What was recorded.
    Recorded(Vec<Delivery>),
}

/// When it is sent.
#[derive(Clone, Debug)]
pub enum Pace {
    /// By a schedule.
    By(Schedule),
    /// At rising rates, until one does not hold.
    Rising(Ramp),
}

/// A run.
#[derive(Debug)]
pub struct Run {
    /// The workload's name.
    pub name: &'static str,
    /// How it is had again.
    pub command: String,
    /// The seed.
    pub seed: u64,
    /// What is sent.
    pub load: Load,
    /// When.
    pub pace: Pace,
    /// Connections of what is sent at once.
    pub connections: usize,
    /// How long the queues may take to drain.
    pub drain_max: Duration,
    /// Whether progress is shown.
    pub shows: bool,
    /// Where the account is left.
    pub out: PathBuf,
}

/// What came of a run.
#[derive(Debug)]
pub struct Came {
    /// What was sent and answered.
    pub sender: Arc<Sender>,
    /// What was seen.
    pub looks: Vec<Look>,
    /// How the drain ended; `None` where nobody could look.
    pub drained: Option<Drained>,
    /// The checker's word; `None` where nobody was asked.
    pub verdict: Option<Verdict>,
    /// When what was written.
    pub stages: Vec<Stages>,
    /// What a ramp held.
    pub held: Vec<Held>,
    /// How long one load from memory took, in nanoseconds.
    pub load_ns: f64,
}

impl Run {
    /// Carries the run out. After the stop signal no more is sent, and the rest is done all the
    /// same.
    ///
    /// # Errors
    /// What stands in the way. What is lost is no error, but in the report.
    pub async fn carry_out(
        &self,
        target: &Target,
        programs: Option<&Programs>,
        stop: &CancellationToken,
    ) -> Result<Report> {
        std::fs::create_dir_all(&self.out).context("make the folder of the reports")?;
        let account = Account::begin(&self.out.join("sent.jsonl"));
        let sender = Arc::new(Sender::new(account, &target.url)?);
        let done = CancellationToken::new();
        let expected = match &self.pace {
            Pace::By(schedule) => schedule.count(),
            Pace::Rising(ramp) => ramp.deliveries_max(),
        };
        let before = pace::load_ns();
        let working = async {
            let held = self.send(&sender, stop).await;
            let drained = match &target.ledger {
                Some(_) => {
                    let pushes = sender
                        .counts
                        .pushes
                        .load(std::sync::atomic::Ordering::Relaxed);
                    // A second stop signal ends the program: this wait is not its business.
                    let never = CancellationToken::new();
                    Some(drain(target, pushes, self.drain_max, &never).await)
                }
                None => None,
            };
            done.cancel();
            (held, drained)
        };
        let watching = watch(target, &sender, (expected, self.shows), &done);
        let ((held, drained), looks) = tokio::join!(working, watching);
        let load_ns = f64::midpoint(before, pace::load_ns());
        let drained = drained.transpose()?;
        let verdict = match (&target.ledger, programs) {
            (Some(ledger), Some(programs)) => {
                let path = sender.account.path();
                Some(verdict::ask(&programs.checker, path, ledger).await?)
            }
            _ => None,
        };
        let stages = match &target.ledger {
            Some(url) => Ledger::connect(url).await?.stages().await?,
            None => Vec::new(),
        };
        let came = Came {
            sender,
            looks,
            drained,
            verdict,
            stages,
            held: held?,
            load_ns,
        };
        Report::of(self, came)
    }

    async fn send(&self, sender: &Arc<Sender>, stop: &CancellationToken) -> Result<Vec<Held>> {
        let make = |number: u64| match &self.load {
            Load::Made(traffic) => traffic.delivery(number),
            Load::Recorded(recorded) => {
                let place = usize::try_from(number).expect("a number of what was recorded");
                recorded[place].clone()
            }
        };
        match &self.pace {
            Pace::By(schedule) => {
                sender
                    .send_all(schedule, (0, self.connections), make, stop)
                    .await;
                Ok(Vec::new())
            }
            Pace::Rising(ramp) => ramp.climb(sender, make, stop).await,
        }
    }
}

//! Owns who leads: one auditor holds the lock and takes the log's steps, the others stand by.
//!
//! New entries are found by asking, some milliseconds after the last ones and ever more rarely
//! while nothing comes. LISTEN/NOTIFY would find them sooner by a hair, and would cost the writers:
//! a commit that notifies takes a lock on the whole database, one such commit after the other.

use std::time::Duration;

use contract::time;
use metrics::gauge;
use process::health::Part;
use retry::delays::Delays;
use retry::policy::Policy;
use store::pool::{Dedicated, Store};
use store::{ledger_pending, log_head};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::facts::Teller;
use crate::keys::{CannotSign, Keys};
use crate::publish::Publisher;
use crate::sequence::StepError;
use crate::term::Term;

/// How often an auditor that stands by tries the lock, in milliseconds. To wait inside the
/// database instead would hold back its vacuum for as long as the leader lives.
pub const STAND_BY_MS: u64 = 500;
/// Longest time that one step may take, in seconds; then its connection is given up.
pub const STEP_SECS_MAX: u64 = 10;
/// Between two counts of what waits while the outbox does not get empty, in milliseconds.
const LAG_MS: u64 = 1_000;

/// How a leader asks whether something waits: as often as it can while there are full steps to take,
/// fifty times a second while there are others, so that each takes more, and when long idle some 14
/// times a second, for less than a hundredth of a processor.
const ASK: Policy = Policy {
    first: Duration::from_millis(20),
    factor: 2.0,
    max: Duration::from_millis(80),
    give_up_after: None,
};
/// How a leader that failed comes back: its neighbour may have taken over meanwhile.
const COME_BACK: Policy = Policy {
    first: Duration::from_millis(100),
    factor: 2.0,
    max: Duration::from_secs(5),
    give_up_after: None,
};

/// How long a leader that leaves may take to publish what it signed last, in seconds. The next one
/// publishes it otherwise.
pub const LAST_PUBLISHED_SECS_MAX: u64 = 5;

/// What an auditor needs to keep the log.
pub(crate) struct Auditor {
    pub(crate) store: Store,
    /// The log's own name.
    pub(crate) base: String,
    pub(crate) teller: Teller,
    pub(crate) publisher: Publisher,
    pub(crate) keys: Result<Keys, CannotSign>,
    /// Whether leaves are written, here or by the leader that this one stands by for.
    pub(crate) log: Part,
    /// Whether checkpoints can be signed.
    pub(crate) signing: Part,
    pub(crate) stop: CancellationToken,
}

impl Auditor {
    /// Leads or stands by until the stop signal.
    pub(crate) async fn serve(&self) {
        if let Err(reason) = &self.keys {
            error!(error = %reason, "the log grows, but is not signed: {reason}");
        }
        self.leads_not();
        let mut delays = Delays::new(&COME_BACK);
        let mut said = String::new();
        loop {
            let Err(failure) = self.term(&mut delays).await else {
                return;
            };
            gauge!("assay_log_leader").set(0.0);
            let reason = chain(&failure);
            self.log.not_ready(&reason);
            match failure {
                StepError::Blocked(_) if said != reason => {
                    error!(reason, "the log is not continued: {reason}");
                }
                StepError::Blocked(_) => {}
                StepError::Store(_)
                | StepError::Objects(_)
                | StepError::Deposed
                | StepError::TooLong => {
                    warn!(reason, "stopped leading: {reason}")
                }
            }
            said = reason;
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = sleep(delays.next()) => {}
            }
        }
    }

    /// What kept it from signing and publishing while it led is for the next leader to say: who stands by does
    /// neither, and would say it for ever.
    fn leads_not(&self) {
        self.publisher.part.ready();
        match &self.keys {
            Ok(_) => self.signing.ready(),
            Err(reason) => self.signing.not_ready(reason.to_string()),
        }
    }

    /// One term: wait for the lock, take over, lead until something fails. Ends well only on the
    /// stop signal.
    async fn term(&self, delays: &mut Delays) -> Result<(), StepError> {
        let mut conn = self.store.dedicated().await?;
        log_head::prepare_leader(&mut conn).await?;
        if !self.stand_by(&mut conn).await? {
            return Ok(());
        }
        let mut term = self.take_over(conn).await?;
        info!(
            log.size = term.sequencer.head.tree.size(),
            "leading the log {}", term.epoch.origin
        );
        gauge!("assay_log_leader").set(1.0);
        self.log.ready();
        delays.reset();
        let head = &term.sequencer.head;
        let (size, seen) = watch::channel(head.tree.size());
        let (signed, heard) = watch::channel(head.signed);
        let (epoch, cleared) = (term.epoch.clone(), term.cleared.clone());
        // Only who leads tells, and telling fails nobody: it ends with the term.
        let telling = async {
            self.teller.run(&epoch, seen).await;
            std::future::pending().await
        };
        let publishing = self.publisher.run(&epoch, heard, &cleared);
        tokio::pin!(publishing);
        let led = tokio::select! {
            led = self.lead(&mut term, &size, &signed) => led,
            ended = &mut publishing => Err(ended.expect_err("it goes on while there is a leader").into()),
            never = telling => never,
        };
        if led.is_ok() {
            drop(signed);
            let limit = Duration::from_secs(LAST_PUBLISHED_SECS_MAX);
            if timeout(limit, publishing).await.is_err() {
                info!("left before all that is signed was published");
            }
        }
        led
    }

    /// Waits until the lock is ours; `false` on the stop signal.
    async fn stand_by(&self, conn: &mut Dedicated) -> Result<bool, StepError> {
        let mut tries = interval(Duration::from_millis(STAND_BY_MS));
        tries.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return Ok(false),
                _ = tries.tick() => {}
            }
            if in_time(log_head::try_lead(conn)).await? {
                return Ok(true);
            }
            // Standing by is what it is there for.
            self.log.ready();
            self.leads_not();
        }
    }

    async fn lead(
        &self,
        term: &mut Term,
        size: &watch::Sender<u64>,
        signed: &watch::Sender<u64>,
    ) -> Result<(), StepError> {
        let mut delays = Delays::new(&ASK);
        let mut counted = Instant::now();
        loop {
            let last = self.stop.is_cancelled();
            let cleared = *term.cleared.borrow();
            let signer = term.signer.as_mut().filter(|_| cleared);
            if signer.is_some() {
                self.signing.ready();
            }
            let stepped = in_time(term.sequencer.step(signer, last)).await?;
            let head = &term.sequencer.head;
            if stepped.leaves > 0 {
                size.send_replace(head.tree.size());
            }
            signed.send_if_modified(|known| std::mem::replace(known, head.signed) != head.signed);
            if let Some(reason) = &stepped.unsigned {
                self.signing.not_ready(reason.to_string());
            }
            if stepped.more {
                if counted.elapsed() >= Duration::from_millis(LAG_MS) {
                    show_lag(&mut term.sequencer.conn).await?;
                    counted = Instant::now();
                }
                if !last {
                    continue;
                }
            } else {
                set_lag(0, Duration::ZERO);
            }
            if last {
                return Ok(());
            }
            if stepped.leaves > 0 {
                delays.reset();
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = sleep(delays.next()) => {}
            }
        }
    }
}

/// Gives up on what takes too long: a connection that answers no more would hold the lock, and
/// nobody else could lead.
pub(crate) async fn in_time<T, E: Into<StepError>>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, StepError> {
    timeout(Duration::from_secs(STEP_SECS_MAX), work)
        .await
        .map_err(|_| StepError::TooLong)?
        .map_err(Into::into)
}

pub(crate) async fn show_lag(conn: &mut Dedicated) -> Result<(), StepError> {
    let lag = ledger_pending::lag(conn).await?;
    let age = lag.oldest.map(|oldest| time::now() - oldest);
    let age = age.and_then(|age| age.to_std().ok()).unwrap_or_default();
    set_lag(lag.pending, age);
    Ok(())
}

#[allow(
    clippy::cast_precision_loss,
    reason = "the count is capped far below 2^53"
)]
fn set_lag(pending: i64, age: Duration) {
    gauge!("assay_log_pending").set(pending as f64);
    gauge!("assay_log_pending_age_seconds").set(age.as_secs_f64());
}

pub(crate) fn chain(failure: &StepError) -> String {
    let mut text = failure.to_string();
    let mut cause = std::error::Error::source(failure);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

//! Owns the sending: deliveries at their moments, over few connections, each written down before it
//! is sent and when it was answered.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use witness::account::{Account, Answered};

use crate::http::Poster;
use crate::latency::Latencies;
use crate::schedule::Schedule;
use crate::traffic::{Delivery, Kind};

/// Most deliveries that are sent and not answered yet, of those that have a moment of their own:
/// what comes then waits, and its latency shows it.
const IN_FLIGHT_MAX: usize = 4_096;

/// How many of what.
#[derive(Debug, Default)]
pub struct Counts {
    /// Sent.
    pub sent: AtomicU64,
    /// Pushes among them, and pushes that were answered 2xx.
    pub pushes: AtomicU64,
    /// Their commits.
    pub commits: AtomicU64,
    /// Answered as they must be.
    pub well: AtomicU64,
    /// Answered otherwise.
    pub badly: AtomicU64,
    /// Not answered.
    pub unanswered: AtomicU64,
    /// Bytes of all bodies.
    pub bytes: AtomicU64,
}

/// Sends, and remembers what was sent and answered.
#[derive(Debug)]
pub struct Sender {
    /// What was sent and answered.
    pub account: Account,
    /// How many.
    pub counts: Counts,
    poster: Poster,
    began: Instant,
    began_at: DateTime<Utc>,
    latencies: Mutex<Latencies>,
    /// When each push was to be sent, by the forge's id.
    moments: Mutex<HashMap<String, DateTime<Utc>>>,
    last_answer: Mutex<Duration>,
}

impl Sender {
    /// A sender that has sent nothing. The run begins now.
    ///
    /// # Errors
    /// A URL that is none.
    pub fn new(account: Account, url: &str) -> Result<Self> {
        Ok(Self {
            account,
            counts: Counts::default(),
            poster: Poster::new(url)?,
            began: Instant::now(),
            began_at: Utc::now(),
            latencies: Mutex::new(Latencies::new()?),
            moments: Mutex::default(),
            last_answer: Mutex::default(),
        })
    }

    /// How long the run has lasted.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// When it began.
    pub fn began_at(&self) -> DateTime<Utc> {
        self.began_at
    }

    /// When the last answer came, counted from the begin.
    pub fn last_answer(&self) -> Duration {
        *self
            .last_answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The latencies so far.
    pub fn latencies(&self) -> Latencies {
        let latencies = self
            .latencies
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        latencies.clone()
    }

    /// When each push that was answered 2xx was to be sent, by the forge's id.
    pub fn moments(&self) -> HashMap<String, DateTime<Utc>> {
        let moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        moments.clone()
    }

    /// Sends deliveries, the first with this number, at their moments, until there is none or the
    /// stop signal; gives how many were sent, when all are answered.
    pub async fn send_all(
        self: &Arc<Self>,
        schedule: &Schedule,
        (first, connections): (u64, usize),
        make: impl Fn(u64) -> Delivery,
        stop: &CancellationToken,
    ) -> u64 {
        let room = if schedule.is_open_loop() {
            IN_FLIGHT_MAX
        } else {
            connections
        };
        let room = Arc::new(Semaphore::new(room));
        let (began, offset) = (Instant::now(), self.began.elapsed());
        let mut sending = JoinSet::new();
        let mut number = 0;
        while let Some(at) = schedule.at(number) {
            if stop.is_cancelled() {
                break;
            }
            let delivery = make(first + number);
            if schedule.is_open_loop() && began.elapsed() < at {
                tokio::time::sleep_until(began + at).await;
            }
            let permit = Arc::clone(&room).acquire_owned().await;
            let intended = schedule.is_open_loop().then_some(offset + at);
            let sender = Arc::clone(self);
            sending.spawn(async move {
                sender.send(delivery, intended).await;
                drop(permit);
            });
            number += 1;
            // What has ended is let go of.
            while sending.try_join_next().is_some() {}
        }
        while sending.join_next().await.is_some() {}
        number
    }

    /// Sends one delivery; gives whether it was answered as it must be. `intended` is when it was to
    /// be sent, counted from the begin; now, if it is `None`.
    pub async fn send(&self, delivery: Delivery, intended: Option<Duration>) -> bool {
        let add = |count: &AtomicU64, number: u64| count.fetch_add(number, Ordering::Relaxed);
        let request = self.account.sent(&delivery.line);
        add(&self.counts.sent, 1);
        add(&self.counts.bytes, delivery.signed.body.len() as u64);
        let from = intended.unwrap_or_else(|| self.began.elapsed());
        let answered = self.poster.post(delivery.signed).await;
        let now = self.began.elapsed();
        self.account.answered(request, &answered);
        let is_well = match answered {
            Answered::With(status, _) if delivery.kind.takes(status) => {
                add(&self.counts.well, 1);
                true
            }
            Answered::With(..) => {
                add(&self.counts.badly, 1);
                false
            }
            Answered::Not(_) => {
                add(&self.counts.unanswered, 1);
                false
            }
        };
        let mut latencies = self
            .latencies
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let noted = latencies.note(from, now.saturating_sub(from));
        drop(latencies);
        noted.expect("a histogram that grows takes every latency");
        let mut last = self
            .last_answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *last = now.max(*last);
        drop(last);
        if is_well && delivery.kind == Kind::Push {
            add(&self.counts.pushes, 1);
            add(&self.counts.commits, delivery.commits as u64);
            let at = self.began_at + chrono::Duration::from_std(from).unwrap_or_default();
            let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
            moments.insert(delivery.forge_id, at);
        }
        is_well
    }
}

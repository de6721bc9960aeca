//! Owns the driver: posts deliveries as a forge does that does not give up, and writes down what
//! came of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::Rng as _;
use reqwest::Client;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::ground::Ground;
use crate::traffic::{Ready, delivery};
use witness::account::{Account, Answered};
use witness::dice::Seed;

/// How long an answer may take, in seconds: what comes later is no answer.
const ANSWER_SECS_MAX: u64 = 12;
/// Most pauses before the forge sends again, in milliseconds.
const AGAIN_MS_MAX: u64 = 400;
/// How long the forge goes on trying, in seconds.
const TRY_SECS_MAX: u64 = 240;
/// Webhook-ingests.
const INGESTS: usize = 2;

/// What a run's traffic is.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Senders at once.
    pub senders: usize,
    /// Longest pause of a sender before a delivery, in milliseconds.
    pub pause_ms_max: u64,
}

/// Posts, and remembers what was posted.
#[derive(Debug)]
pub struct Driver {
    /// What was sent and answered.
    pub account: Account,
    ground: Arc<Ground>,
    seed: Seed,
    client: Client,
    /// Everything that was answered 2xx and must be recorded, to be sent again after a broker lost
    /// its disk.
    promised: Mutex<HashMap<(String, String), Ready>>,
    /// Heads that were pushed and of which no webhook tells.
    silent: Mutex<Vec<String>>,
    closed: AtomicBool,
}

impl Driver {
    /// A driver that has sent nothing yet.
    pub fn new(account: Account, ground: Arc<Ground>, seed: Seed) -> Self {
        let client = Client::builder().timeout(Duration::from_secs(ANSWER_SECS_MAX));
        Self {
            account,
            ground,
            seed,
            client: client.build().expect("a client without settings"),
            promised: Mutex::default(),
            silent: Mutex::default(),
            closed: AtomicBool::new(false),
        }
    }

    /// Sends no more new deliveries; what is under way is brought to its end.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Whether new deliveries are sent no more.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Sends numbered deliveries, each sender its share, until the driver is closed or `most` are
    /// sent.
    pub async fn send_all(self: Arc<Self>, load: Load, most: u64) {
        let mut sending = JoinSet::new();
        for first in 0..load.senders {
            let driver = Arc::clone(&self);
            sending.spawn(async move {
                let mut numbers = (first as u64..most).step_by(load.senders);
                while let Some(number) = numbers.next().filter(|_| !driver.is_closed()) {
                    let mut dice = driver.seed.dice("pause", number);
                    let pause = dice.gen_range(0..=load.pause_ms_max);
                    // Pushes come when they come.
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                    driver.send(&delivery(driver.seed, number)).await;
                }
            });
        }
        while let Some(sent) = sending.join_next().await {
            sent.expect("a sender does not panic");
        }
    }

    /// Sends one delivery until it is answered 2xx, or the forge gives up. Says whether it was.
    pub async fn send(&self, ready: &Ready) -> bool {
        if ready.twin {
            // To both in the same moment; the first answer decides nothing.
            let (one, other) = tokio::join!(self.post(ready, 0), self.post(ready, 1));
            if one && other {
                return true;
            }
        }
        let until = Instant::now() + Duration::from_secs(TRY_SECS_MAX);
        let what = format!("post {:?}", ready.key());
        for number in 0.. {
            let mut dice = self.seed.dice(&what, number);
            if self.post(ready, dice.gen_range(0..INGESTS)).await {
                return true;
            }
            if ready.gives_up || Instant::now() > until {
                return false;
            }
            let pause = dice.gen_range(10..AGAIN_MS_MAX);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        unreachable!("the tries end by their limit")
    }

    /// Sends one delivery once, to one of the ingests. Says whether it was answered 2xx.
    pub async fn send_once(&self, ready: &Ready, ingest: usize) -> bool {
        self.post(ready, ingest).await
    }

    async fn post(&self, ready: &Ready, ingest: usize) -> bool {
        let request = self.account.sent(&ready.line);
        let answered = self.ask(ready, ingest).await;
        self.account.answered(request, &answered);
        let success = matches!(&answered, Answered::With(status, _) if (200..300).contains(status));
        if success {
            self.ground.ingest(ingest).note_work();
        }
        if success && ready.line["expect"] == "recorded" {
            let mut promised = self.promised.lock().unwrap_or_else(PoisonError::into_inner);
            promised.entry(ready.key()).or_insert_with(|| ready.clone());
        }
        success
    }

    async fn ask(&self, ready: &Ready, ingest: usize) -> Answered {
        let mut request = self.client.post(self.ground.hooks_url(ingest));
        for (name, value) in &ready.signed.headers {
            request = request.header(*name, value);
        }
        let asked = async {
            let answer = request.body(ready.signed.body.clone()).send().await?;
            let status = answer.status().as_u16();
            // Without its whole body an answer has not come.
            let body = answer.bytes().await?;
            Ok::<_, reqwest::Error>((status, body))
        };
        match asked.await {
            Ok((status, body)) => {
                let body: Value = serde_json::from_slice(&body).unwrap_or_default();
                Answered::With(status, body)
            }
            Err(error) => Answered::Not(error.without_url().to_string()),
        }
    }

    /// Notes a push of which no webhook is sent: it must be found.
    pub fn keep_silent(&self, push: &Value) {
        self.account.silent(push);
        let head = push["after"].as_str().unwrap_or_default().to_owned();
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.push(head);
    }

    /// The heads of the pushes that no webhook tells of.
    pub fn silent(&self) -> Vec<String> {
        let silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.clone()
    }

    /// Everything that was promised so far.
    pub fn promised(&self) -> Vec<Ready> {
        let promised = self.promised.lock().unwrap_or_else(PoisonError::into_inner);
        promised.values().cloned().collect()
    }
}

//! Owns a scene: one process of each service, one learner, and the checker's word at the end.

use std::sync::Arc;
use std::time::Duration;

use sample::repository::Repository;
use testkit::wait;
use torture::drain::drain;
use torture::driver::Driver;
use torture::ground::Ground;
use torture::learners::{self, Class, enrol};
use torture::seat::{ROSTER, Seat, Who};
use torture::traffic::{Ready, delivery};
use witness::account::Account;
use witness::dice::Seed;
use witness::programs::Programs;
use witness::verdict;

/// What the scenes' deliveries come from.
pub(crate) const SEED: Seed = Seed(1);
/// How long the queues may take to drain, in seconds.
const DRAIN_SECS_MAX: u64 = 150;

pub(crate) const OTHER_INGEST: Who = ROSTER[1];
pub(crate) const WRITER: Who = ROSTER[2];
pub(crate) const OTHER_WRITER: Who = ROSTER[3];

/// A house for one fault.
pub(crate) struct Scene {
    pub(crate) ground: Arc<Ground>,
    pub(crate) driver: Arc<Driver>,
    learner: Repository,
    pushes: u64,
    folder: tempfile::TempDir,
}

impl Scene {
    /// Everybody is ready, and one learner is enrolled.
    pub(crate) async fn set() -> Self {
        let ground = Arc::new(Ground::lay(Programs::find().unwrap()).await.unwrap());
        ground.seat_all().await.unwrap();
        let class = Class {
            learners: 1,
            pushes_max: 0,
            pause_ms_max: 0,
            silent_max: 0,
        };
        let learner = enrol(&ground, class).await.unwrap().remove(0);
        let folder = tempfile::tempdir().unwrap();
        let account = Account::begin(&folder.path().join("sent.jsonl"));
        Self {
            driver: Arc::new(Driver::new(account, Arc::clone(&ground), SEED)),
            ground,
            learner,
            pushes: 0,
            folder,
        }
    }

    pub(crate) fn seat(&self, who: Who) -> &Seat {
        self.ground.seat(who)
    }

    /// The learner's next push, with its commits in the forge.
    pub(crate) async fn push(&mut self) -> Ready {
        self.pushes += 1;
        let made = learners::make(&self.learner, 0, self.pushes, 1, true).await;
        made.unwrap()
    }

    /// A push that no lab cares about.
    pub(crate) fn other(&self, number: u64) -> Ready {
        Ready {
            twin: false,
            gives_up: false,
            ..delivery(SEED, number)
        }
    }

    /// Sends in the background.
    pub(crate) fn send(&self, ready: Ready) -> tokio::task::JoinHandle<bool> {
        let driver = Arc::clone(&self.driver);
        tokio::spawn(async move { driver.send(&ready).await })
    }

    /// Waits until a query finds this number.
    pub(crate) async fn until(&self, query: &str, number: i64) {
        wait::until(query, async || {
            let seen = self.ground.house().await.number(query).await;
            (seen == number).then_some(()).ok_or(seen.to_string())
        })
        .await;
    }

    /// Waits until nothing waits any more, and has the checker say that all is there, once; gives
    /// its figures.
    pub(crate) async fn end_well(self) -> serde_json::Value {
        let limit = Duration::from_secs(DRAIN_SECS_MAX);
        let drained = drain(&self.ground, &self.driver, limit).await.unwrap();
        let (checker, account) = (&self.ground.programs.checker, self.driver.account.path());
        let verdict = verdict::ask(checker, account, self.ground.reader_url())
            .await
            .unwrap();
        assert!(
            drained.is_done && verdict.is_good,
            "{drained:?}\n{}",
            verdict.table
        );
        drop(self.folder);
        verdict.figures
    }
}

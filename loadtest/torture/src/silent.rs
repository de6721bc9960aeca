//! Owns the learner whose webhooks do not come: its first push opens its session, and each that
//! follows must be found by reconciler.

use std::time::Duration;

use rand::Rng as _;
use sample::repository::Repository;

use crate::hand::Hand;
use crate::learners::make;
use witness::dice::Seed;

/// What such a push is called in reports.
pub const SILENT: &str = "push without a webhook";
/// The number of this learner in names: after all others.
const NUMBER: usize = 1_000;
/// The pause between two looks at whether a push was judged, in milliseconds.
const LOOK_MS: u64 = 500;

/// Pushes until the driver is closed, `pushes_max` at most: each when the one before it is recorded.
/// One push at least has no webhook.
pub async fn push_all(hand: Hand, seed: Seed, pushes_max: u64, learner: Repository) {
    let driver = &hand.driver;
    for push in 0..pushes_max {
        let passes = seed.dice("silent", push).r#gen();
        let made = make(&learner, NUMBER, push, 0, passes).await;
        let ready = made.expect("git makes commits");
        let pushed = &ready.line["pushes"][0];
        if push == 0 {
            driver.send(&ready).await;
        } else {
            driver.keep_silent(pushed);
            hand.tell(SILENT);
        }
        let head = pushed["after"].as_str().unwrap_or_default();
        let recorded = format!("SELECT count(*) FROM lab_attempt WHERE commit_sha = '{head}'");
        while hand.ground.house().await.number(&recorded).await == 0 {
            if push > 0 && driver.is_closed() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
        }
        if push > 0 && driver.is_closed() {
            return;
        }
    }
}

//! Owns waiting in tests: long enough for a slow machine, over at once on a fast one.

use std::time::{Duration, Instant};

/// How long a test waits before it gives up, in seconds. Reached only by a test that fails; a slow
/// machine may need far more than a minute for what came to lie behind a queue's wait for an ack.
pub const WAIT_SECS_MAX: u64 = 120;
/// The pause between two looks, in milliseconds.
const STEP_MS: u64 = 10;

/// Looks again and again until it finds what it looks for, and gives that back. `look` says what
/// it saw instead; after the limit the test panics with the last of it.
pub async fn until<T, F>(what: &str, mut look: F) -> T
where
    F: AsyncFnMut() -> Result<T, String>,
{
    let until = Instant::now() + Duration::from_secs(WAIT_SECS_MAX);
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) if Instant::now() > until => {
                panic!("waited {WAIT_SECS_MAX} s until {what}; last seen: {seen}")
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(STEP_MS)).await,
        }
    }
}

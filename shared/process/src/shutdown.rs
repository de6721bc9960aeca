//! Owns the end of a process: the first signal asks it to finish what it holds, a second one, or a
//! deadline, ends it at once.

use std::future::Future;
use std::io;
use std::time::Duration;

use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::exit;

/// Listens for SIGTERM and SIGINT for as long as it is held.
#[derive(Debug)]
pub struct Shutdown {
    stop: CancellationToken,
    listener: JoinHandle<()>,
}

/// What was held could not be finished in time.
#[derive(Debug, Error)]
#[error("{what}: not finished within {seconds} s of the stop signal")]
pub struct DrainTimedOut {
    what: &'static str,
    seconds: u64,
}

impl Shutdown {
    /// Begins to listen. A second signal ends the process at once with
    /// [`exit::INTERRUPTED`].
    ///
    /// # Errors
    /// The system refused the signal handlers.
    pub fn listen() -> io::Result<Self> {
        Self::listen_with(|| {})
    }

    /// Begins to listen; `last_words` runs before a second signal ends the process, for what the
    /// operating system does not clean up: child processes.
    ///
    /// # Errors
    /// The system refused the signal handlers.
    pub fn listen_with(last_words: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        let stop = CancellationToken::new();
        let listener = tokio::spawn(hear(terminate, interrupt, stop.clone(), last_words));
        Ok(Self { stop, listener })
    }

    /// The token that is cancelled by the first signal. Whoever ends the process for another
    /// reason cancels it too.
    pub fn token(&self) -> CancellationToken {
        self.stop.clone()
    }
}

impl Drop for Shutdown {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn hear(
    mut terminate: Signal,
    mut interrupt: Signal,
    stop: CancellationToken,
    last_words: impl FnOnce(),
) {
    let name = either(&mut terminate, &mut interrupt).await;
    tracing::info!(signal = name, "stopping on {name}: finishing what is held");
    stop.cancel();
    let name = either(&mut terminate, &mut interrupt).await;
    tracing::warn!(signal = name, "leaving at once on a second signal, {name}");
    last_words();
    std::process::exit(i32::from(exit::INTERRUPTED));
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

/// Waits for `work`, the finishing of `what`, for `deadline` at the longest.
///
/// # Errors
/// [`DrainTimedOut`]; `work` is dropped then. What was not acknowledged will be delivered again.
pub async fn drain<T>(
    what: &'static str,
    deadline: Duration,
    work: impl Future<Output = T>,
) -> Result<T, DrainTimedOut> {
    tokio::time::timeout(deadline, work)
        .await
        .map_err(|_| DrainTimedOut {
            what,
            seconds: deadline.as_secs(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_not_finished_by_the_deadline_is_dropped() {
        let second = Duration::from_secs(1);
        assert_eq!(
            drain("the requests", second, async { 7 }).await.ok(),
            Some(7)
        );
        let late = drain("the requests", second, std::future::pending::<()>()).await;
        let expected = "the requests: not finished within 1 s of the stop signal";
        assert_eq!(late.unwrap_err().to_string(), expected);
    }
}

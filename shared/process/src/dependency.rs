//! Owns the watch over one dependency: it is asked now and then whether it works, at once when a
//! user of it reports trouble, and with growing waits while it does not.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use retry::delays::Delays;
use retry::policy::DEPENDENCY;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::health::Part;

/// Between two probes of a dependency that works and of which nobody reports trouble.
pub const PROBE_EVERY: Duration = Duration::from_secs(10);
/// How long one probe may take before it counts as failed.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// A dependency as its users see it. Clones are the same dependency.
#[derive(Clone, Debug)]
pub struct Dependency {
    part: Part,
    trouble: Arc<Notify>,
}

impl Dependency {
    /// A dependency that `part` speaks for; [`Dependency::watch`] keeps it up to date.
    pub fn new(part: Part) -> Self {
        Self {
            part,
            trouble: Arc::new(Notify::new()),
        }
    }

    /// The part that speaks for it.
    pub fn part(&self) -> &Part {
        &self.part
    }

    /// Says that a use of it failed as if it were down. It counts as down until a probe, which
    /// follows at once, has shown otherwise.
    pub fn report_trouble(&self, reason: impl Into<String>) {
        self.part.not_ready(reason);
        self.trouble.notify_one();
    }

    /// Asks by `probe` whether it works, until `stop` is cancelled.
    pub async fn watch<E: Display>(
        &self,
        stop: &CancellationToken,
        mut probe: impl AsyncFnMut() -> Result<(), E>,
    ) {
        let mut delays = Delays::new(&DEPENDENCY);
        // Trouble that comes back after a good probe waits like any other failure: a probe that
        // sees less than the users do must not make them spin.
        let mut calm = true;
        loop {
            let failure = tokio::select! {
                () = stop.cancelled() => return,
                answer = tokio::time::timeout(PROBE_TIMEOUT, probe()) => match answer {
                    Ok(Ok(())) => None,
                    Ok(Err(err)) => Some(err.to_string()),
                    Err(_) => Some(format!("no answer within {} s", PROBE_TIMEOUT.as_secs())),
                },
            };
            let wait = match failure {
                Some(reason) => {
                    calm = false;
                    self.part.not_ready(reason);
                    delays.next()
                }
                None => {
                    self.part.ready();
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = self.trouble.notified() => {
                            let wait = if calm { Duration::ZERO } else { delays.next() };
                            calm = false;
                            wait
                        }
                        () = tokio::time::sleep(PROBE_EVERY) => {
                            calm = true;
                            delays.reset();
                            Duration::ZERO
                        }
                    }
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

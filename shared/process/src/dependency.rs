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
    pub async fn watch<E: Display, Probe: Future<Output = Result<(), E>>>(
        &self,
        stop: &CancellationToken,
        mut probe: impl FnMut() -> Probe,
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use super::*;
    use crate::health::Health;

    #[tokio::test(start_paused = true)]
    async fn a_dependency_is_down_until_a_probe_succeeds_and_after_reported_trouble() {
        let works = Arc::new(AtomicBool::new(false));
        let probes = Arc::new(AtomicU32::new(0));
        let stop = CancellationToken::new();
        let dependency = Dependency::new(Health::new().part("ledger"));
        let watch = tokio::spawn({
            let (dependency, stop) = (dependency.clone(), stop.clone());
            let (works, probes) = (Arc::clone(&works), Arc::clone(&probes));
            async move {
                let probe = || async {
                    probes.fetch_add(1, Ordering::SeqCst);
                    if works.load(Ordering::SeqCst) {
                        Ok(())
                    } else {
                        Err("no answer")
                    }
                };
                dependency.watch(&stop, probe).await;
            }
        });
        let mut state = dependency.part().watch();
        let down = |reason: &str| crate::health::State::NotReady(reason.to_owned());
        state
            .wait_for(|state| *state == down("no answer"))
            .await
            .unwrap();
        works.store(true, Ordering::SeqCst);
        dependency.part().wait_ready().await;
        assert!(probes.load(Ordering::SeqCst) >= 2);
        works.store(false, Ordering::SeqCst);
        dependency.report_trouble("connection closed");
        assert!(!dependency.part().is_ready());
        state
            .wait_for(|state| *state == down("no answer"))
            .await
            .unwrap();
        works.store(true, Ordering::SeqCst);
        dependency.part().wait_ready().await;
        stop.cancel();
        watch.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_never_answers_counts_as_failed() {
        let stop = CancellationToken::new();
        let dependency = Dependency::new(Health::new().part("ledger"));
        let mut state = dependency.part().watch();
        let watched = dependency.watch(&stop, || async {
            std::future::pending::<()>().await;
            Ok::<_, String>(())
        });
        let seen = async {
            let wanted = "no answer within 5 s";
            let is = |state: &crate::health::State| format!("{state:?}").contains(wanted);
            state.wait_for(is).await.unwrap();
            stop.cancel();
        };
        tokio::join!(watched, seen);
    }
}

//! Owns a verifier's doubt in itself: after several odd results in a row it checks its sandbox, and
//! takes no work until the check holds.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use contract::result::ErrorCause;
use process::health::Part;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::limit::Limit;
use crate::result::Came;
use crate::sandbox::Sandbox;

/// Odd results in a row that raise doubt.
const ODD_MAX: u32 = 3;
/// How long between two checks while they do not hold, in seconds.
const RECHECK_SECS: u64 = 10;

/// The doubt of one verifier.
#[derive(Debug)]
pub(crate) struct Doubt {
    odd: AtomicU32,
    raised: Notify,
    part: Part,
}

impl Doubt {
    /// `part` speaks for the sandbox; while it is not ready, no work is taken.
    pub(crate) fn new(part: Part) -> Self {
        Self {
            odd: AtomicU32::new(0),
            raised: Notify::new(),
            part,
        }
    }

    /// Takes note of a result.
    pub(crate) fn saw(&self, came: &Came) {
        if !is_odd(came) {
            self.odd.store(0, Ordering::SeqCst);
        } else if self.odd.fetch_add(1, Ordering::SeqCst) + 1 >= ODD_MAX {
            self.raised.notify_one();
        }
    }

    /// Checks the sandbox whenever doubt is raised, until it is told to stop.
    pub(crate) async fn watch(&self, sandbox: &Sandbox, slot: u16, stop: &CancellationToken) {
        while stop
            .run_until_cancelled(self.raised.notified())
            .await
            .is_some()
        {
            while let Err(surprise) = sandbox.check(slot).await {
                metrics::counter!("assay_verifier_checks_failed_total").increment(1);
                tracing::error!("the sandbox does not do as it must: {surprise}");
                self.part.not_ready(format!("self-check: {surprise}"));
                let pause = timeout(Duration::from_secs(RECHECK_SECS), stop.cancelled());
                if pause.await.is_ok() {
                    return;
                }
            }
            self.odd.store(0, Ordering::SeqCst);
            self.part.ready();
        }
    }
}

/// Whether a result says more of the sandbox than of what ran in it.
fn is_odd(came: &Came) -> bool {
    match came {
        Came::Superseded { .. } | Came::Unchecked => false,
        Came::Error { cause, .. } => *cause == ErrorCause::SandboxUnavailable,
        Came::Judged { judgement, .. } => {
            let wall = Limit::Wall.as_str();
            let steps = &judgement.steps;
            steps.iter().any(|step| step.limit.as_deref() == Some(wall))
        }
    }
}

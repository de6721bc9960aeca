//! Owns what comes of a request that was entered: what is known without a run, and the run.

use contract::job::{PreservedTree, VerificationRequested};
use contract::result::ErrorCause;
use lab::spec::{Executor, LabSpec};
use store::lab_version::LabVersionRow;

use crate::live::{self, Telling};
use crate::once::Subject;
use crate::result::Came;
use crate::slots::Slot;
use crate::verify::{Trouble, Verifier};

impl Verifier {
    /// What comes of it, of a lab version whose rules may not read.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(crate) async fn come(
        &self,
        job: &VerificationRequested,
        version: &LabVersionRow,
        spec: &Result<LabSpec, serde_json::Error>,
        slot: Option<Slot>,
    ) -> Result<Came, Trouble> {
        let spec = match spec {
            Ok(spec) => spec,
            Err(error) => {
                return Ok(Came::Error {
                    cause: ErrorCause::LabBroken,
                    detail: format!("the lab version's rules do not read: {error}"),
                });
            }
        };
        let snapshot = match &job.tree {
            _ if spec.verify.executor == Executor::None => {
                return Ok(unchecked(self.allow_executor_none));
            }
            PreservedTree::Kept { digest } => *digest,
            PreservedTree::Missing { cause, detail } => {
                let (cause, detail) = (*cause, detail.clone());
                return Ok(Came::Error { cause, detail });
            }
            PreservedTree::Unneeded => {
                let detail = "the lab has steps to run, and no tree was kept".to_owned();
                let cause = ErrorCause::SnapshotUnavailable;
                return Ok(Came::Error { cause, detail });
            }
        };
        let slot = match slot {
            Some(slot) => slot,
            None => self.slot(job.lane, spec).await?,
        };
        let (telling, events) = Telling::channel();
        let subject = Subject {
            session: job.push.session,
            snapshot,
            version,
            spec,
            lane: job.lane,
        };
        let carried = live::carry(&self.ground.bus, job, events);
        let (came, ()) = tokio::join!(self.run(subject, telling, slot), carried);
        let came = self.question(subject, came?).await?;
        if let Came::Error { cause, detail } = &came {
            tracing::warn!(request.id = %job.request, "no judgement: {cause}: {detail}");
        }
        Ok(came)
    }
}

/// What comes of a request whose lab has nothing run.
pub(crate) fn unchecked(is_allowed: bool) -> Came {
    if is_allowed {
        return Came::Unchecked;
    }
    Came::Error {
        cause: ErrorCause::LabBroken,
        detail:
            "the lab's executor is \"none\", which verifier.allow_executor_none does not allow \
                 here"
                .to_owned(),
    }
}

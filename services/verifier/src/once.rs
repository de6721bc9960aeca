//! Owns one run of a kept tree by a lab version: its slot, its end, and whether the lab is to blame
//! for it.

use std::sync::Arc;

use contract::digest::Digest;
use contract::ids::{LabId, SessionId};
use contract::message::Lane;
use contract::result::{ErrorCause, Verdict};
use lab::spec::LabSpec;
use objects::owner::Owner;
use store::error::StoreError;
use store::lab_version::LabVersionRow;

use crate::execute::{Run, RunError, execute};
use crate::live::Telling;
use crate::result::Came;
use crate::slots::{Slot, Wish};
use crate::trial::{Trial, broken, is_doubtful};
use crate::verify::{Trouble, Verifier};

/// Most bytes of a trial's log that are read.
const LOG_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What is run: a kept tree by a lab version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) session: SessionId,
    pub(crate) snapshot: Digest,
    pub(crate) version: &'a LabVersionRow,
    pub(crate) spec: &'a LabSpec,
    /// Whose slots it takes.
    pub(crate) lane: Lane,
}

impl Verifier {
    /// Waits for a slot, as long as this process is to work.
    pub(crate) async fn slot(&self, lane: Lane, spec: &LabSpec) -> Result<Slot, Trouble> {
        let limits = spec.limits;
        let memory_mib = u64::from(limits.memory_mib) + u64::from(limits.disk_mib);
        let taking = self.slots.take(Wish { lane, memory_mib });
        let taken = self.stop.run_until_cancelled(taking).await;
        taken.ok_or(Trouble::NotNow)
    }

    /// Runs it once, and judges it.
    pub(crate) async fn run(
        &self,
        subject: Subject<'_>,
        telling: Telling,
        slot: Slot,
    ) -> Result<Came, Trouble> {
        let Subject {
            session,
            snapshot,
            version,
            spec,
            ..
        } = subject;
        let lab_version = digest_of(version)?;
        let run = Run {
            session,
            snapshot,
            lab: LabId::from_uuid(version.lab_id),
            lab_version,
            spec,
            slot: slot.number,
            held: Some(Arc::new(slot)),
            telling,
        };
        match execute(&self.sandbox, &self.objects, &self.company, run).await {
            Ok(came) => Ok(came),
            Err(RunError::Error { cause, detail }) => Ok(Came::Error { cause, detail }),
            Err(RunError::Objects(error)) => Err(Trouble::Objects(error)),
            Err(RunError::GivenUp) => Err(Trouble::NotNow),
        }
    }

    /// Tries the lab's own files where the lab may be to blame for a fail: a lab that cannot work is
    /// nobody's fail.
    pub(crate) async fn question(&self, subject: Subject<'_>, came: Came) -> Result<Came, Trouble> {
        let steps = &subject.spec.steps;
        let judgement = match &came {
            Came::Judged { judgement, .. }
                if judgement.verdict == Verdict::Fail && is_doubtful(steps, judgement) =>
            {
                judgement
            }
            _ => return Ok(came),
        };
        let lab_version = digest_of(subject.version)?;
        let kept = self.trials.of(lab_version);
        let trial = match kept.get() {
            Some(trial) => trial,
            None => match self.try_lab(subject, lab_version).await? {
                Ok(trial) => kept.get_or_init(async || trial).await,
                Err(error) => return Ok(error),
            },
        };
        Ok(match broken(steps, judgement, trial) {
            Some(detail) => Came::Error {
                cause: ErrorCause::LabBroken,
                detail,
            },
            None => came,
        })
    }

    /// Runs the lab's steps on the lab's own files; gives what else came of it where they were not
    /// judged.
    async fn try_lab(
        &self,
        subject: Subject<'_>,
        lab_version: Digest,
    ) -> Result<Result<Trial, Came>, Trouble> {
        // What a session does not have is read from its lab.
        let own = Subject {
            snapshot: lab_version,
            ..subject
        };
        let slot = self.slot(subject.lane, subject.spec).await?;
        let (judgement, log) = match self.run(own, Telling::nobody(), slot).await? {
            Came::Judged { judgement, log, .. } => (judgement, log.0),
            other => return Ok(Err(other)),
        };
        let owner = Owner::Session(subject.session);
        let log = self.objects.get(owner, log, LOG_BYTES_MAX).await;
        let log = match log {
            Err(error) if error.is_transient() => return Err(Trouble::Objects(error)),
            // One that cannot be read names no program.
            log => log.unwrap_or_default(),
        };
        Ok(Ok(Trial::of(judgement, &String::from_utf8_lossy(&log))))
    }
}

fn digest_of(version: &LabVersionRow) -> Result<Digest, StoreError> {
    version.digest.parse().map_err(|_| StoreError::Unreadable {
        table: "lab_version",
        column: "digest",
        reason: "it is no digest".into(),
    })
}

//! Owns the handling of one verification request: looked up, claimed, run, recorded, followed.

use std::sync::Arc;
use std::time::Duration;

use bus::consume::{Handler, Outcome};
use bus::error::PublishError;
use bus::incoming::{Incoming, Lease};
use contract::digest::Digest;
use contract::ids::LabId;
use contract::job::{PreservedTree, VerificationRequested};
use contract::result::ErrorCause;
use contract::time;
use lab::spec::LabSpec;
use objects::store::{Objects, ObjectsError};
use process::dependency::Dependency;
use service::ground::{AWAY_RETRY_SECS, Ground};
use store::error::StoreError;
use store::lab_version::LabVersionRow;
use store::verification_attempt::{self, VerificationRow};
use store::verification_claim::{self, ClaimRow};

use crate::company::Company;
use crate::doubt::Doubt;
use crate::execute::{Run, RunError, execute};
use crate::follow::{Follower, follower};
use crate::live::Telling;
use crate::record::{Recorded, record};
use crate::result::{Came, Try, integer, row};
use crate::sandbox::Sandbox;
use crate::schedule;
use crate::slots::Slots;

/// How long a message is put off whose try somebody else has claimed since, in seconds: long
/// enough for that one to end. Acking would take the message away from under it.
const OVERTAKEN_SECS: u64 = 300;

/// Handles verification requests.
pub(crate) struct Verifier {
    pub(crate) ground: Ground,
    pub(crate) objects: Objects,
    pub(crate) objects_watch: Dependency,
    pub(crate) sandbox: Sandbox,
    pub(crate) company: Company,
    pub(crate) doubt: Arc<Doubt>,
    pub(crate) slots: Slots,
    /// This process, by a name that no other has.
    pub(crate) worker: String,
    /// What runs the steps, with its version.
    pub(crate) runner: String,
}

/// Why a request was not handled to its end.
enum Trouble {
    Ledger(StoreError),
    Bus(PublishError),
    Objects(ObjectsError),
    /// Somebody else works on it.
    Overtaken,
    /// This process is about to end, or has no slot left.
    NotNow,
    /// It names what does not exist.
    Unknown(String),
}

impl Handler for Verifier {
    async fn handle(&self, incoming: &Incoming) -> Outcome {
        let job = match incoming.decode::<VerificationRequested>() {
            Ok(job) => job,
            Err(reason) => return Outcome::Never(reason),
        };
        if let Some(wait) = schedule::remaining(job.not_before, time::now()) {
            return Outcome::Later(wait);
        }
        match self.verify(&job, incoming.lease()).await {
            Ok(()) => Outcome::Done,
            Err(Trouble::Ledger(error)) => self.ground.ledger_refused(&error),
            Err(Trouble::Bus(error)) => self.ground.bus_refused(&error),
            Err(Trouble::Objects(error)) => {
                tracing::warn!(%error, "the objects are away");
                self.objects_watch.report_trouble(error.to_string());
                Outcome::Later(Duration::from_secs(AWAY_RETRY_SECS))
            }
            Err(Trouble::Overtaken) => Outcome::Later(Duration::from_secs(OVERTAKEN_SECS)),
            Err(Trouble::NotNow) => Outcome::Later(Duration::from_secs(AWAY_RETRY_SECS)),
            Err(Trouble::Unknown(reason)) => Outcome::Never(reason),
        }
    }
}

impl Verifier {
    async fn verify(&self, job: &VerificationRequested, lease: &Lease) -> Result<(), Trouble> {
        let row = match self.find(job).await? {
            Some(row) => row,
            None => {
                let (version, claim) = self.claim(job).await?;
                let row = self.work(job, &version, &claim).await?;
                if lease.is_lost() {
                    return Err(Trouble::Overtaken);
                }
                match record(&self.ground.store, job, row).await? {
                    Recorded::Row(row) => {
                        let result = row.result.clone();
                        metrics::counter!("assay_verifications_total", "result" => result)
                            .increment(1);
                        *row
                    }
                    Recorded::Overtaken => return Err(Trouble::Overtaken),
                }
            }
        };
        self.follow(job, &row).await
    }

    async fn find(&self, job: &VerificationRequested) -> Result<Option<VerificationRow>, Trouble> {
        let mut conn = self.ground.store.connection().await?;
        let found = verification_attempt::find(&mut conn, job.request, integer(job.try_number));
        Ok(found.await?)
    }

    async fn claim(
        &self,
        job: &VerificationRequested,
    ) -> Result<(LabVersionRow, ClaimRow), Trouble> {
        let mut conn = self.ground.store.connection().await?;
        let version = verification_attempt::version_of(&mut conn, job.request).await?;
        let version =
            version.ok_or_else(|| Trouble::Unknown(format!("no request {}", job.request)))?;
        let (try_number, now) = (integer(job.try_number), time::now());
        let claim =
            verification_claim::claim(&mut conn, job.request, try_number, &self.worker, now);
        Ok((version, claim.await?))
    }

    /// Works on the request: however it comes out, a row says so.
    async fn work(
        &self,
        job: &VerificationRequested,
        version: &LabVersionRow,
        claim: &ClaimRow,
    ) -> Result<VerificationRow, Trouble> {
        let started_at = time::now();
        let spec = serde_json::from_value::<LabSpec>(version.spec.clone());
        let came = match &spec {
            Ok(spec) => self.try_once(job, version, spec).await?,
            Err(error) => Came::Error {
                cause: ErrorCause::LabBroken,
                detail: format!("the lab version's rules do not read: {error}"),
            },
        };
        self.doubt.saw(&came);
        let spec = spec.as_ref().ok();
        let tried = Try {
            token: claim.token,
            lab_version_digest: &version.digest,
            limits: spec.map(|spec| spec.limits),
            points_max: spec.map_or(0, LabSpec::points_max),
            runner: &self.runner,
            worker: &self.worker,
            started_at,
            finished_at: time::now(),
        };
        Ok(row(job, &tried, came))
    }

    async fn try_once(
        &self,
        job: &VerificationRequested,
        version: &LabVersionRow,
        spec: &LabSpec,
    ) -> Result<Came, Trouble> {
        let snapshot = match &job.tree {
            PreservedTree::Kept { digest } => *digest,
            PreservedTree::Missing { cause, detail } => {
                let (cause, detail) = (*cause, detail.clone());
                return Ok(Came::Error { cause, detail });
            }
        };
        let lab_version: Digest = version.digest.parse().map_err(|_| StoreError::Unreadable {
            table: "lab_version",
            column: "digest",
            reason: "it is no digest".into(),
        })?;
        let slot = self.slots.take().ok_or(Trouble::NotNow)?;
        let run = Run {
            session: job.push.session,
            snapshot,
            lab: LabId::from_uuid(version.lab_id),
            lab_version,
            spec,
            slot: slot.number,
            telling: Telling::nobody(),
        };
        match execute(&self.sandbox, &self.objects, &self.company, run).await {
            Ok(came) => Ok(came),
            Err(RunError::Error { cause, detail }) => {
                tracing::warn!(request.id = %job.request, "no judgement: {cause}: {detail}");
                Ok(Came::Error { cause, detail })
            }
            Err(RunError::Objects(error)) => Err(Trouble::Objects(error)),
            Err(RunError::GivenUp) => Err(Trouble::NotNow),
        }
    }

    async fn follow(
        &self,
        job: &VerificationRequested,
        row: &VerificationRow,
    ) -> Result<(), Trouble> {
        let published = match follower(job, row) {
            None => return Ok(()),
            Some(Follower::Snapshot(message)) => self.ground.bus.publish(&message).await,
            Some(Follower::Verification(message)) => self.ground.bus.publish(&message).await,
        };
        published.map(drop).map_err(Trouble::Bus)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error)
    }
}

//! Owns the handling of one verification request: looked up, entered, run, recorded, followed.

use std::sync::Arc;
use std::time::Duration;

use bus::consume::{Handler, Outcome};
use bus::error::PublishError;
use bus::incoming::{Incoming, Lease};
use contract::job::{PreservedTree, VerificationRequested};
use contract::message::Lane;
use contract::time;
use lab::spec::LabSpec;
use objects::store::{Objects, ObjectsError};
use process::dependency::Dependency;
use service::ground::{AWAY_RETRY_SECS, Ground};
use store::error::StoreError;
use store::lab_version::LabVersionRow;
use store::verification_attempt::{self, VerificationRow};
use store::verification_claim::ClaimRow;
use store::work_sweep::Mark;
use store::{transaction, work_lease, work_turn};
use tokio_util::sync::CancellationToken;

use crate::company::Company;
use crate::doubt::Doubt;
use crate::enter::{Asking, Entered, SWEPT_RETRY_SECS, aside, call, enter, run_of};
use crate::follow::{Follower, follower};
use crate::record::{Recorded, record, refuse};
use crate::result::{Came, MadeOf, Try, integer, row};
use crate::sandbox::Sandbox;
use crate::schedule;
use crate::slots::{Slot, Slots};
use crate::tend::{Stop, tend};
use crate::trial::Trials;

/// How long a message is put off whose try somebody else has claimed since, in seconds: as long as
/// that one's lease holds. Acking would take the message away from under it.
const OVERTAKEN_SECS: u64 = 30;
/// Deliveries of a message whose request is run elsewhere, after which it is put aside: its own
/// count must not make it hopeless.
const HELD_DELIVERIES_MAX: u64 = 8;

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
    pub(crate) made_of: MadeOf,
    pub(crate) trials: Trials,
    /// Whether labs that have nothing run are verified at all.
    pub(crate) allow_executor_none: bool,
    pub(crate) stop: CancellationToken,
}

/// Why a request was not handled to its end.
#[derive(Debug)]
pub(crate) enum Trouble {
    Ledger(StoreError),
    Bus(PublishError),
    Objects(ObjectsError),
    /// Somebody else works on it.
    Overtaken,
    /// Somebody else works on it, for so long at least.
    Held(Duration),
    /// This process is about to end.
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
        let avoid = job.handed.avoid.as_deref();
        let begins_at = schedule::begins_at(job.not_before, avoid, &self.worker);
        if let Some(wait) = schedule::remaining(begins_at, time::now()) {
            return Outcome::Later(wait);
        }
        match self.verify(&job, incoming).await {
            Ok(()) => Outcome::Done,
            Err(trouble) => self.outcome(trouble),
        }
    }
}

impl Verifier {
    /// What becomes of a message that met trouble.
    pub(crate) fn outcome(&self, trouble: Trouble) -> Outcome {
        match trouble {
            Trouble::Ledger(error) => self.ground.ledger_refused(&error),
            Trouble::Bus(error) => self.ground.bus_refused(&error),
            Trouble::Objects(error) => {
                tracing::warn!(%error, "the objects are away");
                self.objects_watch.report_trouble(error.to_string());
                Outcome::Later(Duration::from_secs(AWAY_RETRY_SECS))
            }
            Trouble::Overtaken => Outcome::Later(Duration::from_secs(OVERTAKEN_SECS)),
            Trouble::Held(wait) => Outcome::Later(wait),
            Trouble::NotNow => Outcome::Later(Duration::from_secs(AWAY_RETRY_SECS)),
            Trouble::Unknown(reason) => Outcome::Never(reason),
        }
    }

    async fn verify(
        &self,
        job: &VerificationRequested,
        incoming: &Incoming,
    ) -> Result<(), Trouble> {
        let there = match self.find(job).await? {
            Some(row) => Some(row),
            None => self.work(job, incoming).await?,
        };
        match there {
            Some(row) => self.follow(job, &row).await,
            None => Ok(()),
        }
    }

    async fn find(&self, job: &VerificationRequested) -> Result<Option<VerificationRow>, Trouble> {
        let mut conn = self.ground.store.connection().await?;
        let (request, try_number) = (job.request, integer(job.try_number));
        let work = async |conn: &mut _| verification_attempt::find(conn, request, try_number).await;
        Ok(transaction::by_keys(&mut conn, work).await?)
    }

    /// Works on the request: however it comes out, a row says so. `None` where it is not to be run
    /// by way of this message.
    async fn work(
        &self,
        job: &VerificationRequested,
        incoming: &Incoming,
    ) -> Result<Option<VerificationRow>, Trouble> {
        let mut conn = self.ground.store.connection().await?;
        let version = verification_attempt::version_of(&mut conn, job.request).await?;
        drop(conn);
        let version =
            version.ok_or_else(|| Trouble::Unknown(format!("no request {}", job.request)))?;
        let spec = serde_json::from_value::<LabSpec>(version.spec.clone());
        let asking = Asking {
            job,
            supersede: spec.as_ref().is_ok_and(|spec| spec.verify.supersede),
            worker: &self.worker,
            now: time::now(),
        };
        // What can wait holds nothing while it waits. What cannot is first asked whose turn it is.
        let slot = match (&spec, &job.tree, job.lane) {
            (Ok(spec), PreservedTree::Kept { .. }, Lane::Bulk) => {
                Some(self.slot(Lane::Bulk, spec).await?)
            }
            _ => None,
        };
        let (claim, mark, came) = match enter(&self.ground.store, asking).await? {
            Entered::Run(claim, mark) => {
                let running = self.attend(asking, &version, &spec, (&claim, slot));
                let came = running.await?;
                (claim, Some(mark), came)
            }
            Entered::Known(claim, came) => (claim, None, came),
            Entered::There(row) => return Ok(Some(*row)),
            Entered::Needless => return Ok(None),
            Entered::Held(wait) if incoming.deliveries < HELD_DELIVERIES_MAX => {
                return Err(Trouble::Held(wait));
            }
            Entered::Held(_) | Entered::Aside => {
                metrics::counter!("assay_verifications_put_aside_total").increment(1);
                let published = self.ground.bus.publish(&aside(job)).await;
                return published.map(|_| None).map_err(Trouble::Bus);
            }
        };
        self.keep(
            job,
            (&version, spec.as_ref().ok()),
            (&claim, mark, came),
            incoming.lease(),
        )
        .await
        .map(Some)
    }

    /// Runs it under the care for its lease; a run that is stopped has what is known of it.
    async fn attend(
        &self,
        asking: Asking<'_>,
        version: &LabVersionRow,
        spec: &Result<LabSpec, serde_json::Error>,
        (claim, slot): (&ClaimRow, Option<Slot>),
    ) -> Result<Came, Trouble> {
        let (store, run) = (&self.ground.store, run_of(asking.job, claim));
        let stopped = tokio::select! {
            biased;
            came = self.come(asking.job, version, spec, slot) => {
                if came.is_err() {
                    let mut conn = store.connection().await?;
                    let work = async |conn: &mut _| work_lease::give_up(conn, run).await;
                    transaction::by_keys(&mut conn, work).await?;
                }
                return came;
            }
            stop = tend(store, run, asking) => stop,
        };
        match stopped {
            Stop::Known(came) => Ok(came),
            Stop::Lost => {
                let reason = "the lease was lost while it ran";
                refuse(store, asking.job, claim, (None, reason)).await?;
                Err(Trouble::Overtaken)
            }
        }
    }

    /// Records what came of it.
    async fn keep(
        &self,
        job: &VerificationRequested,
        (version, spec): (&LabVersionRow, Option<&LabSpec>),
        (claim, mark, came): (&ClaimRow, Option<Mark>, Came),
        lease: &Lease,
    ) -> Result<VerificationRow, Trouble> {
        self.doubt.saw(&came);
        let store = &self.ground.store;
        let tools = spec.map_or(&[][..], |spec| &spec.verify.tools);
        let made_of = self.made_of.with_tools(self.sandbox.record_of(tools));
        let made_of = matches!(came, Came::Judged { .. }).then_some(&made_of);
        let tried = Try {
            token: claim.token,
            lab_version_digest: &version.digest,
            limits: spec.map(|spec| spec.limits),
            points_max: spec.map_or(0, LabSpec::points_max),
            runner: &self.runner,
            worker: &self.worker,
            started_at: claim.recorded_at,
            finished_at: time::now(),
        };
        let row = row(job, &tried, came);
        if lease.is_lost() {
            let reason = "the queue had given it to another worker";
            refuse(store, job, claim, (Some(&row), reason)).await?;
            return Err(Trouble::Overtaken);
        }
        match record(store, job, (claim, mark), (row, made_of)).await? {
            Recorded::Row(row) => {
                let result = row.result.clone();
                let took = (row.finished_at - row.started_at)
                    .to_std()
                    .unwrap_or_default();
                metrics::histogram!("assay_verification_duration_seconds", "result" => result.clone())
                    .record(took.as_secs_f64());
                if let Some(cause) = row.cause.clone() {
                    metrics::counter!("assay_verification_errors_total", "cause" => cause)
                        .increment(1);
                }
                metrics::counter!("assay_verifications_total", "result" => result).increment(1);
                Ok(*row)
            }
            Recorded::Overtaken => Err(Trouble::Overtaken),
            Recorded::Swept => Err(Trouble::Held(Duration::from_secs(SWEPT_RETRY_SECS))),
        }
    }

    /// Publishes what follows: the next try, and the call for whoever has the session's turn now.
    async fn follow(
        &self,
        job: &VerificationRequested,
        row: &VerificationRow,
    ) -> Result<(), Trouble> {
        let published = match follower(job, row) {
            None => Ok(()),
            Some(Follower::Snapshot(message)) => self.ground.bus.publish(&message).await.map(drop),
            Some(Follower::Verification(message)) => {
                self.ground.bus.publish(&message).await.map(drop)
            }
        };
        published.map_err(Trouble::Bus)?;
        let mut conn = self.ground.store.connection().await?;
        let session = job.push.session;
        let work = async |conn: &mut _| work_turn::called(conn, session).await;
        let waiting = transaction::by_keys(&mut conn, work).await?;
        drop(conn);
        let Some(call) = waiting.and_then(call) else {
            return Ok(());
        };
        let published = self.ground.bus.publish(&call).await;
        published.map(drop).map_err(Trouble::Bus)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error)
    }
}

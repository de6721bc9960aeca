//! Owns what happens before a run: a request that was superseded, whose session has another one
//! outstanding, or that somebody else runs, is not begun. One transaction decides and claims.

use std::time::Duration;

use contract::job::{PreservedTree, VerificationRequested};
use contract::message::Lane;
use contract::result::ErrorCause;
use contract::time::Timestamp;
use serde_json::Value;
use store::error::StoreError;
use store::pool::Store;
use store::transaction::{self, LedgerConnection};
use store::verification_attempt::{self, VerificationRow};
use store::verification_claim::{self, ClaimRow};
use store::verification_request;
use store::work_lease::{self, Leased, RunOf};
use store::work_sweep::{self, Mark};
use store::work_turn::{self, Turn};

use crate::result::{Came, integer};

/// Workers that may be lost over one try: then it is an error, and the next try waits its time.
pub(crate) const LOST_WORKERS_MAX: i32 = 3;

/// How long a request waits whose session's objects are being removed, in seconds.
pub(crate) const SWEPT_RETRY_SECS: u64 = 2;

/// How a request may be gone on with.
#[derive(Debug)]
pub(crate) enum Entered {
    /// It may be run; the mark is of its session's objects.
    Run(ClaimRow, Mark),
    /// What comes of it is known without a run.
    Known(ClaimRow, Came),
    /// Another message led to its result.
    There(Box<VerificationRow>),
    /// Another one of its session has the turn: this one waits in the bulk lane.
    Aside,
    /// It is run elsewhere, for at least so long.
    Held(Duration),
    /// It was only a call, and there is nothing to do.
    Needless,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) job: &'a VerificationRequested,
    /// Whether the lab lets newer pushes take the place of older ones.
    pub(crate) supersede: bool,
    pub(crate) worker: &'a str,
    pub(crate) now: Timestamp,
}

/// Decides, and claims the try where it may be gone on with.
pub(crate) async fn enter(store: &Store, asking: Asking<'_>) -> Result<Entered, StoreError> {
    let mut conn = store.connection().await?;
    let job = &asking.job.clone();
    let worker = &asking.worker.to_owned();
    let (supersede, now) = (asking.supersede, asking.now);
    let work = async |conn: &mut _| {
        let asking = Asking {
            job,
            supersede,
            worker,
            now,
        };
        decide(conn, asking).await
    };
    transaction::by_keys(&mut conn, work).await
}

async fn decide(conn: &mut LedgerConnection, asking: Asking<'_>) -> Result<Entered, StoreError> {
    let Asking {
        job, worker, now, ..
    } = asking;
    let try_number = integer(job.try_number);
    let Some(mark) = work_sweep::mark(conn, job.push.session).await? else {
        // A log that is put now may be swept away.
        return Ok(Entered::Held(Duration::from_secs(SWEPT_RETRY_SECS)));
    };
    let known = superseded(conn, asking).await?;
    if known.is_none() && !has_turn(conn, job).await? {
        let entered = if job.is_call() {
            Entered::Needless
        } else {
            Entered::Aside
        };
        return Ok(entered);
    }
    let lost = match work_lease::take(conn, job.request, try_number, worker).await? {
        Leased::Ours(lost) => lost,
        Leased::Held(_) if job.is_call() => return Ok(Entered::Needless),
        Leased::Held(left) => {
            let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
            return Ok(Entered::Held(left));
        }
    };
    // Whoever had the lease may have ended in this moment, and with it the lease.
    if let Some(row) = verification_attempt::find(conn, job.request, try_number).await? {
        work_turn::end(conn, job.push.session, job.request).await?;
        work_lease::end(conn, job.request, try_number).await?;
        return Ok(Entered::There(Box::new(row)));
    }
    let claim = verification_claim::claim(conn, job.request, try_number, worker, now).await?;
    work_lease::name(conn, run_of(job, &claim)).await?;
    let workers_lost = || Came::Error {
        cause: ErrorCause::WorkerLost,
        detail: format!("{lost} workers were lost while they ran it"),
    };
    Ok(match known {
        Some(came) => Entered::Known(claim, came),
        None if lost >= LOST_WORKERS_MAX => Entered::Known(claim, workers_lost()),
        None => Entered::Run(claim, mark),
    })
}

/// What comes of a request whose place a newer push has taken.
pub(crate) async fn superseded(
    conn: &mut LedgerConnection,
    Asking { job, supersede, .. }: Asking<'_>,
) -> Result<Option<Came>, StoreError> {
    // Without a tree there is no result but the error that says why.
    if !supersede || !matches!(job.tree, PreservedTree::Kept { .. }) {
        return Ok(None);
    }
    let by = verification_request::superseded_by(conn, job.request).await?;
    Ok(by.map(|by| Came::Superseded {
        detail: format!("a newer push took its place: {by}"),
    }))
}

/// Whether it is the request's turn in its session. Only what is run in the live lane waits for
/// one; a request that has none is noted as waiting.
async fn has_turn(
    conn: &mut LedgerConnection,
    job: &VerificationRequested,
) -> Result<bool, StoreError> {
    if job.lane != Lane::Live || !matches!(job.tree, PreservedTree::Kept { .. }) {
        return Ok(true);
    }
    if job.is_call() {
        return work_turn::holds(conn, job.request).await;
    }
    let turn = work_turn::ask(conn, job.push.session, job.request, &waiting(job)).await?;
    Ok(turn == Turn::Ours)
}

/// The message as it waits in the bulk lane.
pub(crate) fn aside(job: &VerificationRequested) -> VerificationRequested {
    let mut aside = job.clone();
    aside.lane = Lane::Bulk;
    aside.not_before = None;
    aside.handed.round += 1;
    aside
}

/// The message that calls for what waits.
pub(crate) fn call(waiting: Value) -> Option<VerificationRequested> {
    let mut call: VerificationRequested = serde_json::from_value(waiting).ok()?;
    call.lane = Lane::Live;
    call.handed.round += 1;
    Some(call)
}

fn waiting(job: &VerificationRequested) -> Value {
    serde_json::to_value(aside(job)).unwrap_or_default()
}

/// The run under a claim.
pub(crate) fn run_of(job: &VerificationRequested, claim: &ClaimRow) -> RunOf {
    RunOf {
        request: job.request,
        try_number: claim.try_number,
        token: claim.token,
    }
}

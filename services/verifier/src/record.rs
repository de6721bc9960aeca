//! Owns the writing of a result: row, what made it, audit entry and outbox in one transaction. It is
//! refused when somebody else has claimed the try since, and the refusal is a row as well.

use contract::job::VerificationRequested;
use contract::time;
use store::audit_entry;
use store::error::StoreError;
use store::pool::Store;
use store::transaction::{self, LedgerConnection};
use store::verification_attempt::{self, VerificationRow};
use store::verification_claim::{self, ClaimRow};
use store::verification_origin::OriginRow;
use store::verification_refused::RefusedRow;
use store::work_lease;
use store::work_sweep::{self, Mark};
use store::work_turn;

use crate::enter::run_of;
use crate::result::{MadeOf, entry, integer, origin, refusal, refused};

/// Why a result is refused whose log may be gone.
const SWEPT: &str = "objects of its session were removed while it ran";
/// Why a result is refused whose try another one has claimed.
const OVERTAKEN: &str = "another worker has claimed the try since";

/// What became of a result.
#[derive(Debug)]
pub(crate) enum Recorded {
    /// This row is in the ledger: ours, or the one that was there before.
    Row(Box<VerificationRow>),
    /// A newer claim holds the try: the result is its worker's to write.
    Overtaken,
    /// Objects of the session were removed while it ran, and its log may be among them.
    Swept,
}

/// Records a result with what made it, if a run did: where nothing of its session was removed since
/// its mark.
pub(crate) async fn record(
    store: &Store,
    job: &VerificationRequested,
    (claim, mark): (&ClaimRow, Option<Mark>),
    (row, made_of): (VerificationRow, Option<&MadeOf>),
) -> Result<Recorded, StoreError> {
    let mut conn = store.connection().await?;
    let origin = made_of.map(|made_of| origin(job, &row, made_of));
    let (job, row, origin, claim) = (&job.clone(), &row, origin.as_ref(), claim);
    let work = async |conn: &mut _| {
        // What has no log needs none of the session's objects.
        if let (Some(_), Some(mark)) = (&row.log_digest, mark)
            && !work_sweep::still(conn, job.push.session, mark).await?
        {
            let late = refused(claim, Some(row), SWEPT, time::now());
            note(conn, job, &late, claim).await?;
            work_lease::give_up(conn, run_of(job, claim)).await?;
            return Ok(Recorded::Swept);
        }
        write(conn, job, claim, (row, origin)).await
    };
    transaction::by_keys(&mut conn, work).await
}

async fn write(
    conn: &mut LedgerConnection,
    job: &VerificationRequested,
    claim: &ClaimRow,
    (row, origin): (&VerificationRow, Option<&OriginRow>),
) -> Result<Recorded, StoreError> {
    let try_number = integer(job.try_number);
    let there = verification_attempt::find(conn, job.request, try_number).await?;
    if let Some(there) = there {
        if there.token != row.token {
            let late = refused(claim, Some(row), OVERTAKEN, time::now());
            note(conn, job, &late, claim).await?;
        }
        return Ok(Recorded::Row(Box::new(there)));
    }
    let claims = verification_claim::list(conn, job.request, try_number).await?;
    let is_overtaken = claims.iter().any(|claim| claim.token > row.token);
    if is_overtaken {
        let late = refused(claim, Some(row), OVERTAKEN, time::now());
        note(conn, job, &late, claim).await?;
        return Ok(Recorded::Overtaken);
    }
    let new = VerificationRow::insert(conn, std::slice::from_ref(row)).await?;
    if new.is_empty() {
        // Another one's was committed in this moment.
        let there = verification_attempt::find(conn, job.request, try_number).await?;
        let there = there.map(|row| Recorded::Row(Box::new(row)));
        return Ok(there.unwrap_or(Recorded::Overtaken));
    }
    OriginRow::insert(conn, origin.map(std::slice::from_ref).unwrap_or_default()).await?;
    audit_entry::append(conn, &[entry(job, row, origin, &claims)]).await?;
    // In the order in which a run begins: the turn first.
    work_turn::end(conn, job.push.session, job.request).await?;
    work_lease::end(conn, job.request, try_number).await?;
    Ok(Recorded::Row(Box::new(row.clone())))
}

/// Records that a run's result is refused, and gives its lease up; `row` is `None` where the run was
/// stopped before it had one.
pub(crate) async fn refuse(
    store: &Store,
    job: &VerificationRequested,
    claim: &ClaimRow,
    (row, reason): (Option<&VerificationRow>, &str),
) -> Result<(), StoreError> {
    let mut conn = store.connection().await?;
    let late = &refused(claim, row, reason, time::now());
    let job = &job.clone();
    let work = async |conn: &mut _| {
        note(conn, job, late, claim).await?;
        work_lease::give_up(conn, run_of(job, claim)).await
    };
    transaction::by_keys(&mut conn, work).await
}

async fn note(
    conn: &mut LedgerConnection,
    job: &VerificationRequested,
    late: &RefusedRow,
    claim: &ClaimRow,
) -> Result<(), StoreError> {
    let new = RefusedRow::insert(conn, std::slice::from_ref(late)).await?;
    if !new.is_empty() {
        metrics::counter!("assay_verifications_refused_total").increment(1);
        let entry = refusal(job, late, claim);
        audit_entry::append(conn, &[entry]).await?;
    }
    Ok(())
}

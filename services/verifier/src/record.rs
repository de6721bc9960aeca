//! Owns the writing of a result: row, audit entry and outbox in one transaction, refused when
//! somebody else has claimed the try since.

use contract::job::VerificationRequested;
use store::audit_entry;
use store::error::StoreError;
use store::pool::Store;
use store::transaction;
use store::verification_attempt::{self, VerificationRow};
use store::verification_claim;

use crate::result::{entry, integer};

/// What became of a result.
#[derive(Debug)]
pub(crate) enum Recorded {
    /// This row is in the ledger: ours, or the one that was there before.
    Row(Box<VerificationRow>),
    /// A newer claim holds the try: the result is its worker's to write.
    Overtaken,
}

pub(crate) async fn record(
    store: &Store,
    job: &VerificationRequested,
    row: VerificationRow,
) -> Result<Recorded, StoreError> {
    let mut conn = store.connection().await?;
    let (job, row) = (&job.clone(), &row);
    let work = async |conn: &mut _| {
        let try_number = integer(job.try_number);
        let there = verification_attempt::find(conn, job.request, try_number).await?;
        if let Some(there) = there {
            return Ok(Recorded::Row(Box::new(there)));
        }
        let claims = verification_claim::list(conn, job.request, try_number).await?;
        if claims.iter().any(|claim| claim.token > row.token) {
            return Ok(Recorded::Overtaken);
        }
        let new = VerificationRow::insert(conn, std::slice::from_ref(row)).await?;
        if new.is_empty() {
            // Another one's was committed in this moment.
            let there = verification_attempt::find(conn, job.request, try_number).await?;
            let there = there.map(|row| Recorded::Row(Box::new(row)));
            return Ok(there.unwrap_or(Recorded::Overtaken));
        }
        audit_entry::append(conn, &[entry(job, row, &claims)]).await?;
        Ok(Recorded::Row(Box::new(row.clone())))
    };
    transaction::run(&mut conn, work).await
}

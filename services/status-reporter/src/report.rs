//! Owns the transaction of a report: its row, its audit entry, and that it is no longer due.

use contract::canonical::canonical_json;
use contract::digest::Digest;
use contract::name::SourceName;
use contract::time::now;
use forge_api::status::Status;
use process::settings::source::Source;
use store::audit_entry;
use store::error::StoreError;
use store::pool::Store;
use store::status_report::{Standing, StatusReportRow};
use store::transaction::{self, LedgerConnection};
use store::work_status::{self, Due};
use uuid::Uuid;

use crate::audit;

/// What was told of an attempt, and why the forge refused it, if it did.
pub(crate) struct Told<'a> {
    pub(crate) due: &'a Due,
    pub(crate) standing: &'a Standing,
    pub(crate) status: &'a Status,
    pub(crate) refused: Option<String>,
}

/// Records what was told. Of two reports of the same attempt that were made at once one is kept.
pub(crate) async fn record(
    store: &Store,
    name: &SourceName,
    source: &Source,
    told: &Told<'_>,
) -> Result<(), StoreError> {
    let body = told.status.body(source.provider);
    let row = StatusReportRow {
        id: Uuid::now_v7(),
        lab_attempt_id: told.due.lab_attempt_id,
        number: told.standing.told_number + 1,
        request_id: told.standing.request_id,
        try_number: told.standing.try_number,
        state: told.status.state.as_str().to_owned(),
        digest: Digest::of(canonical_json(&body).as_bytes()).to_string(),
        outcome: if told.refused.is_none() {
            "accepted"
        } else {
            "refused"
        }
        .to_owned(),
        reason: told.refused.clone(),
        recorded_at: now(),
    };
    let entry = audit::of_report(&row, name.as_str());
    let (row, entry) = (std::slice::from_ref(&row), std::slice::from_ref(&entry));
    let mut places = vec![told.due.repository.as_str()];
    if told.refused.is_none() {
        places.push("");
    }
    let work = async |conn: &mut LedgerConnection| {
        if StatusReportRow::insert(conn, row).await?.is_empty() {
            return Ok(());
        }
        audit_entry::append(conn, entry).await?;
        // It answered for the repository, whatever it thinks of the status.
        work_status::mended(conn, name, &places).await?;
        work_status::done(conn, told.due).await
    };
    transaction::run(&mut *store.connection().await?, work).await
}

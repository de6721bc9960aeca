//! Owns the transactions: a comparison, the gaps that it found first, and a command's outcome, each
//! with its audit entry.

use contract::command::ReconcileRequested;
use contract::ids::GapId;
use contract::time::{Timestamp, now};
use serde_json::{Value, json};
use store::audit_entry;
use store::command::CommandRow;
use store::error::StoreError;
use store::pool::Store;
use store::reconciliation::{GapRow, ReconciliationRow};
use store::row::LedgerRow;
use store::transaction::{self, LedgerConnection};
use uuid::Uuid;

use crate::audit;
use crate::judge::{Action, Told};
use crate::refs::Found;

/// Gaps of one transaction, and so of one audit entry.
const GAPS_PER_ENTRY: usize = 500;

/// Records a comparison, once.
pub(crate) async fn comparison(store: &Store, row: &ReconciliationRow) -> Result<(), StoreError> {
    let work = async |conn: &mut LedgerConnection| {
        let new = ReconciliationRow::insert(conn, std::slice::from_ref(row)).await?;
        if !new.contains(&row.id) {
            return Ok(());
        }
        let outcome = if row.outcome == "complete" {
            "success"
        } else {
            "failure"
        };
        let entry = audit::of_rows(
            "reconciliation-made",
            &row.id.to_string(),
            &row.source,
            outcome,
            vec![row.covered()],
            row.recorded_at,
        );
        audit_entry::append(conn, &[entry]).await
    };
    transaction::run(&mut *store.connection().await?, work).await
}

/// Records gaps; those that were recorded before stay as they are. Says how many were new.
pub(crate) async fn gaps(store: &Store, rows: &[GapRow]) -> Result<usize, StoreError> {
    let mut sorted: Vec<&GapRow> = rows.iter().collect();
    sorted.sort_by_key(|row| row.id);
    let sorted: Vec<GapRow> = sorted.into_iter().cloned().collect();
    let mut all = 0;
    for part in sorted.chunks(GAPS_PER_ENTRY) {
        let work = async |conn: &mut LedgerConnection| {
            let new = GapRow::insert(conn, part).await?;
            let new: Vec<_> = part.iter().filter(|row| new.contains(&row.id)).collect();
            let Some(first) = new.first() else {
                return Ok(0);
            };
            let entry = audit::of_rows(
                "gaps-found",
                &first.id.to_string(),
                &first.source,
                "success",
                new.iter().map(|row| row.covered()).collect(),
                first.recorded_at,
            );
            audit_entry::append(conn, &[entry]).await?;
            Ok(new.len())
        };
        all += transaction::run(&mut *store.connection().await?, work).await?;
    }
    Ok(all)
}

/// What became of a command.
pub(crate) async fn outcome(
    store: &Store,
    asked: &ReconcileRequested,
    ended: Result<Value, String>,
) -> Result<(), StoreError> {
    let (outcome, word, reason, result) = match ended {
        Ok(result) => ("accepted", "success", None, Some(result)),
        Err(reason) => ("refused", "failure", Some(reason), None),
    };
    let row = CommandRow {
        id: asked.command.as_uuid(),
        kind: ReconcileRequested::TOKEN.to_owned(),
        actor: asked.actor.to_string(),
        body: json!({
            "source": asked.source,
            "repository": asked.repository,
            "since": asked.since,
            "reason": asked.reason,
            "plan": asked.plan,
        }),
        outcome: outcome.to_owned(),
        reason,
        result,
        recorded_at: now(),
    };
    let work = async |conn: &mut LedgerConnection| {
        let new = CommandRow::insert(conn, std::slice::from_ref(&row)).await?;
        if !new.contains(&row.id) {
            return Ok(());
        }
        let rows = vec![row.covered()];
        let source = asked.source.as_str();
        let entry = audit::of_command(&row, source, word, rows);
        audit_entry::append(conn, &[entry]).await
    };
    transaction::run(&mut *store.connection().await?, work).await
}

/// The row of a delivery that the ledger lacks.
pub(crate) fn of_delivery(run: Uuid, source: &str, told: &Told, now: Timestamp) -> GapRow {
    GapRow {
        id: GapId::compute(source, &told.guid).as_uuid(),
        reconciliation_id: run,
        source: source.to_owned(),
        kind: told.kind().to_owned(),
        subject: told.guid.clone(),
        repository: None,
        ref_name: None,
        before_sha: None,
        after_sha: None,
        event: Some(told.event.clone()),
        first_attempt_at: Some(told.first_at),
        last_status: Some(told.last_status.into()),
        action: told.action().as_str().to_owned(),
        recorded_at: now,
    }
}

/// The row of a ref that is elsewhere than the ledger last saw it.
pub(crate) fn of_ref(run: Uuid, source: &str, found: &Found, now: Timestamp) -> GapRow {
    let what = &found.what;
    let subject = what.forge_delivery();
    GapRow {
        id: GapId::compute(source, &subject).as_uuid(),
        reconciliation_id: run,
        source: source.to_owned(),
        kind: "ref".to_owned(),
        subject,
        repository: Some(what.repository.to_string()),
        ref_name: Some(what.ref_name.clone()),
        before_sha: what.before.as_ref().map(ToString::to_string),
        after_sha: what.after.as_ref().map(ToString::to_string),
        event: None,
        first_attempt_at: None,
        last_status: None,
        action: Action::Record.as_str().to_owned(),
        recorded_at: now,
    }
}

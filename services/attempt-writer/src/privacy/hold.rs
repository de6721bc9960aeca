//! Owns legal holds: rows that keep a person from being erased, and what they say.

use contract::audit::CoveredRow;
use contract::command::privacy::PrivacyOrdered;
use contract::time::{Timestamp, to_text};
use serde_json::{Map, Value, json};
use store::audit_entry::{self, PendingEntry};
use store::erasure::HoldRow;
use store::error::StoreError;
use store::row::LedgerRow;
use store::transaction::LedgerConnection;
use uuid::Uuid;

use crate::audit;
use crate::privacy::erase::Planned;

/// Why an erasure is refused.
pub(super) fn held_by(row: &HoldRow) -> String {
    format!(
        "{} is under a legal hold since {} (command {}): end it first, by `assay privacy release`",
        row.principal_id,
        to_text(row.recorded_at),
        row.command_id
    )
}

/// Writes a hold, or its end.
pub(super) async fn hold(
    conn: &mut LedgerConnection,
    asked: &PrivacyOrdered,
    planned: &Planned,
    (action, told_as): (&'static str, &'static str),
    at: Timestamp,
) -> Result<Result<Value, String>, StoreError> {
    let rows: Vec<HoldRow> = planned
        .people
        .iter()
        .map(|person| HoldRow {
            id: Uuid::now_v7(),
            command_id: asked.command.as_uuid(),
            principal_id: *person,
            action: action.to_owned(),
            recorded_at: at,
        })
        .collect();
    HoldRow::insert(conn, &rows).await?;
    let covered = rows.iter().map(LedgerRow::covered).collect();
    let entry = entry(told_as, asked, covered, &planned.people, at);
    audit_entry::append(conn, &[entry]).await?;
    Ok(Ok(json!({ "people": planned.people })))
}

/// The entry of an order about people.
pub(super) fn entry(
    action: &'static str,
    asked: &PrivacyOrdered,
    rows: Vec<CoveredRow>,
    people: &[Uuid],
    at: Timestamp,
) -> PendingEntry {
    let mut fields = Map::new();
    fields.insert("assay.command.id".into(), json!(asked.command));
    fields.insert("assay.actor".into(), json!(asked.actor));
    fields.insert("assay.reason".into(), json!(asked.reason));
    fields.insert("assay.people".into(), json!(people));
    let subject = asked.command.to_string();
    audit::of_rows(action, &subject, None, fields, rows, at)
}

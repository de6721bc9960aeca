//! Owns the row that says what became of a command, and its audit entry.

use contract::ids::CommandId;
use contract::name::Actor;
use contract::time::Timestamp;
use serde_json::{Map, Value, json};
use store::audit_entry;
use store::command::CommandRow;
use store::error::StoreError;
use store::row::LedgerRow;
use store::transaction::LedgerConnection;

use crate::audit;

/// A command that was decided.
pub(crate) struct Decided<'a> {
    pub(crate) command: CommandId,
    /// The kind's token.
    pub(crate) kind: &'static str,
    pub(crate) actor: &'a Actor,
    /// What it asked for.
    pub(crate) body: Value,
    /// What came of it, or why it was refused.
    pub(crate) outcome: Result<Value, String>,
    /// Further fields of the audit entry.
    pub(crate) fields: Map<String, Value>,
}

/// Records what became of a command. The first to record it decides; what comes later adds
/// nothing.
pub(crate) async fn record(
    conn: &mut LedgerConnection,
    decided: Decided<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (outcome, reason, result) = match decided.outcome {
        Ok(result) => ("accepted", None, Some(result)),
        Err(reason) => ("refused", Some(reason), None),
    };
    let row = CommandRow {
        id: decided.command.as_uuid(),
        kind: decided.kind.to_owned(),
        actor: decided.actor.to_string(),
        body: decided.body,
        outcome: outcome.to_owned(),
        reason,
        result,
        recorded_at: now,
    };
    let new = CommandRow::insert(conn, std::slice::from_ref(&row)).await?;
    if new.is_empty() {
        return Ok(());
    }
    let mut fields = decided.fields;
    fields.insert("assay.command.id".into(), json!(row.id));
    fields.insert("assay.command.kind".into(), json!(row.kind));
    fields.insert("assay.command.outcome".into(), json!(outcome));
    fields.insert("assay.actor".into(), json!(row.actor));
    // Why it was asked for, where that was said; why it was refused is in the row.
    if let Some(reason) = row.body["reason"].as_str() {
        fields.insert("assay.reason".into(), json!(reason));
    }
    let subject = row.id.to_string();
    let covered = vec![row.covered()];
    let entry = audit::of_rows("command-carried-out", &subject, None, fields, covered, now);
    audit_entry::append(conn, &[entry]).await
}

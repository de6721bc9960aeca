//! Owns `command`: what became of a command.

use contract::ids::CommandId;
use contract::time::Timestamp;
use diesel::sql_types::{Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::ledger_row;

ledger_row! {
    /// What became of a command.
    "command" CommandRow [id] {
        /// The command, as its caller named it.
        id: Uuid => SqlUuid,
        /// Its kind: `lab-publish`, `session-open`.
        kind: String => Text,
        /// Who gave it.
        actor: String => Text,
        /// What it asked for.
        body: Value => Jsonb,
        /// `accepted` or `refused`.
        outcome: String => Text,
        /// Why it was refused.
        reason: Option<String> => Nullable<Text>,
        /// What came of it.
        result: Option<Value> => Nullable<Jsonb>,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// The command's outcome, once it has one.
///
/// # Errors
/// What the database answers.
pub async fn find(
    conn: &mut AsyncPgConnection,
    command: CommandId,
) -> Result<Option<CommandRow>, StoreError> {
    Ok(sql_query("SELECT * FROM command WHERE id = $1")
        .bind::<SqlUuid, _>(command.as_uuid())
        .get_result(conn)
        .await
        .optional()?)
}

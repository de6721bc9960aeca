//! Owns `restore` and `restore_step`: a ledger that was made anew from a backup, and how far that
//! is. Only the operator's command writes them, as the owner.

use contract::time::Timestamp;
use diesel::sql_types::{Jsonb, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::ledger_row;

ledger_row! {
    /// A restore that was begun.
    "restore" RestoreRow [id] {
        /// The restore.
        id: Uuid => SqlUuid,
        /// The backup that it is made of.
        backup_id: Uuid => SqlUuid,
        /// SHA-256 of that backup's manifest, in hex.
        manifest_digest: String => Text,
        /// When the backup was made.
        backup_made_at: Timestamp => Timestamptz,
        /// When it was begun.
        recorded_at: Timestamp => Timestamptz,
    }
}

ledger_row! {
    /// A step of a restore that is done.
    "restore_step" RestoreStepRow [restore_id, step] {
        /// The restore.
        restore_id: Uuid => SqlUuid,
        /// Which step: `ledger`, `objects`, `log`, `erasures`, `finished`.
        step: String => Text,
        /// What came of it.
        detail: Value => Jsonb,
        /// When it was done.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// A restore that is not finished.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Unfinished {
    /// The restore.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// The backup that it is made of.
    #[diesel(sql_type = SqlUuid)]
    pub backup_id: Uuid,
    /// When it was begun.
    #[diesel(sql_type = Timestamptz)]
    pub recorded_at: Timestamp,
}

#[derive(QueryableByName)]
struct There {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    there: bool,
}

/// The restore that is not finished, if there is one; none in a database without our tables.
///
/// # Errors
/// What the database answers.
pub async fn unfinished(conn: &mut AsyncPgConnection) -> Result<Option<Unfinished>, StoreError> {
    let text = "SELECT to_regclass('restore_unfinished') IS NOT NULL AS there";
    let view: There = sql_query(text).get_result(&mut *conn).await?;
    if !view.there {
        return Ok(None);
    }
    let text = "SELECT id, backup_id, recorded_at FROM restore_unfinished \
                ORDER BY recorded_at DESC LIMIT 1";
    Ok(sql_query(text).get_result(conn).await.optional()?)
}

/// A restore, if it was begun.
///
/// # Errors
/// What the database answers.
pub async fn find(
    conn: &mut AsyncPgConnection,
    restore: Uuid,
) -> Result<Option<RestoreRow>, StoreError> {
    Ok(sql_query("SELECT * FROM restore WHERE id = $1")
        .bind::<SqlUuid, _>(restore)
        .get_result(conn)
        .await
        .optional()?)
}

/// The steps of a restore that are done, in their order.
///
/// # Errors
/// What the database answers.
pub async fn steps(
    conn: &mut AsyncPgConnection,
    restore: Uuid,
) -> Result<Vec<RestoreStepRow>, StoreError> {
    let text = "SELECT * FROM restore_step WHERE restore_id = $1 ORDER BY recorded_at, step";
    Ok(sql_query(text)
        .bind::<SqlUuid, _>(restore)
        .load(conn)
        .await?)
}

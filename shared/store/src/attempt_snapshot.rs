//! Owns `attempt_snapshot`: which tree an attempt's commit has.

use contract::ids::AttemptId;
use contract::time::Timestamp;
use diesel::sql_types::{Array, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::AsyncPgConnection;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::ledger_row;

ledger_row! {
    /// Which tree an attempt's commit has.
    "attempt_snapshot" AttemptSnapshotRow [lab_attempt_id] {
        /// The attempt.
        lab_attempt_id: Uuid => SqlUuid,
        /// Its tree.
        snapshot_id: Uuid => SqlUuid,
        /// Where the webhook's claims differ from git; nothing where they do not.
        differs: Option<Value> => Nullable<Jsonb>,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

/// An attempt with the digest of its tree.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct KeptTree {
    /// The attempt.
    #[diesel(sql_type = SqlUuid)]
    pub lab_attempt_id: Uuid,
    /// Digest of the snapshot's manifest.
    #[diesel(sql_type = Text)]
    pub digest: String,
}

/// The trees of these attempts; of those whose tree is preserved. In a transaction
/// [by keys](crate::transaction::by_keys).
///
/// # Errors
/// What the database answers.
pub async fn kept(
    conn: &mut AsyncPgConnection,
    attempts: &[AttemptId],
) -> Result<Vec<KeptTree>, StoreError> {
    let attempts: Vec<Uuid> = attempts.iter().map(|id| id.as_uuid()).collect();
    // Each asked by itself, by the index of its key: a plan that joins could read whole tables.
    let text = "SELECT lab_attempt_id, digest FROM ( \
                    SELECT wanted.id AS lab_attempt_id, \
                        (SELECT digest FROM snapshot WHERE id = ( \
                            SELECT snapshot_id FROM attempt_snapshot \
                            WHERE lab_attempt_id = wanted.id)) AS digest \
                    FROM UNNEST($1) AS wanted (id) \
                ) AS asked WHERE digest IS NOT NULL";
    let query = sql_query(text).bind::<Array<SqlUuid>, _>(attempts);
    Ok(crate::prepared::RunPrepared::load(query, conn).await?)
}
